"""What an endpoint lets through: asked for, recorded, and given to the gateway."""

from typing import Any

import pytest

from endpoints.domain.errors import Conflict, Forbidden, Invalid
from endpoints.domain.limits import Cors, Limits
from endpoints.models import Endpoint, Event
from endpoints.selectors.limits import cors_of, limits_in_force
from endpoints.services.endpoints import delete_endpoint
from endpoints.services.limits import set_cors, set_limits
from tests.world import World

PAGE = "https://app.example.org"


@pytest.fixture
def endpoint(world: World) -> Endpoint:
    endpoint = world.endpoint("prices")
    world.settle()
    return endpoint


def routed(world: World) -> Any:
    world.settle()
    return world.gateway.tables[-1].endpoints[0]


def test_limits_reach_the_gateway_and_the_history(world: World, endpoint: Endpoint) -> None:
    actor = world.people.actor("contributor")
    set_limits(actor=actor, endpoint=endpoint, requests_per_second=7, kilobytes_per_second=None)
    assert routed(world).limits == Limits(requests_per_second=7, kilobytes_per_second=None)
    event = Event.objects.get(verb="endpoint.limits_changed")
    assert (event.actor_name, event.before, event.after) == (
        "contributor@example.com",
        {"requests_per_second": None, "kilobytes_per_second": None},
        {"requests_per_second": 7, "kilobytes_per_second": None},
    )


def test_without_limits_of_its_own_the_sites_hold(world: World, endpoint: Endpoint, settings: Any) -> None:
    assert limits_in_force(endpoint) == Limits(requests_per_second=500)
    settings.STUDIO_ENDPOINT_REQUESTS_PER_SECOND = 0
    settings.STUDIO_ENDPOINT_KILOBYTES_PER_SECOND = 5000
    assert limits_in_force(endpoint) == Limits(kilobytes_per_second=5000)
    actor = world.people.actor("owner")
    set_limits(actor=actor, endpoint=endpoint, requests_per_second=None, kilobytes_per_second=10)
    assert limits_in_force(endpoint) == Limits(kilobytes_per_second=10)


def test_cors_reaches_the_gateway_and_goes_again(world: World, endpoint: Endpoint) -> None:
    actor = world.people.actor("owner")
    set_cors(actor=actor, endpoint=endpoint, origins=[f" {PAGE.upper()} ", PAGE], methods=["post"], headers=["X-Mine"])
    wanted = Cors(origins=(PAGE,), methods=("POST",), headers=("x-mine",))
    assert (cors_of(endpoint), routed(world).cors) == (wanted, wanted)
    set_cors(actor=actor, endpoint=endpoint, origins=[])
    assert routed(world).cors == Cors()
    assert endpoint.cors == {}
    assert Event.objects.filter(verb="endpoint.cors_changed").count() == 2


def test_the_same_again_changes_nothing(world: World, endpoint: Endpoint) -> None:
    actor = world.people.actor("owner")
    for _ in range(2):
        set_limits(actor=actor, endpoint=endpoint, requests_per_second=7, kilobytes_per_second=8)
        set_cors(actor=actor, endpoint=endpoint, origins=[PAGE])
    verbs = ("endpoint.limits_changed", "endpoint.cors_changed")
    assert Event.objects.filter(verb__in=verbs).count() == 2


def test_what_cannot_be_is_refused_at_its_field_and_changes_nothing(world: World, endpoint: Endpoint) -> None:
    actor = world.people.actor("owner")
    with pytest.raises(Invalid) as limits:
        set_limits(actor=actor, endpoint=endpoint, requests_per_second=0, kilobytes_per_second=2**31)
    assert list(limits.value.fields) == ["requests_per_second", "kilobytes_per_second"]
    with pytest.raises(Invalid) as cors:
        set_cors(actor=actor, endpoint=endpoint, origins=["app.example.org"], methods=[], max_age_seconds=-1)
    assert list(cors.value.fields) == ["origins", "methods", "max_age_seconds"]
    endpoint.refresh_from_db()
    assert (endpoint.requests_per_second, endpoint.kilobytes_per_second, endpoint.cors) == (None, None, {})


@pytest.mark.parametrize("person", ["reader", "stranger"])
def test_who_may_not_change_it(world: World, endpoint: Endpoint, person: str) -> None:
    actor = world.people.actor(person)
    with pytest.raises(Forbidden):
        set_limits(actor=actor, endpoint=endpoint, requests_per_second=1, kilobytes_per_second=None)
    with pytest.raises(Forbidden):
        set_cors(actor=actor, endpoint=endpoint, origins=[])


def test_not_while_it_is_being_deleted(world: World, endpoint: Endpoint) -> None:
    actor = world.people.actor("owner")
    delete_endpoint(actor=actor, endpoint=endpoint)
    with pytest.raises(Conflict):
        set_limits(actor=actor, endpoint=endpoint, requests_per_second=1, kilobytes_per_second=None)
