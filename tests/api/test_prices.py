"""Prices and statements over the API: IT sets, members read, and what is read adds up."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from rest_framework.test import APIClient

from endpoints.enums import Role
from endpoints.models import InstanceType, Price, User, Workspace
from tests.api.conftest import Caller
from tests.api.problems import fields, problem
from tests.factories import DeploymentFactory, EndpointFactory, RoleAssignmentFactory, UsageFactory
from tests.people import People

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
TYPES, PRICES = "/api/v1/site/instance-types/", "/api/v1/site/prices/"
SMALL = {"name": "small", "vcpu": "0.5", "memory_mib": 1024, "price_per_hour": "0.05"}


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def it(caller: Caller, people: People) -> APIClient:
    return caller(people.staff)


def test_a_type_and_its_prices(it: APIClient) -> None:
    made = it.post(TYPES, SMALL)
    assert (made.status_code, made.json()["price_per_hour"], made.json()["enabled"]) == (201, "0.0500", True)
    added = it.post(PRICES, {"item": "small", "unit_price": "0.08", "valid_from": "2026-04-01T00:00:00Z"})
    assert (added.status_code, added.json()["unit"], added.json()["created_by"]) == (201, "hour", "staff@example.com")
    listed = it.get(f"{PRICES}?item=small").json()["value"]
    assert [(each["price"]["unit_price"], each["state"]) for each in listed] == [
        ("0.0800", "future"),
        ("0.0500", "current"),
    ]
    assert it.delete(f"{PRICES}{added.json()['id']}/").status_code == 204
    assert it.get(f"{PRICES}?item=small").json()["value"][0]["state"] == "taken back"
    problem(it.delete(f"{PRICES}{added.json()['id']}/"), 409, "conflict")
    problem(it.delete(f"{PRICES}999999/"), 404)
    assert it.patch(f"{TYPES}small/", {"enabled": False}).json()["enabled"] is False
    assert [each["name"] for each in it.get(TYPES).json()["value"]] == ["small"]
    assert it.get("/api/v1/instance-types/").json()["value"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"unit_price": "-1"}, "unit_price"),
        ({"unit_price": "0.00001"}, "unit_price"),
        ({"valid_from": "2026-03-15T11:59:00Z"}, "valid_from"),
        ({"item": "huge"}, "item"),
        ({"meter": "gold"}, "meter"),
        ({"meter": "input_tokens", "item": "Not a name"}, "item"),
    ],
)
def test_what_cannot_be_a_price(it: APIClient, body: dict[str, str], field: str) -> None:
    it.post(TYPES, SMALL)
    before = Price.objects.count()
    refused = it.post(PRICES, {"item": "small", "unit_price": "1", **body})
    assert list(fields(refused)) == [field]
    assert Price.objects.count() == before


def test_a_size_stays(it: APIClient) -> None:
    it.post(TYPES, SMALL)
    assert list(fields(it.patch(f"{TYPES}small/", {"vcpu": "8"}))) == ["vcpu"]
    problem(it.patch(f"{TYPES}huge/", {"enabled": False}), 404)
    assert InstanceType.objects.get().vcpu == Decimal("0.5")


@pytest.fixture
def used(workspace: Workspace, people: People) -> Workspace:
    endpoint = EndpointFactory(name="churn", workspace=workspace, created_by=people.owner, tags={"team": "risk"})
    for name in ("blue", "green", "red"):
        end = NOW - timedelta(hours=1) + timedelta(minutes=20)
        UsageFactory(
            deployment=DeploymentFactory(endpoint=endpoint, name=name),
            started_at=NOW - timedelta(hours=1),
            ended_at=end,
            unit_price=Decimal("0.01"),
        )
    UsageFactory(started_at=NOW - timedelta(hours=1), ended_at=NOW, unit_price=Decimal(5))
    return workspace


def test_a_statement_adds_up(reader: APIClient, used: Workspace, it: APIClient) -> None:
    url = f"/api/v1/workspaces/{used.name}/statement/"
    found = reader.get(url).json()
    assert (found["total"], found["month"], found["over"], found["currency"]) == ("0.01", "2026-03", False, "USD")
    assert sum(Decimal(line["amount"]) for line in found["lines"]) == Decimal(found["total"])
    assert found["groups"] == [{"name": "churn", "amount": "0.01"}]
    assert {(line["unit"], line["unit_price"], line["phase"]) for line in found["lines"]} == {
        ("hour", "0.0100", "running")
    }
    tagged = reader.get(f"{url}?month=2026-03&group=tag:team").json()
    assert tagged["groups"] == [{"name": "risk", "amount": "0.01"}]
    assert reader.get(f"{url}?month=2026-02").json()["lines"] == []
    assert it.get("/api/v1/site/statement/?group=workspace").json()["total"] == "5.01"
    for query, field in (("month=2027-01", "month"), ("month=march", "month"), ("group=colour", "group")):
        assert list(fields(reader.get(f"{url}?{query}"))) == [field]


def test_who_may_only_call_learns_no_cost(caller: Caller, used: Workspace, people: People) -> None:
    invoker: User = people.stranger
    RoleAssignmentFactory(user=invoker, workspace=used, role=Role.ENDPOINT_INVOKER)
    client = caller(invoker)
    for part in ("statement", "cost"):
        answer = client.get(f"/api/v1/workspaces/{used.name}/{part}/")
        assert answer.status_code in (403, 404), part
        assert "churn" not in answer.content.decode()
