"""Personal tokens: shown once, revoked at once."""

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from endpoints.models import Event, PersonalToken
from tests.api.conftest import Caller
from tests.api.problems import fields, problem
from tests.people import People

pytestmark = pytest.mark.django_db
LIST = "/api/v1/tokens/"


def test_a_new_one_is_shown_once_and_works(owner: APIClient, people: People) -> None:
    made = owner.post(LIST, {"name": "CI", "read_only": True})
    assert (made.status_code, made["Cache-Control"]) == (201, "no-store")
    secret = made.json()["token"]
    other = APIClient(HTTP_AUTHORIZATION=f"Bearer {secret}")
    assert other.get("/api/v1/me/").json()["email"] == people.owner.email
    problem(other.post(LIST, {"name": "CI"}), 403)
    assert secret not in owner.get(LIST).content.decode()
    assert Event.objects.get(verb="token.created").source == "api"


def test_one_that_is_revoked_stops_working(owner: APIClient) -> None:
    made = owner.post(LIST, {"name": "CI"}).json()
    assert owner.delete(f"{LIST}{made['id']}/").status_code == 204
    problem(APIClient(HTTP_AUTHORIZATION=f"Bearer {made['token']}").get("/api/v1/me/"), 401)
    problem(owner.delete(f"{LIST}{made['id']}/"), 404)


def test_one_sees_and_revokes_ones_own_only(owner: APIClient, reader: APIClient, people: People) -> None:
    (mine,) = reader.get(LIST).json()["value"]
    assert mine["id"] == PersonalToken.objects.get(user=people.reader).pk
    problem(owner.delete(f"{LIST}{mine['id']}/"), 404)
    problem(owner.delete(f"{LIST}{10**30}/"), 404)


def test_one_made_with_a_token_does_not_outlive_it(caller: Caller, people: People) -> None:
    end = timezone.now() + timedelta(days=2)
    client = caller(people.owner, expires_at=end)
    later = (end + timedelta(seconds=1)).isoformat()
    for body in ({"name": "CI"}, {"name": "CI", "expires_at": None}, {"name": "CI", "expires_at": later}):
        assert list(fields(client.post(LIST, body))) == ["expires_at"]
    assert client.post(LIST, {"name": "CI", "expires_at": end.isoformat()}).status_code == 201


def test_a_session_makes_one_that_does_not_end(caller: Caller, people: People) -> None:
    client = caller(None)
    client.force_login(people.owner)
    assert client.post(LIST, {"name": "CI"}).json()["expires_at"] is None


def test_what_cannot_be_is_refused(owner: APIClient) -> None:
    assert list(fields(owner.post(LIST, {"name": ""}))) == ["name"]
    assert list(fields(owner.post(LIST, {"name": "x" * 101}))) == ["name"]
    assert list(fields(owner.post(LIST, {"name": "CI", "expires_at": "2001-01-01T00:00:00Z"}))) == ["expires_at"]
    assert list(fields(owner.post(LIST, {"name": "CI", "expires_at": "soon"}))) == ["expires_at"]
    assert list(fields(owner.post(LIST, {"name": "CI", "scopes": ["read"]}))) == ["scopes"]
