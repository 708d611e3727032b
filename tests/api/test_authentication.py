"""Who may come in, and as whom they are then known."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from endpoints.enums import Source
from endpoints.models import Event, PersonalToken, Workspace
from tests.api.conftest import Caller
from tests.api.problems import problem
from tests.factories import PersonalTokenFactory
from tests.people import People

pytestmark = pytest.mark.django_db
ME = "/api/v1/me/"


def bearer(text: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=text)
    return client


def test_a_token_is_its_person(owner: APIClient, people: People) -> None:
    body = owner.get(ME).json()
    assert body["email"] == people.owner.email
    assert body["roles"] == [{"workspace": "research", "role": "owner"}]
    assert body["is_administrator"] is False


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer"])
def test_the_scheme_may_be_written_in_either_case(scheme: str, people: People) -> None:
    PersonalTokenFactory(user=people.reader, secret="est_known")
    assert bearer(f"{scheme} est_known").get(ME).status_code == 200


@pytest.mark.parametrize("change", ["expired", "revoked", "inactive", "mistyped"])
def test_a_token_that_is_not_valid_is_refused(change: str, people: People) -> None:
    now = timezone.now()
    token = PersonalTokenFactory(user=people.owner, secret="est_known")
    PersonalToken.objects.filter(pk=token.pk).update(
        expires_at=now if change == "expired" else None, revoked_at=now if change == "revoked" else None
    )
    people.owner.is_active = change != "inactive"
    people.owner.save()
    response = bearer("Bearer est_other" if change == "mistyped" else "Bearer est_known").get(ME)
    problem(response, 401, "unauthenticated")
    assert response["WWW-Authenticate"] == 'Bearer realm="Endpoint Studio", error="invalid_token"'


@pytest.mark.parametrize("header", ["Basic b3duZXI6eA==", "est_known", "Bearer", "Bearer est_ké"])
def test_what_is_no_bearer_token_does_not_sign_in(header: str, db: None) -> None:
    problem(bearer(header).get(ME), 401)


def test_a_session_signs_in_too(client: Client, people: People) -> None:
    client.force_login(people.owner)
    assert client.get(ME).json()["email"] == people.owner.email


def test_a_session_writes_only_with_its_csrf_token(people: People, workspace: Workspace) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(people.owner)
    body = {"name": "prices"}
    refused = client.post("/api/v1/endpoints/", body, content_type="application/json")
    assert "CSRF" in problem(refused, 403, "forbidden")["detail"]
    client.get("/profile/tokens/")  # a page with a form sets the cookie
    token = next(cookie.value for name, cookie in client.cookies.items() if "csrf" in name)
    made = client.post("/api/v1/endpoints/", body, content_type="application/json", headers={"X-CSRFToken": token})
    assert made.status_code == 201


def test_a_token_needs_no_csrf_token(people: People, hints: object) -> None:
    PersonalTokenFactory(user=people.owner, secret="est_known")
    client = Client(enforce_csrf_checks=True, headers={"Authorization": "Bearer est_known"})
    assert client.post("/api/v1/endpoints/", {"name": "prices"}, content_type="application/json").status_code == 201


@pytest.mark.parametrize(
    ("header", "source"),
    [({}, Source.API), ({"X-Studio-Source": "cli"}, Source.CLI), ({"X-Studio-Source": "system"}, Source.API)],
)
def test_the_history_says_which_face_it_was(
    header: dict[str, str], source: Source, owner: APIClient, people: People, hints: object
) -> None:
    response = owner.post("/api/v1/endpoints/", {"name": "prices"}, headers=header)
    event = Event.objects.get(verb="endpoint.created")
    assert (event.source, event.actor, event.request_id) == (source, people.owner, response["X-Request-Id"])


def test_a_token_notes_that_it_was_used(caller: Caller, people: People) -> None:
    caller(people.reader).get(ME)
    used = PersonalToken.objects.get(user=people.reader).last_used_at
    assert used is not None
    assert timezone.now() - used < timedelta(minutes=1)
