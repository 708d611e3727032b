import json

import pytest
from django.db import connection

from endpoints.domain.actor import SYSTEM
from endpoints.domain.errors import Conflict, Invalid
from endpoints.models import Event
from endpoints.services import credentials
from endpoints.services.endpoints import delete_endpoint
from tests.world import World


def test_reading_keys_stands_in_the_history(world: World) -> None:
    endpoint = world.endpoint("prices")
    keys = credentials.read_keys(actor=world.people.actor("contributor"), endpoint=endpoint)
    assert sorted(keys) == ["Primary", "Secondary"]
    event = Event.objects.get(verb="keys.read")
    assert (event.actor_name, event.endpoint_name, event.after) == ("contributor@example.com", "prices", None)


def test_one_key_is_replaced_and_the_gateway_follows(world: World) -> None:
    endpoint = world.endpoint("prices")
    before = credentials.read_keys(actor=SYSTEM, endpoint=endpoint)
    new = credentials.regenerate_key(actor=world.people.actor("owner"), endpoint=endpoint, kind="Secondary")
    assert credentials.read_keys(actor=SYSTEM, endpoint=endpoint) == {"Primary": before["Primary"], "Secondary": new}
    assert new != before["Secondary"]
    world.settle()
    assert world.gateway.in_force is not None
    assert set(world.gateway.in_force.endpoints[0].keys) == {before["Primary"], new}


def test_no_key_is_in_any_event(world: World) -> None:
    endpoint = world.endpoint("prices")
    old = credentials.read_keys(actor=SYSTEM, endpoint=endpoint)
    new = credentials.regenerate_key(actor=SYSTEM, endpoint=endpoint, kind="Primary")
    told = json.dumps(list(Event.objects.values("subject", "before", "after", "reason")))
    assert not any(secret in told for secret in (*old.values(), new))
    assert Event.objects.get(verb="key.regenerated").after == {"key_type": "Primary"}


def test_keys_are_encrypted_at_rest(world: World) -> None:
    endpoint = world.endpoint("prices")
    key = credentials.test_key(endpoint)
    with connection.cursor() as cursor:
        cursor.execute("SELECT value FROM endpoints_credential")
        assert all(key not in row[0] for row in cursor.fetchall())


def test_there_are_two_kinds_of_key(world: World) -> None:
    with pytest.raises(Invalid) as caught:
        credentials.regenerate_key(actor=SYSTEM, endpoint=world.endpoint("prices"), kind="primary")
    assert "Use Primary or Secondary" in caught.value.fields["key_type"]


def test_not_while_it_is_being_deleted(world: World) -> None:
    endpoint = world.endpoint("prices")
    delete_endpoint(actor=SYSTEM, endpoint=endpoint)
    with pytest.raises(Conflict):
        credentials.regenerate_key(actor=SYSTEM, endpoint=endpoint, kind="Primary")
