"""Whatever is sent, nothing of it is a fault of ours: no answer of 500 and above."""

import json
from collections.abc import Iterator
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from endpoints.domain.actor import SYSTEM
from endpoints.models import Deployment
from endpoints.services.generations import keep_generation
from endpoints.services.service_accounts import create_service_account
from studio.api.reference import document, sections
from tests.factories import (
    AlertRuleFactory,
    BudgetFactory,
    CodeVersionFactory,
    EnvironmentVersionFactory,
    ModelVersionFactory,
    NotificationChannelFactory,
    QuotaRequestFactory,
)

pytestmark = pytest.mark.django_db
# Of things that are there, so that the body is read.
BUDGET = UUID(int=1)
PATHS = {
    "{name}": "prices",
    "{endpoint}": "prices",
    "{version}": "1",
    "{ordinal}": "0",
    "{generation}": "1",
    "{account}": "robot",
    "{email}": "owner@example.com",
    "{channel}": "ops",
    "{rule_id}": "1",
    "{request_id}": "1",
    "{budget_id}": str(BUDGET),
    "{price_id}": "1",
}

OF_IT = tuple(
    f"/api/v1/{part}/" for part in ("identity-providers", "signing-keys", "quota-requests", "site", "budgets")
)

TEXTS = st.one_of(
    st.text(max_size=20), st.sampled_from(["blue", "azureml:x:1", "1", "\0", "\ud800", "x" * 5000, "2026-01-01", "NaN"])
)
NUMBERS = st.one_of(st.integers(), st.floats(), st.sampled_from([-1, 0, 2**31, 2**63, 2**100, 1e308]))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def bodies() -> Iterator[tuple[str, str, list[str]]]:
    """(method, path, fields) of every operation that takes JSON."""
    for operations in sections("").values():
        for operation in operations:
            if operation.media_type == "application/json" and operation.body:
                names = [field.name for field in operation.body if "." not in field.name]
                yield operation.method, path_of(operation.path), names


def queries() -> Iterator[tuple[str, list[str]]]:
    for path, methods in document()["paths"].items():
        parameters = methods.get("get", {}).get("parameters", [])
        names = [item["name"] for item in parameters if item["in"] == "query"]
        if names:
            yield path_of(path), names


def path_of(path: str) -> str:
    if "/deployments/{name}/" in path:
        path = path.replace("{name}", "blue")
    if path.startswith("/api/v1/workspaces/"):
        path = path.replace("{name}", "research")
    for part, value in PATHS.items():
        path = path.replace(part, value)
    return path


@pytest.fixture
def sender(owner: APIClient, blue: Deployment) -> APIClient:
    """An owner, in a workspace in which every path leads to something."""
    for factory in (ModelVersionFactory, CodeVersionFactory, EnvironmentVersionFactory):
        factory(workspace=blue.endpoint.workspace, name="prices")
    keep_generation(actor=SYSTEM, deployment=blue)
    create_service_account(actor=SYSTEM, workspace=blue.endpoint.workspace, name="robot")
    QuotaRequestFactory(pk=1, workspace=blue.endpoint.workspace)
    BudgetFactory(pk=BUDGET, workspace=blue.endpoint.workspace)
    AlertRuleFactory(pk=1, workspace=blue.endpoint.workspace, endpoint=blue.endpoint)
    NotificationChannelFactory(workspace=blue.endpoint.workspace, name="ops")
    return owner


def test_every_path_leads_to_something(sender: APIClient) -> None:
    for method, path, _ in bodies():
        assert sender.generic(method, path, "5", content_type="application/json").status_code in (403, 422), path
    for path, _ in queries():
        files_are_there = not path.endswith("/files/")  # the rows have none in the store
        expected = 403 if path.startswith(OF_IT) else 200 if files_are_there else 404
        assert sender.get(path).status_code == expected, path


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(data=st.data())
def test_no_body_is(data: st.DataObject, sender: APIClient) -> None:
    method, path, names = data.draw(st.sampled_from(list(bodies())))
    body = data.draw(st.one_of(VALUES, st.dictionaries(st.sampled_from([*names, "colour"]), VALUES, max_size=4)))
    response = sender.generic(method, path, json.dumps(body), content_type="application/json")
    assert response.status_code < 500, (method, path, body, response.content)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(data=st.data())
def test_no_query_is(data: st.DataObject, sender: APIClient) -> None:
    path, names = data.draw(st.sampled_from(list(queries())))
    texts = TEXTS.filter(lambda text: text.isprintable() or "\0" in text)
    query = data.draw(st.dictionaries(st.sampled_from(names), texts, max_size=3))
    response = sender.get(path, {name: text.replace("\ud800", "") for name, text in query.items()})
    assert response.status_code < 500, (path, query, response.content)
