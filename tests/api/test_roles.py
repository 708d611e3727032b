"""Role assignments and service accounts over the API."""

from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from endpoints.models import Endpoint, Event, RoleAssignment
from tests.api.problems import fields, problem
from tests.people import People
from tests.world import World

pytestmark = pytest.mark.django_db
ISSUER = "https://login.example.org"
OF_ENDPOINT = "/api/v1/endpoints/prices/role-assignments/"
OF_WORKSPACE = "/api/v1/workspaces/research/role-assignments/"
ACCOUNTS = "/api/v1/workspaces/research/service-accounts/"
TOKEN = "/api/v1/oauth/token"


def test_a_group_gets_a_role_on_one_endpoint(owner: APIClient, reader: APIClient, prices: Endpoint) -> None:
    made = owner.post(OF_ENDPOINT, {"role": "endpoint_invoker", "group": {"issuer": ISSUER, "name": "callers"}})
    assert made.status_code == 201
    row = made.json()
    assert (row["group"], row["email"], row["inherited"]) == ({"issuer": ISSUER, "name": "callers"}, None, False)
    listed = reader.get(OF_ENDPOINT).json()["value"]
    assert row in listed
    assert {each["email"] for each in listed if each["inherited"]} >= {"owner@example.com", "reader@example.com"}
    assert owner.delete(f"{OF_ENDPOINT}{row['id']}/").status_code == 204
    problem(owner.delete(f"{OF_ENDPOINT}{row['id']}/"), 404)


def test_what_is_inherited_is_removed_in_its_workspace(owner: APIClient, people: People, prices: Endpoint) -> None:
    held = RoleAssignment.objects.get(user=people.reader)
    problem(owner.delete(f"{OF_ENDPOINT}{held.pk}/"), 404)
    assert owner.delete(f"{OF_WORKSPACE}{held.pk}/").status_code == 204
    last = RoleAssignment.objects.get(user=people.owner)
    problem(owner.delete(f"{OF_WORKSPACE}{last.pk}/"), 409)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"role": "king", "email": "a@example.com"}, "role"),
        ({"role": "reader"}, "principal"),
        ({"role": "reader", "email": "nobody@example.com"}, "email"),
        ({"role": "reader", "group": {"issuer": ISSUER}}, "group.name"),
    ],
)
def test_bad_bodies_are_told_at_the_field(owner: APIClient, prices: Endpoint, body: dict[str, Any], field: str) -> None:
    before = RoleAssignment.objects.count()
    for url in (OF_ENDPOINT, OF_WORKSPACE):
        assert field in fields(owner.post(url, body))
    assert RoleAssignment.objects.count() == before


def test_an_invoker_calls_and_sees_nothing_else(
    owner: APIClient, stranger: APIClient, world: World, prices: Endpoint
) -> None:
    problem(stranger.get("/api/v1/endpoints/prices/"), 404)
    owner.post(OF_ENDPOINT, {"role": "endpoint_invoker", "email": "stranger@example.com"})
    problem(stranger.get("/api/v1/endpoints/prices/"), 403)
    problem(stranger.get("/api/v1/endpoints/prices/deployments/"), 403)
    problem(stranger.post("/api/v1/endpoints/prices/keys/list/"), 403)
    problem(stranger.post(OF_ENDPOINT, {"role": "owner", "email": "stranger@example.com"}), 403)
    assert stranger.get("/api/v1/models/").json()["value"] == []
    assert stranger.post("/api/v1/endpoints/prices/invoke/", {"body": {}}).status_code != 403


def test_a_secrets_reader_reads_keys_on_the_record(owner: APIClient, stranger: APIClient, prices: Endpoint) -> None:
    owner.post(OF_ENDPOINT, {"role": "secrets_reader", "email": "stranger@example.com"})
    assert stranger.post("/api/v1/endpoints/prices/keys/list/").json()["primaryKey"]
    assert Event.objects.get(verb="keys.read").actor_name == "stranger@example.com"
    problem(stranger.post("/api/v1/endpoints/prices/keys/regenerate/", {"keyType": "Primary"}), 403)


def test_a_service_account_signs_in_and_has_its_roles(owner: APIClient, client: Client, prices: Endpoint) -> None:
    made = owner.post(ACCOUNTS, {"name": "robot", "description": "CI"}).json()
    owner.post(OF_ENDPOINT, {"role": "reader", "service_account": "robot"})
    credentials = {
        "grant_type": "client_credentials",
        "client_id": made["client_id"],
        "client_secret": made["client_secret"],
    }
    token = client.post(TOKEN, credentials).json()
    assert (token["token_type"], 3500 < token["expires_in"] <= 3600) == ("Bearer", True)
    headers = {"authorization": f"Bearer {token['access_token']}"}
    assert client.get("/api/v1/endpoints/prices/", headers=headers).status_code == 200
    assert client.get("/api/v1/endpoints/prices/role-assignments/", headers=headers).status_code == 200
    assert client.delete("/api/v1/endpoints/prices/", headers=headers).status_code == 403
    assert client.post(TOKEN, {**credentials, "scope": "score"}).json()["access_token"].count(".") == 2
    assert made["client_secret"] not in owner.get(f"{ACCOUNTS}robot/").content.decode()
    owner.patch(f"{ACCOUNTS}robot/", {"enabled": False})
    assert client.get("/api/v1/endpoints/prices/", headers=headers).status_code == 401
    refused = client.post(TOKEN, credentials)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")


def test_secrets_are_replaced(owner: APIClient) -> None:
    owner.post(ACCOUNTS, {"name": "robot"})
    assert owner.post(f"{ACCOUNTS}robot/secrets/", {}).json()["client_secret"].startswith("ess_")
    problem(owner.post(f"{ACCOUNTS}robot/secrets/", {}), 409)
    first = owner.get(f"{ACCOUNTS}robot/").json()["secrets"][0]
    assert owner.delete(f"{ACCOUNTS}robot/secrets/{first['id']}/").status_code == 204
    assert "expires_at" in fields(owner.post(f"{ACCOUNTS}robot/secrets/", {"expires_at": "2020-01-01T00:00:00Z"}))
    assert owner.delete(f"{ACCOUNTS}robot/").status_code == 204
    problem(owner.get(f"{ACCOUNTS}robot/"), 404)


@pytest.mark.parametrize("given", [{}, {"grant_type": "password"}, {"grant_type": "client_credentials"}])
def test_a_token_is_for_who_has_a_secret(client: Client, given: dict[str, str], world: World) -> None:
    answer = client.post(TOKEN, given)
    assert answer.status_code in (400, 401)
    assert answer.json()["error"] in ("unsupported_grant_type", "invalid_client")
