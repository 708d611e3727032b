"""Quotas and budgets over the API."""

from decimal import Decimal
from typing import Any

import pytest
from rest_framework.test import APIClient

from endpoints.domain.actor import SYSTEM
from endpoints.enums import BudgetAction
from endpoints.models import Budget, Deployment, Endpoint, Quota, SiteLimits
from endpoints.services.budgets import create_budget
from endpoints.services.quota import set_quota
from tests.api.conftest import Caller
from tests.api.problems import fields, problem
from tests.factories import QuotaRequestFactory
from tests.people import People
from tests.world import World

pytestmark = pytest.mark.django_db
QUOTA = "/api/v1/workspaces/research/quota/"
REQUESTS = "/api/v1/workspaces/research/quota-requests/"
BUDGETS = "/api/v1/workspaces/research/budgets/"


@pytest.fixture
def staff(caller: Caller, people: People) -> APIClient:
    return caller(people.staff)


def test_a_quota_is_read_by_members_and_set_by_it(
    reader: APIClient, owner: APIClient, stranger: APIClient, staff: APIClient, blue: Deployment
) -> None:
    answer = reader.get(QUOTA)
    assert answer.json()["resources"][0] == {"resource": "vcpu", "used": "2.00", "limit": None}
    problem(owner.put(QUOTA, {"vcpu": "4"}), 403, "forbidden")
    problem(stranger.put(QUOTA, {"vcpu": "4"}), 404, "not_found")
    answer = staff.put(QUOTA, {"vcpu": "4.5", "gpu": None}, headers={"If-Match": answer["ETag"]})
    assert answer.json()["resources"][0] == {"resource": "vcpu", "used": "2.00", "limit": "4.50"}
    problem(staff.put(QUOTA, {"vcpu": 9}, headers={"If-Match": '"0"'}), 412, "precondition_failed")
    assert fields(staff.put(QUOTA, {"vcpu": -1, "disk": 4})).keys() == {"vcpu", "disk"}
    assert Quota.objects.get().vcpu == 4.5


def test_the_sites(staff: APIClient, owner: APIClient) -> None:
    assert staff.get("/api/v1/site/quota/").json()["resources"][3] == {
        "resource": "endpoints",
        "used": "0.00",
        "limit": "100.00",
    }
    staff.put("/api/v1/site/quota/", {"endpoints": 7})
    assert Quota.objects.get(workspace=None).endpoints == 7
    limits = staff.put("/api/v1/site/limits/", {"reserve_percent": 0, "requests_per_second": None}).json()
    assert (limits["reserve_percent"], limits["requests_per_second"]) == (0, None)
    assert list(fields(staff.put("/api/v1/site/limits/", {"reserve_percent": 101}))) == ["reserve_percent"]
    problem(owner.get("/api/v1/site/limits/"), 403, "forbidden")
    assert SiteLimits.objects.get().reserve_percent == 0


def test_a_request_from_its_beginning_to_its_end(
    owner: APIClient, reader: APIClient, stranger: APIClient, staff: APIClient
) -> None:
    problem(reader.post(REQUESTS, {"vcpu": 8, "reason": "x"}), 403, "forbidden")
    problem(stranger.post(REQUESTS, {"vcpu": 8, "reason": "x"}), 404, "not_found")
    assert list(fields(owner.post(REQUESTS, {"vcpu": 8}))) == ["reason"]
    made = owner.post(REQUESTS, {"vcpu": "8", "reason": "A launch"})
    assert made.status_code == 201
    problem(owner.post(REQUESTS, {"vcpu": 9, "reason": "More"}), 409, "conflict")
    one = f"/api/v1/quota-requests/{made.json()['id']}/"
    assert reader.get(one).json()["state"] == "pending"
    problem(stranger.get(one), 404, "not_found")
    problem(owner.post(f"{one}approve/", {}), 403, "forbidden")
    assert [each["id"] for each in staff.get("/api/v1/quota-requests/").json()["value"]] == [made.json()["id"]]
    assert list(fields(staff.post(f"{one}deny/", {}))) == ["note"]
    decided = staff.post(f"{one}approve/", {"note": "Fine."}).json()
    assert (decided["state"], decided["decided_by"], decided["note"]) == ("approved", "staff@example.com", "Fine.")
    problem(owner.post(f"{one}withdraw/"), 409, "conflict")
    assert Quota.objects.get().vcpu == 8


def test_requests_of_others_are_not_there(owner: APIClient) -> None:
    other = QuotaRequestFactory()
    problem(owner.post(f"/api/v1/quota-requests/{other.pk}/withdraw/"), 404, "not_found")
    assert owner.get(REQUESTS).json()["value"] == []


def test_out_of_quota_is_a_problem_with_the_arithmetic(owner: APIClient, world: World) -> None:
    world.deployment(world.endpoint())
    set_quota(actor=SYSTEM, workspace=world.workspace, limits={"vcpu": 2})
    url = "/api/v1/endpoints/prices/deployments/blue/"
    answer = owner.patch(url, {"instance_count": 2})
    problem(answer, 422, "OutOfQuota")
    (error,) = answer.json()["errors"]
    assert error["field"] == "instance_count"
    assert "2 asked for and 1 of reserve make 3; 0 of 2 are in use" in error["message"]


def test_budgets_are_made_read_changed_and_deleted(
    owner: APIClient, reader: APIClient, stranger: APIClient, prices: Endpoint
) -> None:
    problem(reader.post(BUDGETS, {"name": "team", "amount": "5"}), 403, "forbidden")
    problem(stranger.get(BUDGETS), 404, "not_found")
    assert list(fields(owner.post(BUDGETS, {"name": "team", "amount": "-5"}))) == ["amount"]
    assert list(fields(owner.post(BUDGETS, {"name": "team", "amount": "5", "action": "x"}))) == ["action"]
    made = owner.post(BUDGETS, {"name": "team", "amount": "5.25", "thresholds": [80], "action": "refuse"})
    assert made.status_code == 201
    body = made.json()
    shown = {name: body[name] for name in ("workspace", "amount", "thresholds", "action", "spent", "acting_since")}
    assert shown == {
        "workspace": "research",
        "amount": "5.2500",
        "thresholds": [80],
        "action": "refuse",
        "spent": "0.0000000000",
        "acting_since": None,
    }
    one = f"/api/v1/budgets/{body['id']}/"
    assert reader.get(one).json() == owner.get(one).json()
    problem(reader.patch(one, {"amount": 1}), 403, "forbidden")
    problem(stranger.delete(one), 404, "not_found")
    assert owner.patch(one, {"amount": "6"}, headers={"If-Match": '"1"'}).json()["version"] == 2
    problem(owner.patch(one, {"amount": "7"}, headers={"If-Match": '"1"'}), 412, "precondition_failed")
    of_endpoint = owner.post("/api/v1/endpoints/prices/budgets/", {"name": "one", "amount": "1"}).json()
    assert of_endpoint["endpoint"] == "prices"
    assert {each["name"] for each in reader.get("/api/v1/endpoints/prices/budgets/").json()["value"]} == {"one", "team"}
    assert owner.delete(one).status_code == 204
    assert Budget.objects.count() == 1


def test_an_owners_budget_is_its(staff: APIClient, owner: APIClient, stranger: APIClient) -> None:
    given = {"name": "hers", "amount": "5", "owner": "owner@example.com"}
    problem(owner.post("/api/v1/budgets/", given), 403, "forbidden")
    assert list(fields(staff.post("/api/v1/budgets/", given | {"owner": "nobody@example.com"}))) == ["owner"]
    made = staff.post("/api/v1/budgets/", given).json()
    assert made["owner"] == "owner@example.com"
    one = f"/api/v1/budgets/{made['id']}/"
    assert owner.get(one).status_code == 200
    problem(owner.delete(one), 403, "forbidden")
    problem(stranger.get(one), 404, "not_found")


def test_402_names_the_budget(owner: APIClient, world: World) -> None:
    world.deployment(world.endpoint())
    create_budget(
        actor=SYSTEM,
        workspace=world.workspace,
        name="team",
        amount=Decimal("0.0001"),
        action=BudgetAction.REFUSE,
        committed_hours=24,
    )
    answer: Any = owner.patch("/api/v1/endpoints/prices/deployments/blue/", {"instance_count": 2})
    detail = problem(answer, 402, "budget_exceeded")["detail"]
    assert "Budget “team”" in detail
    assert "It resets on" in detail
