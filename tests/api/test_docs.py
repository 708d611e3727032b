"""The OpenAPI document and its page."""

from typing import Any

import pytest
from django.test import Client
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.validation import validate_schema
from rest_framework.test import APIClient

from studio.api.errors import KINDS
from studio.api.reference import document, sections
from tests.api.conftest import Caller
from tests.api.problems import problem
from tests.people import People

pytestmark = pytest.mark.django_db


def operations() -> list[dict[str, Any]]:
    return [operation for path in document()["paths"].values() for operation in path.values()]


def test_the_document_is_valid_openapi_made_without_a_warning() -> None:
    document.cache_clear()
    GENERATOR_STATS.reset()
    validate_schema(document())  # type: ignore[no-untyped-call]
    assert not GENERATOR_STATS


def test_every_operation_has_its_own_id_a_summary_and_a_problem() -> None:
    ids = [operation["operationId"] for operation in operations()]
    assert len(set(ids)) == len(ids) > 40
    for operation in operations():
        assert operation["summary"]
        assert list(operation["responses"]["default"]["content"]) == ["application/problem+json"]
        assert {"personalToken": []} in operation["security"]


def test_a_body_stands_in_the_document_as_in_azures_yaml() -> None:
    properties = document()["components"]["schemas"]["DeploymentBody"]["properties"]
    expected = {"model", "code_configuration", "environment", "instance_type", "instance_count", "request_settings"}
    assert expected | {"liveness_probe", "readiness_probe", "environment_variables"} <= properties.keys()


def test_a_query_stands_in_the_document() -> None:
    parameters = document()["paths"]["/api/v1/endpoints/"]["get"]["parameters"]
    assert {item["name"] for item in parameters} == {"cursor", "limit", "workspace", "search", "provisioning_state"}


def test_the_document_is_served_to_who_has_signed_in(reader: APIClient, caller: Caller) -> None:
    response = reader.get("/api/v1/openapi.json")
    assert response.json()["openapi"].startswith("3.")
    problem(caller(None).get("/api/v1/openapi.json"), 401)


def test_the_page_shows_every_operation_and_problem(client: Client, people: People) -> None:
    client.force_login(people.reader)
    response = client.get("/api/v1/docs/")
    page = response.content.decode()
    assert response.status_code == 200
    for operation in operations():
        assert f'id="{operation["operationId"]}"' in page
    for code in KINDS:
        assert f"<code>{code}</code>" in page
    assert "request_settings.request_timeout_ms" in page


def test_the_page_needs_nothing_that_the_policy_forbids(client: Client, people: People) -> None:
    client.force_login(people.reader)
    response = client.get("/api/v1/docs/")
    page = response.content.decode()
    assert "'unsafe-inline'" not in response["Content-Security-Policy"]
    assert "style=" not in page
    assert "<style" not in page
    assert "<script>" not in page


def test_the_page_asks_to_sign_in(client: Client, db: None) -> None:
    response = client.get("/api/v1/docs/")
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")


def test_the_examples_name_what_is_required() -> None:
    found = {
        operation.id: operation.example for part in sections("https://studio.example").values() for operation in part
    }
    assert found["regenerate_a_key"].endswith("""-H 'Content-Type: application/json' \\\n  -d '{"keyType": "…"}'""")
    assert "-F files=@FILE" in found["register_a_model"]
    assert found["show_an_endpoint"].startswith('curl -X GET "https://studio.example/api/v1/endpoints/{name}/"')
