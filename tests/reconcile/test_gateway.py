from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from endpoints import tasks
from endpoints.domain.actor import SYSTEM
from endpoints.models import Endpoint, GatewayState
from endpoints.reconcile import gateway
from endpoints.services.credentials import regenerate_key
from endpoints.services.endpoints import create_endpoint
from endpoints.services.traffic import set_traffic
from tests.factories import DeploymentFactory, EndpointFactory
from tests.world import World


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "CONFIRM_SECONDS", 0.05)


def state() -> GatewayState:
    return GatewayState.objects.get()


def test_the_whole_state_as_a_table(world: World) -> None:
    endpoint = EndpointFactory(name="prices", traffic={"blue": 70, "green": 30}, workspace=world.workspace)
    for name in ("green", "blue"):
        DeploymentFactory(endpoint=endpoint, name=name, replicas=2, request_timeout_ms=7000)
    DeploymentFactory(endpoint=endpoint, name="gone", replicas=1, state="Deleting")
    EndpointFactory(name="away", state="Deleting")
    tasks.reconcile_gateway()
    (route,) = world.gateway.tables[-1].endpoints
    assert (route.name, len(route.keys)) == ("prices", 2)
    assert [(item.name, item.weight, len(item.sockets)) for item in route.deployments] == [
        ("blue", 70, 2),
        ("green", 30, 2),
    ]
    assert (route.deployments[0].request_timeout_ms, route.deployments[0].scoring_path) == (7000, "/score")


def test_nothing_is_published_twice(world: World) -> None:
    world.endpoint("prices")
    published = len(world.gateway.tables)
    for _ in range(3):
        tasks.reconcile_gateway()
    assert len(world.gateway.tables) == published


def test_a_gateway_that_came_back_with_something_else_is_put_right(world: World) -> None:
    world.endpoint("prices")
    right = world.gateway.tables[-1]
    world.gateway.tables.append(type(right)(endpoints=()))
    assert world.gateway.observe().version != right.version
    tasks.reconcile_gateway()
    assert world.gateway.observe().version == right.version


def test_one_that_is_down_gets_its_table_once_and_is_believed_when_it_is_back(world: World) -> None:
    world.gateway.live = False
    world.endpoint("prices")
    assert len(world.gateway.tables) == 1
    assert state().confirmed_revision < state().desired_revision
    world.gateway.live = True
    tasks.reconcile_gateway()
    assert len(world.gateway.tables) == 1
    assert state().confirmed_revision == state().desired_revision


def test_one_that_takes_a_table_and_does_not_use_it_is_not_believed(world: World) -> None:
    endpoint = world.endpoint("prices")
    world.gateway.holds_back = True
    regenerate_key(actor=SYSTEM, endpoint=endpoint, kind="Primary")
    tasks.reconcile_gateway()
    assert state().confirmed_revision < state().desired_revision


def test_a_refusal_is_kept_told_and_tried_again_after_a_while(world: World) -> None:
    endpoint = world.endpoint("prices")
    before = state()
    world.gateway.refusal = "cluster d-1: bad socket"
    regenerate_key(actor=SYSTEM, endpoint=endpoint, kind="Primary")
    tasks.reconcile_gateway()
    assert (state().refusal, state().refused_at is not None) == ("cluster d-1: bad socket", True)
    assert (state().confirmed_revision, state().version) == (before.confirmed_revision, before.version)
    world.gateway.refusal = ""
    tasks.reconcile_gateway()
    assert state().refusal == "cluster d-1: bad socket"
    with time_machine.travel(timezone.now() + timedelta(seconds=31)):
        tasks.reconcile_gateway()
    assert (state().refusal, state().refused_at, state().confirmed_revision) == ("", None, state().desired_revision)


def test_another_table_is_tried_at_once(world: World) -> None:
    endpoint = world.endpoint("prices")
    world.gateway.refusal = "no"
    regenerate_key(actor=SYSTEM, endpoint=endpoint, kind="Primary")
    tasks.reconcile_gateway()
    world.gateway.refusal = ""
    regenerate_key(actor=SYSTEM, endpoint=endpoint, kind="Primary")
    tasks.reconcile_gateway()
    assert (state().refusal, state().confirmed_revision) == ("", state().desired_revision)


def test_a_deployment_that_waits_for_it_quotes_the_refusal(world: World) -> None:
    endpoint = world.endpoint("prices")
    world.gateway.refusal = "cluster d-1: bad socket"
    deployment = world.deployment(endpoint)
    assert deployment.state == "Creating"
    note = deployment.operations.get().phases[-1]["message"]
    assert note == "The gateway refused the routes: cluster d-1: bad socket"


def test_a_change_during_the_confirmation_is_taken_along(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is not called live before its own table is in force."""
    create_endpoint(actor=SYSTEM, workspace=world.workspace, name="first")
    publish = type(world.gateway).publish

    def meanwhile(fake: object, table: object) -> None:
        publish(fake, table)  # type: ignore[arg-type]
        if not Endpoint.objects.filter(name="second").exists():
            create_endpoint(actor=SYSTEM, workspace=world.workspace, name="second")

    monkeypatch.setattr(type(world.gateway), "publish", meanwhile)
    tasks.reconcile_gateway()
    assert [len(table.endpoints) for table in world.gateway.tables] == [1, 2]
    assert set(Endpoint.objects.values_list("state", flat=True)) == {"Succeeded"}
    assert state().confirmed_revision == state().desired_revision == 2


def test_a_share_that_was_changed_meanwhile_is_not_called_live(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = world.endpoint("prices")
    world.deployment(endpoint, "blue")
    world.deployment(endpoint, "green")
    set_traffic(actor=SYSTEM, endpoint=endpoint, traffic={"blue": 100})
    loaded = gateway._load()
    set_traffic(actor=SYSTEM, endpoint=endpoint, traffic={"green": 100})
    gateway._confirm(state().desired_revision, "old", loaded, now=timezone.now())
    endpoint.refresh_from_db()
    assert endpoint.live_traffic == {}


@pytest.mark.parametrize("count", [1, 3])
def test_loading_takes_the_same_queries_however_many(
    world: World, count: int, django_assert_num_queries: object
) -> None:
    for _ in range(count):
        DeploymentFactory(endpoint=EndpointFactory(workspace=world.workspace), replicas=2)
    with django_assert_num_queries(8):  # type: ignore[operator]
        gateway.table_of(gateway._load())
