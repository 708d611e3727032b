import pytest

from endpoints.domain.actor import SYSTEM
from endpoints.domain.errors import Conflict, Invalid
from endpoints.enums import ProvisioningState
from endpoints.models import Endpoint, Event
from endpoints.services.endpoints import create_endpoint, delete_endpoint, update_endpoint
from tests.hints import Hint
from tests.world import World


def test_created_with_two_keys_an_event_and_a_hint(world: World) -> None:
    actor = world.people.actor("contributor")
    endpoint = create_endpoint(
        actor=actor, workspace=world.workspace, name="Prices", description="Of houses", tags={"team": "a"}
    )
    assert (endpoint.state, endpoint.traffic, endpoint.created_by) == ("Creating", {}, actor.user)
    keys = {key.kind: key.value for key in endpoint.credentials.all()}
    assert sorted(keys) == ["Primary", "Secondary"]
    assert len(set(keys.values())) == 2
    assert min(map(len, keys.values())) >= 43
    event = Event.objects.get(verb="endpoint.created")
    assert (event.actor, event.actor_name, event.source, event.request_id) == (
        actor.user,
        "contributor@example.com",
        "ui",
        "request-of-contributor",
    )
    assert event.after == {"kind": "online", "auth_mode": "key", "description": "Of houses", "tags": {"team": "a"}}
    assert event.workspace == world.workspace
    assert world.hints.take() == [Hint("reconcile_gateway", {}, 0)]


def test_succeeds_once_the_gateway_confirms(world: World) -> None:
    endpoint = world.endpoint("prices")
    assert endpoint.state == "Succeeded"
    assert [route.name for route in world.gateway.tables[-1].endpoints] == ["prices"]
    assert Event.objects.filter(endpoint_id=endpoint.pk, verb="endpoint.ready", actor_name="system").count() == 1


def test_nothing_is_called_live_while_the_gateway_is_down(world: World) -> None:
    world.gateway.live = False
    assert world.endpoint("prices").state == "Creating"
    world.gateway.live = True
    world.settle()
    assert Endpoint.objects.get().state == "Succeeded"


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"name": "a--b"}, "name", "not a valid name"),
        ({"name": "create"}, "name", "reserved"),
        ({"name": "fine", "tags": {"a": 1}}, "tags", "pairs of text"),
        ({"name": "fine", "kind": "batch"}, "kind", "not available yet. Use online."),
        ({"name": "fine", "auth_mode": "password"}, "auth_mode", "Use key, aml_token, aad_token."),
    ],
)
def test_bad_input_changes_nothing(world: World, fields: dict[str, object], field: str, said: str) -> None:
    with pytest.raises(Invalid) as caught:
        create_endpoint(actor=SYSTEM, workspace=world.workspace, **fields)  # type: ignore[arg-type]
    assert said in caught.value.fields[field]
    assert not Endpoint.objects.exists()
    assert not Event.objects.exists()
    assert world.hints.take() == []


def test_names_are_unique_whatever_their_case_until_deleted(world: World) -> None:
    endpoint = world.endpoint("prices")
    with pytest.raises(Invalid) as caught:
        create_endpoint(actor=SYSTEM, workspace=world.workspace, name="PRICES")
    assert "is taken" in caught.value.fields["name"]
    delete_endpoint(actor=SYSTEM, endpoint=endpoint)
    world.settle()
    assert world.endpoint("PRICES").state == "Succeeded"


def test_update_tells_before_and_after_once(world: World) -> None:
    endpoint = world.endpoint("prices")
    for _ in range(2):
        update_endpoint(actor=world.people.actor("owner"), endpoint=endpoint, description="New", tags={"a": "b"})
    event = Event.objects.get(verb="endpoint.updated")
    assert event.before == {"description": "", "tags": {}}
    assert event.after == {"description": "New", "tags": {"a": "b"}}
    assert (endpoint.description, endpoint.tags) == ("New", {"a": "b"})


def test_update_keeps_what_is_not_given(world: World) -> None:
    endpoint = world.endpoint("prices")
    update_endpoint(actor=SYSTEM, endpoint=endpoint, tags={"a": "b"})
    update_endpoint(actor=SYSTEM, endpoint=endpoint, description="New")
    assert (endpoint.description, endpoint.tags) == ("New", {"a": "b"})


def test_delete_without_deployments_waits_for_the_gateway(world: World) -> None:
    endpoint = world.endpoint("prices")
    world.gateway.live = False
    delete_endpoint(actor=world.people.actor("owner"), endpoint=endpoint)
    world.settle()
    endpoint.refresh_from_db()
    assert (endpoint.state, endpoint.deleted_at) == (ProvisioningState.DELETING, None)
    world.gateway.live = True
    world.settle()
    endpoint.refresh_from_db()
    assert endpoint.deleted_at is not None
    assert world.gateway.tables[-1].endpoints == ()
    verbs = Event.objects.filter(verb__in=["endpoint.deletion_started", "endpoint.deleted"]).order_by("id")
    assert list(verbs.values_list("verb", "actor_name")) == [
        ("endpoint.deletion_started", "owner@example.com"),
        ("endpoint.deleted", "system"),
    ]


def test_delete_drains_every_deployment_even_with_traffic(world: World) -> None:
    endpoint = world.endpoint("prices")
    blue, green = world.deployment(endpoint, "blue"), world.deployment(endpoint, "green", instance_count=2)
    world.traffic(endpoint, {"blue": 60, "green": 40})
    delete_endpoint(actor=SYSTEM, endpoint=endpoint)
    world.settle()
    for row in (endpoint, blue, green):
        row.refresh_from_db()
        assert row.deleted_at is not None
    assert world.compute.seen == {}
    assert sorted(world.compute.purged) == sorted([str(blue.pk), str(green.pk)])
    assert Event.objects.get(verb="endpoint.deletion_started").before == {
        "traffic": {"blue": 60, "green": 40},
        "mirror_traffic": {},
    }


def test_what_is_being_deleted_takes_no_change(world: World) -> None:
    endpoint = world.endpoint("prices")
    delete_endpoint(actor=SYSTEM, endpoint=endpoint)
    with pytest.raises(Conflict, match="is being deleted already"):
        delete_endpoint(actor=SYSTEM, endpoint=endpoint)
    with pytest.raises(Conflict, match="is being deleted"):
        update_endpoint(actor=SYSTEM, endpoint=endpoint, description="New")
