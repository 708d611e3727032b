import json
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from endpoints.domain.errors import Invalid, NotFound
from endpoints.models import Event, PersonalToken
from endpoints.services import tokens
from tests.people import People


def test_shown_once_and_stored_as_a_digest(people: People) -> None:
    row, secret = tokens.create_token(actor=people.actor("reader"), name=" laptop ", read_only=True)
    assert secret.startswith("est_")
    assert (row.user, row.name, row.prefix, row.read_only) == (people.reader, "laptop", secret[:10], True)
    assert secret not in json.dumps([list(PersonalToken.objects.values_list("digest", "prefix", "name"))])
    assert secret not in json.dumps(list(Event.objects.values("subject", "before", "after", "reason")))
    assert tokens.user_of(secret) == (people.reader, row)


def test_no_longer_valid(people: People) -> None:
    actor = people.actor("reader")
    expiring, soon = tokens.create_token(actor=actor, name="soon", expires_at=timezone.now() + timedelta(hours=1))
    revoked, gone = tokens.create_token(actor=actor, name="gone")
    tokens.revoke_token(actor=actor, token_id=revoked.pk)
    assert tokens.user_of(gone) is None
    assert tokens.user_of(soon) == (people.reader, expiring)
    with time_machine.travel(timezone.now() + timedelta(hours=2), tick=False):
        assert tokens.user_of(soon) is None
    assert tokens.user_of("est_never") is None


def test_of_a_person_who_is_gone(people: People) -> None:
    _, secret = tokens.create_token(actor=people.actor("reader"), name="laptop")
    people.reader.is_active = False
    people.reader.save()
    assert tokens.user_of(secret) is None


def test_use_is_noted_at_most_once_a_minute(people: People) -> None:
    row, secret = tokens.create_token(actor=people.actor("reader"), name="laptop")
    start = timezone.now()
    for seconds, noted in ((0, 0), (30, 0), (90, 90)):
        with time_machine.travel(start + timedelta(seconds=seconds), tick=False):
            tokens.user_of(secret)
        row.refresh_from_db()
        assert row.last_used_at == start + timedelta(seconds=noted)


def test_revoking_is_for_the_owner_of_the_token(people: People) -> None:
    row, _ = tokens.create_token(actor=people.actor("reader"), name="laptop")
    with pytest.raises(NotFound):
        tokens.revoke_token(actor=people.actor("staff"), token_id=row.pk)
    tokens.revoke_token(actor=people.actor("reader"), token_id=row.pk)
    with pytest.raises(NotFound):
        tokens.revoke_token(actor=people.actor("reader"), token_id=row.pk)


@pytest.mark.parametrize("name", ["", "  ", "x" * 101])
def test_names(people: People, name: str) -> None:
    with pytest.raises(Invalid) as caught:
        tokens.create_token(actor=people.actor("reader"), name=name)
    assert list(caught.value.fields) == ["name"]


def test_expiry_lies_ahead(people: People) -> None:
    with pytest.raises(Invalid) as caught:
        tokens.create_token(actor=people.actor("reader"), name="x", expires_at=timezone.now())
    assert list(caught.value.fields) == ["expires_at"]
