import pytest

from endpoints.domain.actor import SYSTEM
from endpoints.domain.errors import Conflict, Invalid, StaleVersion
from endpoints.domain.routing import Mirror
from endpoints.models import Endpoint, Event
from endpoints.services.deployments import delete_deployment
from endpoints.services.endpoints import delete_endpoint
from endpoints.services.sleeping import put_to_sleep
from endpoints.services.traffic import set_traffic
from tests.world import World


@pytest.fixture
def endpoint(world: World) -> Endpoint:
    """Two deployments run; nothing has traffic."""
    endpoint = world.endpoint("prices")
    world.deployment(endpoint, "blue")
    world.deployment(endpoint, "green")
    return endpoint


def test_asked_for_then_live(world: World, endpoint: Endpoint) -> None:
    changed = set_traffic(
        actor=world.people.actor("contributor"), endpoint=endpoint, traffic={"blue": 90, "green": 10}, reason="Canary"
    )
    assert (changed.traffic, changed.traffic_version, changed.live_traffic) == ({"blue": 90, "green": 10}, 2, {})
    world.settle()
    endpoint.refresh_from_db()
    assert endpoint.live_traffic == {"blue": 90, "green": 10}
    assert endpoint.live_at is not None
    weights = {item.name: item.weight for item in world.gateway.tables[-1].endpoints[0].deployments}
    assert weights == {"blue": 90, "green": 10}
    asked, live = (Event.objects.get(verb=verb) for verb in ("traffic.updated", "traffic.live"))
    assert (asked.actor_name, asked.before, asked.after, asked.reason) == (
        "contributor@example.com",
        {},
        {"blue": 90, "green": 10},
        "Canary",
    )
    assert (live.actor_name, live.before, live.after) == ("system", {}, {"blue": 90, "green": 10})


def test_not_live_before_the_gateway_says_so(world: World, endpoint: Endpoint) -> None:
    world.traffic(endpoint, {"blue": 100})
    world.gateway.live = False
    set_traffic(actor=SYSTEM, endpoint=endpoint, traffic={"green": 100})
    world.settle()
    endpoint.refresh_from_db()
    assert (endpoint.traffic, endpoint.live_traffic) == ({"green": 100}, {"blue": 100})
    world.gateway.live = True
    world.settle()
    endpoint.refresh_from_db()
    assert endpoint.live_traffic == {"green": 100}


def test_made_against_an_older_version_is_refused(world: World, endpoint: Endpoint) -> None:
    set_traffic(actor=SYSTEM, endpoint=endpoint, traffic={"blue": 100}, expected_version=1)
    with pytest.raises(StaleVersion, match="changed meanwhile"):
        set_traffic(actor=SYSTEM, endpoint=endpoint, traffic={"green": 100}, expected_version=1)
    endpoint.refresh_from_db()
    assert (endpoint.traffic, endpoint.traffic_version) == ({"blue": 100}, 2)


def test_the_same_again_changes_nothing(world: World, endpoint: Endpoint) -> None:
    world.traffic(endpoint, {"blue": 100})
    world.traffic(endpoint, {"blue": 100, "green": 0})
    endpoint.refresh_from_db()
    assert endpoint.traffic_version == 2
    assert Event.objects.filter(verb="traffic.updated").count() == 1


@pytest.mark.parametrize("traffic", [{"blue": 99}, {"red": 100}, {"blue": "100"}, {"blue": 150, "green": -50}])
def test_bad_shares_change_nothing(world: World, endpoint: Endpoint, traffic: dict[str, int]) -> None:
    with pytest.raises(Invalid) as caught:
        set_traffic(actor=SYSTEM, endpoint=endpoint, traffic=traffic)
    assert list(caught.value.fields) == ["traffic"]
    endpoint.refresh_from_db()
    assert (endpoint.traffic, endpoint.traffic_version) == ({}, 1)
    assert not Event.objects.filter(verb="traffic.updated").exists()


def test_not_to_what_never_came_up_or_is_going(world: World, endpoint: Endpoint) -> None:
    world.compute.breaks["red"] = {"message": "UserScriptInitFailed: boom"}
    world.deployment(endpoint, "red")
    with pytest.raises(Invalid, match="red is not ready"):
        set_traffic(actor=SYSTEM, endpoint=endpoint, traffic={"red": 100})
    delete_deployment(actor=SYSTEM, deployment=endpoint.deployments.get(name="green"))
    with pytest.raises(Invalid, match="no deployment “green”"):
        set_traffic(actor=SYSTEM, endpoint=endpoint, traffic={"green": 100})


def test_not_to_what_is_being_deleted(world: World, endpoint: Endpoint) -> None:
    delete_endpoint(actor=SYSTEM, endpoint=endpoint)
    with pytest.raises(Conflict, match="is being deleted"):
        set_traffic(actor=SYSTEM, endpoint=endpoint, traffic={"blue": 100})


def test_a_mirror_is_live_once_the_gateway_says_so(world: World, endpoint: Endpoint) -> None:
    actor = world.people.actor("contributor")
    asked = set_traffic(actor=actor, endpoint=endpoint, traffic={"blue": 100}, mirror={"green": 10}, reason="Shadow")
    assert (asked.mirror_traffic, asked.live_mirror, asked.traffic_version) == ({"green": 10}, {}, 2)
    world.settle()
    endpoint.refresh_from_db()
    assert (endpoint.live_mirror, endpoint.live_traffic) == ({"green": 10}, {"blue": 100})
    assert world.gateway.tables[-1].endpoints[0].mirror == Mirror(deployment="green", percent=10)
    asked_for, live = (Event.objects.get(verb=verb) for verb in ("mirror.updated", "mirror.live"))
    assert (asked_for.actor_name, asked_for.before, asked_for.after, asked_for.reason) == (
        "contributor@example.com",
        {},
        {"green": 10},
        "Shadow",
    )
    assert (live.actor_name, live.before, live.after) == ("system", {}, {"green": 10})


def test_the_mirror_stays_unless_it_is_named(world: World, endpoint: Endpoint) -> None:
    mirrored(endpoint)
    set_traffic(actor=SYSTEM, endpoint=endpoint, traffic={})
    endpoint.refresh_from_db()
    assert endpoint.mirror_traffic == {"green": 10}
    set_traffic(actor=SYSTEM, endpoint=endpoint, traffic={"blue": 100}, mirror={})
    world.settle()
    endpoint.refresh_from_db()
    assert (endpoint.mirror_traffic, endpoint.live_mirror) == ({}, {})
    assert world.gateway.tables[-1].endpoints[0].mirror is None
    stopped = Event.objects.filter(verb="mirror.updated").latest("id")
    assert (stopped.before, stopped.after) == ({"green": 10}, {})


def test_from_mirror_to_live_in_one_change(world: World, endpoint: Endpoint) -> None:
    mirrored(endpoint)
    with pytest.raises(Invalid, match="Stop the mirror in the same change") as caught:
        set_traffic(actor=SYSTEM, endpoint=endpoint, traffic={"blue": 90, "green": 10})
    assert list(caught.value.fields) == ["traffic"]
    set_traffic(actor=SYSTEM, endpoint=endpoint, traffic={"blue": 90, "green": 10}, mirror={"green": 0})
    world.settle()
    endpoint.refresh_from_db()
    assert (endpoint.live_traffic, endpoint.live_mirror) == ({"blue": 90, "green": 10}, {})


@pytest.mark.parametrize("mirror", [{"blue": 10}, {"green": 51}, {"red": 10}, {"green": 10, "blue": 10}])
def test_a_bad_mirror_changes_nothing(world: World, endpoint: Endpoint, mirror: dict[str, int]) -> None:
    with pytest.raises(Invalid) as caught:
        set_traffic(actor=SYSTEM, endpoint=endpoint, traffic={"blue": 100}, mirror=mirror)
    assert list(caught.value.fields) == ["mirror_traffic"]
    endpoint.refresh_from_db()
    assert (endpoint.traffic, endpoint.mirror_traffic, endpoint.traffic_version) == ({}, {}, 1)


def test_a_mirror_is_neither_deleted_nor_put_to_sleep(world: World, endpoint: Endpoint) -> None:
    mirrored(endpoint)
    world.settle()
    green = endpoint.deployments.get(name="green")
    with pytest.raises(Conflict, match="Stop the mirror first"):
        delete_deployment(actor=SYSTEM, deployment=green)
    with pytest.raises(Conflict, match="Stop the mirror first"):
        put_to_sleep(actor=SYSTEM, deployment=green)
    set_traffic(actor=SYSTEM, endpoint=endpoint, traffic={"blue": 100}, mirror={})
    with pytest.raises(Conflict, match="Stop the mirror first"):  # the gateway still sends copies
        delete_deployment(actor=SYSTEM, deployment=green)
    world.settle()
    delete_deployment(actor=SYSTEM, deployment=green)


def test_a_sleeper_is_no_mirror(world: World, endpoint: Endpoint) -> None:
    put_to_sleep(actor=SYSTEM, deployment=endpoint.deployments.get(name="green"))
    with pytest.raises(Invalid, match="scaled to zero"):
        mirrored(endpoint)


def mirrored(endpoint: Endpoint) -> None:
    set_traffic(actor=SYSTEM, endpoint=endpoint, traffic={"blue": 100}, mirror={"green": 10})


def test_an_endpoint_goes_with_its_mirror(world: World, endpoint: Endpoint) -> None:
    mirrored(endpoint)
    world.settle()
    delete_endpoint(actor=SYSTEM, endpoint=endpoint)
    world.settle()
    endpoint.refresh_from_db()
    assert endpoint.deleted_at is not None
    started = Event.objects.get(verb="endpoint.deletion_started")
    assert started.before == {"traffic": {"blue": 100}, "mirror_traffic": {"green": 10}}
