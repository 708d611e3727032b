"""Tokens over the API, and whose are believed."""

from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from django.test import Client
from rest_framework.test import APIClient

from endpoints.domain.actor import SYSTEM
from endpoints.models import Endpoint, Event, IdentityProvider, SigningKey
from endpoints.services.authentication import set_auth_mode
from endpoints.services.signing import rotate
from tests.api.conftest import Caller
from tests.api.problems import fields, problem
from tests.issuer import LocalIssuer, local_issuer
from tests.people import People
from tests.tokens import AUDIENCE, Signer

pytestmark = pytest.mark.django_db
TOKEN = "/api/v1/endpoints/prices/token/"
PROVIDERS = "/api/v1/identity-providers/"


@pytest.fixture
def staff(caller: Caller, people: People) -> APIClient:
    return caller(people.staff)


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    with local_issuer() as running:
        yield running


def claims(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


def test_a_token_of_an_endpoint_in_azures_words(owner: APIClient, prices: Endpoint) -> None:
    set_auth_mode(actor=SYSTEM, endpoint=prices, auth_mode="aml_token")
    response = owner.post(TOKEN)
    body = response.json()
    assert set(body) == {"accessToken", "tokenType", "expiryTimeUtc", "refreshAfterTimeUtc"}
    assert body["tokenType"] == "Bearer"
    assert claims(body["accessToken"])["endpoint"] == prices.pk.hex
    assert body["refreshAfterTimeUtc"] < body["expiryTimeUtc"]
    assert response["Cache-Control"] == "no-store"
    assert Event.objects.get(verb="token.issued").source == "api"


def test_of_an_endpoint_for_providers_tokens_it_is_ones_own(
    reader: APIClient, people: People, prices: Endpoint
) -> None:
    """Getting it needs no role to score; using it does."""
    set_auth_mode(actor=SYSTEM, endpoint=prices, auth_mode="aad_token")
    told = claims(reader.post(TOKEN).json()["accessToken"])
    assert told["sub"] == str(people.reader.pk)
    assert "endpoint" not in told


def test_keys_are_no_tokens(owner: APIClient, reader: APIClient, stranger: APIClient, prices: Endpoint) -> None:
    problem(owner.post(TOKEN), 409, "conflict")
    set_auth_mode(actor=SYSTEM, endpoint=prices, auth_mode="aml_token")
    problem(reader.post(TOKEN), 403)
    problem(stranger.post(TOKEN), 404)


def test_a_token_of_ones_own(stranger: APIClient, people: People) -> None:
    body = stranger.post("/api/v1/me/access-token/").json()
    assert set(body) == {"accessToken", "expiryTimeUtc"}
    assert claims(body["accessToken"])["sub"] == str(people.stranger.pk)


def test_the_mode_is_changed_with_the_words_or_not_at_all(
    owner: APIClient, reader: APIClient, prices: Endpoint
) -> None:
    url = "/api/v1/endpoints/prices/"
    assert owner.patch(url, {"auth_mode": "aad_token"}).json()["auth_mode"] == "aad_token"
    assert list(fields(owner.patch(url, {"auth_mode": "password", "description": "new"}))) == ["auth_mode"]
    problem(reader.patch(url, {"auth_mode": "key"}), 403)
    prices.refresh_from_db()
    assert (prices.auth_mode, prices.description) == ("aad_token", "")


@pytest.mark.parametrize("mode", ["aml_token", "aad_token"])
def test_an_endpoint_begins_with_any_mode(owner: APIClient, adapters: object, hints: object, mode: str) -> None:
    assert owner.post("/api/v1/endpoints/", {"name": "fresh", "auth_mode": mode}).json()["auth_mode"] == mode


def test_a_provider_from_its_adding_to_its_end(staff: APIClient, hints: object, issuer: LocalIssuer) -> None:
    made = staff.post(PROVIDERS, {"name": "lab", "issuer": issuer.url, "audiences": [AUDIENCE]})
    assert made.status_code == 201
    assert made["Location"].endswith(f"{PROVIDERS}lab/")
    assert (made.json()["key_count"], made.json()["error"], made.json()["subject_claim"]) == (1, "", "sub")
    issuer.rotate()
    assert staff.post(f"{PROVIDERS}lab/refresh/").json()["key_count"] == 2
    assert staff.patch(f"{PROVIDERS}lab/", {"enabled": False}).json()["enabled"] is False
    assert [each["name"] for each in staff.get(PROVIDERS).json()["value"]] == ["lab"]
    assert staff.delete(f"{PROVIDERS}lab/").status_code == 204
    problem(staff.get(f"{PROVIDERS}lab/"), 404)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"issuer": "http://far.example"}, "issuer"),
        ({"audiences": []}, "audiences"),
        ({"audiences": None}, "audiences"),
        ({"kind": "studio"}, "kind"),
        ({"keys": []}, "keys"),
        ({"enabled": True}, "enabled"),
    ],
)
def test_what_is_wrong_with_one_is_told(
    staff: APIClient, hints: object, issuer: LocalIssuer, body: dict[str, Any], field: str
) -> None:
    whole = {"name": "lab", "issuer": issuer.url, "audiences": [AUDIENCE], **body}
    assert list(fields(staff.post(PROVIDERS, whole))) == [field]
    assert not IdentityProvider.objects.exists()


def test_what_it_is_cannot_be_changed(staff: APIClient, hints: object, issuer: LocalIssuer) -> None:
    staff.post(PROVIDERS, {"name": "lab", "issuer": issuer.url, "audiences": [AUDIENCE]})
    assert list(fields(staff.patch(f"{PROVIDERS}lab/", {"issuer": "https://x.example"}))) == ["issuer"]


def test_a_pasted_token_is_told_why(staff: APIClient, hints: object, prices: Endpoint, issuer: LocalIssuer) -> None:
    set_auth_mode(actor=SYSTEM, endpoint=prices, auth_mode="aad_token")
    staff.post(PROVIDERS, {"name": "lab", "issuer": issuer.url, "audiences": [AUDIENCE]})

    def verdict(token: str, **more: str) -> tuple[bool, str]:
        body = staff.post("/api/v1/token-checks/", {"token": token, **more}).json()
        return body["accepted"], body["checks"][-1]["name"]

    assert verdict(issuer.token()) == (True, "Signature")
    assert verdict(f"Bearer {issuer.token()}", endpoint="prices") == (False, "Role")
    assert verdict(issuer.token(lifetime=-60)) == (False, "Time")
    assert verdict(issuer.token(aud="else")) == (False, "Audience")
    assert verdict(Signer(issuer.url, "key-1").token()) == (False, "Signature")
    assert verdict("not a token") == (False, "Form")
    mine = staff.post("/api/v1/me/access-token/").json()["accessToken"]
    assert verdict(mine, endpoint="prices") == (True, "Role")
    assert list(fields(staff.post("/api/v1/token-checks/", {"token": "x", "endpoint": "nowhere"}))) == ["endpoint"]


def test_keys_are_rotated_and_published(staff: APIClient, client: Client, hints: object) -> None:
    first = rotate(actor=SYSTEM)
    second = staff.post("/api/v1/signing-keys/", {}).json()["kid"]
    listed = staff.get("/api/v1/signing-keys/").json()["value"]
    assert [each["kid"] for each in listed] == [second, first.kid]
    assert [each["retired_at"] is None for each in listed] == [True, False]
    assert "private" not in str(listed).lower()
    published = client.get("/.well-known/jwks.json").json()["keys"]
    assert [key["kid"] for key in published] == [second, first.kid]
    assert all(not {"d", "p", "q"} & set(key) for key in published)
    staff.post("/api/v1/signing-keys/", {"revoke": True})
    assert SigningKey.objects.count() == 1


def test_the_studio_tells_who_it_is(client: Client, db: None, settings: Any) -> None:
    settings.STUDIO_PUBLIC_URL = "https://studio.example"
    document = client.get("/.well-known/openid-configuration").json()
    assert document["issuer"] == "https://studio.example"
    assert document["jwks_uri"].endswith("/.well-known/jwks.json")
