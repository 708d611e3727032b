"""Scale to zero, and the wake by a request: loops and services against fakes."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from endpoints import tasks, wiring
from endpoints.domain.actor import SYSTEM, Actor
from endpoints.domain.counters import ClusterCounters
from endpoints.domain.errors import Conflict, Forbidden, Invalid
from endpoints.domain.packing import columns
from endpoints.domain.rollups import Gauge, SampleValues, aligned
from endpoints.domain.routing import DeploymentRoute
from endpoints.enums import Source
from endpoints.models import Deployment, Endpoint, Event, Replica, Sample
from endpoints.services.deployments import delete_deployment, update_deployment
from endpoints.services.sleeping import put_to_sleep, set_scale_to_zero, wake, wake_for_request
from endpoints.telemetry.fake import FakeGatewayStatistics
from tests.world import World


@pytest.fixture
def blue(world: World) -> Deployment:
    """Two replicas with all of the traffic; a minute without a request, and they end."""
    endpoint = world.endpoint("prices")
    deployment = world.deployment(endpoint, instance_count=2)
    world.traffic(endpoint, {"blue": 100})
    set_scale_to_zero(actor=SYSTEM, deployment=deployment, after=60)
    return deployment


def route(world: World) -> DeploymentRoute:
    assert world.gateway.in_force is not None
    return world.gateway.in_force.endpoints[0].deployments[0]


def measured(deployment: Deployment, *, requests: int = 0, active: int = 0) -> None:
    values = SampleValues(counts={"2xx": requests}, active=Gauge.of(active))
    at = aligned(timezone.now(), 10)
    Sample.objects.create(deployment=deployment, resolution=10, at=at, **columns(values))


def test_it_sleeps_when_nobody_called_for_so_long(world: World, blue: Deployment) -> None:
    with time_machine.travel(timezone.now() + timedelta(seconds=70), tick=False):
        measured(blue)
        tasks.look_for_idle()
    blue.refresh_from_db()
    assert blue.sleep == "asleep"
    world.settle()
    assert world.compute.seen == {}
    assert (route(world).sockets, route(world).hold_ms, route(world).queue > 0) == ((), 5000, True)
    event = Event.objects.get(verb="deployment.scaled_to_zero")
    assert event.reason.startswith("No request for ")
    assert blue.state == "Succeeded"


@pytest.mark.parametrize(("requests", "active"), [(3, 0), (0, 1)])
def test_it_stays_awake_while_somebody_calls(world: World, blue: Deployment, requests: int, active: int) -> None:
    with time_machine.travel(timezone.now() + timedelta(seconds=70), tick=False):
        measured(blue, requests=requests, active=active)
        tasks.look_for_idle()
    blue.refresh_from_db()
    assert blue.sleep == "awake"


def test_it_stays_awake_when_nobody_measures(world: World, blue: Deployment) -> None:
    measured(blue)
    with time_machine.travel(timezone.now() + timedelta(hours=2), tick=False):
        tasks.look_for_idle()
    blue.refresh_from_db()
    assert blue.sleep == "awake"


def test_it_stays_awake_while_it_is_a_mirror(world: World, blue: Deployment) -> None:
    Endpoint.objects.update(mirror_traffic={"blue": 10})
    with time_machine.travel(timezone.now() + timedelta(seconds=70), tick=False):
        measured(blue)
        tasks.look_for_idle()
    blue.refresh_from_db()
    assert blue.sleep == "awake"


def test_a_request_wakes_it_once(world: World, blue: Deployment) -> None:
    put_to_sleep(actor=SYSTEM, deployment=blue)
    world.settle()
    for _ in range(3):
        wake_for_request(blue.pk.hex)
    assert Event.objects.filter(verb="deployment.woken").count() == 1
    world.settle()
    assert len(route(world).sockets) == 2
    assert (route(world).hold_ms, route(world).queue > 0) == (0, True)
    with time_machine.travel(timezone.now() + timedelta(seconds=40), tick=False):
        tasks.look_for_idle()
    world.settle()
    assert route(world).queue == 0
    blue.refresh_from_db()
    assert blue.sleep == "awake"


def test_one_that_starts_slowly_has_its_room_until_those_who_waited_are_served(world: World, blue: Deployment) -> None:
    put_to_sleep(actor=SYSTEM, deployment=blue)
    world.settle()
    wake_for_request(blue.pk.hex)
    now = timezone.now()
    with time_machine.travel(now + timedelta(seconds=100), tick=False):
        world.settle()
        Replica.objects.update(ready_at=timezone.now())
        tasks.look_for_idle()
        blue.refresh_from_db()
        assert blue.sleep == "waking"
    statistics = wiring.gateway_statistics()
    assert isinstance(statistics, FakeGatewayStatistics)
    with time_machine.travel(now + timedelta(seconds=140), tick=False):
        for waiting, then in ((3, "waking"), (0, "awake")):
            statistics.clusters = {blue.cluster: ClusterCounters(waiting=waiting)}
            tasks.look_for_idle()
            blue.refresh_from_db()
            assert blue.sleep == then


def test_there_is_nothing_to_wait_for_where_it_is_deleted(world: World, blue: Deployment) -> None:
    put_to_sleep(actor=SYSTEM, deployment=blue)
    assert wake_for_request(blue.pk.hex)
    world.traffic(blue.endpoint, {})
    delete_deployment(actor=SYSTEM, deployment=blue)
    assert not wake_for_request(blue.pk.hex)
    assert not wake_for_request("0" * 32)


def test_a_request_in_the_midst_of_going_to_sleep_finds_a_way(world: World, blue: Deployment) -> None:
    put_to_sleep(actor=SYSTEM, deployment=blue)
    world.run_hints()
    wake_for_request(blue.pk)
    world.settle()
    assert len(route(world).sockets) == 2
    assert len(world.compute.seen) == 2


def test_an_update_wakes_it(world: World, blue: Deployment) -> None:
    put_to_sleep(actor=SYSTEM, deployment=blue)
    world.settle()
    update_deployment(actor=SYSTEM, deployment=blue, request_timeout_ms=9000)
    world.settle()
    blue.refresh_from_db()
    assert (blue.sleep, blue.state, len(route(world).sockets)) == ("waking", "Succeeded", 2)


def test_one_that_may_not_sleep_any_more_wakes(world: World, blue: Deployment) -> None:
    put_to_sleep(actor=SYSTEM, deployment=blue)
    set_scale_to_zero(actor=SYSTEM, deployment=blue, after=None)
    blue.refresh_from_db()
    assert blue.sleep == "waking"


def test_what_moves_is_not_put_to_sleep(world: World, blue: Deployment) -> None:
    update_deployment(actor=SYSTEM, deployment=blue, request_timeout_ms=9000)
    with pytest.raises(Conflict, match="Updating"):
        put_to_sleep(actor=SYSTEM, deployment=blue)


@pytest.mark.parametrize("after", [0, 29, 86_401])
def test_the_time_has_bounds(world: World, blue: Deployment, after: int) -> None:
    with pytest.raises(Invalid) as caught:
        set_scale_to_zero(actor=SYSTEM, deployment=blue, after=after)
    assert "30 to 86400" in caught.value.fields["scale_to_zero_after"]
    blue.refresh_from_db()
    assert blue.scale_to_zero_after == 60


def test_a_reader_neither_wakes_nor_puts_to_sleep(world: World, blue: Deployment) -> None:
    reader = Actor(user=world.people.reader, source=Source.UI)
    for change in (put_to_sleep, wake):
        with pytest.raises(Forbidden):
            change(actor=reader, deployment=blue)
    with pytest.raises(Forbidden):
        set_scale_to_zero(actor=reader, deployment=blue, after=None)
