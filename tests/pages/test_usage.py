"""The workspace's usage: groups, totals, and nothing of other workspaces."""

import csv
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from endpoints.enums import Role
from endpoints.models import Endpoint, Workspace
from tests.factories import BudgetFactory, DeploymentFactory, EndpointFactory, RoleAssignmentFactory, UsageFactory
from tests.people import People

pytestmark = pytest.mark.django_db
BLUE = "/endpoints/prices/deployments/blue/"
OF_PRICES = ("/endpoints/prices/", BLUE)
LOGS = ("logs/", "logs/all/", "logs/0/", "logs/build/")
STATEMENTS = ("/usage/statement/", "/usage/statement/statement.csv")


@pytest.fixture
def billed(people: People, workspace: Workspace) -> Workspace:
    """prices/blue 1.00 and prices/green 0.50 of the owner; old/red 0.25, deleted, of nobody; another workspace's."""
    prices = EndpointFactory(name="prices", workspace=workspace, created_by=people.owner)
    old = EndpointFactory(name="old", workspace=workspace, deleted_at=timezone.now())
    for endpoint, name, price in ((prices, "blue", "2"), (prices, "green", "1"), (old, "red", "0.5")):
        tags = {"team": "risk"} if name == "blue" else {}
        half_an_hour(DeploymentFactory(endpoint=endpoint, name=name, tags=tags), price)
    half_an_hour(DeploymentFactory(), "1000")
    return workspace


def half_an_hour(deployment: Any, price: str) -> None:
    start = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
    UsageFactory(
        deployment=deployment,
        started_at=start,
        ended_at=start + timedelta(minutes=30),
        unit_price=Decimal(price),
    )


@pytest.mark.parametrize(
    ("group", "rows"),
    [
        ("endpoint", [("prices", "1.5"), ("old", "0.25")]),
        ("deployment", [("prices/blue", "1"), ("prices/green", "0.5"), ("old/red", "0.25")]),
        ("owner", [("owner@example.com", "1.5"), ("unallocated", "0.25")]),
        ("tag:team", [("risk", "1"), ("unallocated", "0.75")]),
        ("colour", [("prices", "1.5"), ("old", "0.25")]),
    ],
)
def test_groups(client: Client, people: People, billed: Workspace, group: str, rows: list[tuple[str, str]]) -> None:
    client.force_login(people.reader)
    context = client.get(f"/usage/?group={group}").context
    assert [(row["name"], row["amount"]) for row in context["rows"]] == [(n, Decimal(a)) for n, a in rows]
    assert (context["total"], context["hours"]) == (Decimal("1.75"), 1.5)
    figure = client.get(f"/usage/usage.json?group={group}&range=24h").json()
    sums = [sum(value or 0 for value in trace["y"]) for trace in figure["data"]]
    assert sums == [pytest.approx(float(amount)) for _, amount in rows]


def test_csv(client: Client, people: People, billed: Workspace) -> None:
    client.force_login(people.reader)
    answer = client.get("/usage/usage.csv?range=24h")
    assert answer["Content-Disposition"] == 'attachment; filename="research-usage.csv"'
    head, *lines = list(csv.reader(io.StringIO(answer.content.decode())))
    tags = ["azuremlendpoint", "azuremldeployment"]
    assert head == ["from (UTC)", "endpoint", "deployment", "owner", "USD", *tags]
    assert sorted(line[1:] for line in lines) == [
        ["old", "red", "unallocated", "0.2500000000", "old", "red"],
        ["prices", "blue", "owner@example.com", "1.0000000000", "prices", "blue"],
        ["prices", "green", "owner@example.com", "0.5000000000", "prices", "green"],
    ]


def test_a_stranger_sees_nothing_of_it(client: Client, people: People, billed: Workspace) -> None:
    client.force_login(people.stranger)
    assert "prices" not in client.get("/usage/").content.decode()
    assert client.get("/usage/usage.json").status_code == 404
    assert client.get("/usage/usage.csv").status_code == 404
    assert client.get("/usage/month.json").status_code == 404


@pytest.mark.parametrize("role", [Role.ENDPOINT_INVOKER, Role.SECRETS_READER])
def test_who_may_only_call_an_endpoint_learns_no_cost(
    client: Client, people: People, billed: Workspace, role: Role
) -> None:
    endpoint = Endpoint.objects.get(name="prices")
    RoleAssignmentFactory(user=people.stranger, workspace=billed, endpoint=endpoint, role=role)
    client.force_login(people.stranger)
    for url in (
        "/usage/",
        "/usage/usage.json",
        "/usage/usage.csv",
        "/usage/month.json",
        *STATEMENTS,
        "/usage/budgets/",
        *(f"/endpoints/prices/cost/{name}" for name in ("", "cost.json", "month.json", "cost.csv")),
        *(f"{of}metrics/{name}" for of in OF_PRICES for name in ("", "figures.json", "cpu.json", "cpu.csv")),
        *(f"{BLUE}{name}" for name in LOGS),
    ):
        assert client.get(url).status_code == 403, url


def test_the_month_so_far_its_forecast_and_the_budgets(client: Client, people: People, workspace: Workspace) -> None:
    """A dollar an hour on the first day: of 96 USD by noon of the fifth 12 are spent, at 0.5 a day to come."""
    noon = datetime(2026, 3, 5, 12, tzinfo=UTC)
    with time_machine.travel(noon, tick=False):
        BudgetFactory(workspace=workspace, name="team", amount=Decimal(20))
        deployment = DeploymentFactory(endpoint=EndpointFactory(workspace=workspace))
        for hour in range(12):
            start = datetime(2026, 3, 5, hour, tzinfo=UTC)
            ended_at = start + timedelta(hours=1)
            UsageFactory(deployment=deployment, started_at=start, ended_at=ended_at, unit_price=Decimal(1))
        client.force_login(people.reader)
        figure = client.get("/usage/month.json").json()
        _, _, budgets = client.get("/usage/").content.decode().partition('id="budgets"')
        assert '<td class="strong">team</td>' in budgets.partition("</section>")[0]
    low, high, expected, spent, budget = figure["data"]
    assert dict(zip(spent["x"], spent["y"], strict=True)) == {
        **{f"2026-03-0{day}T00:00:00Z": 0 for day in (1, 2, 3, 4, 5)},
        "2026-03-05T12:00:00Z": 12,
    }
    assert (expected["x"][0], expected["y"][0]) == ("2026-03-05T12:00:00Z", 12)
    assert (expected["x"][-1], expected["y"][-1]) == ("2026-04-01T00:00:00Z", 12 + 24 * 26.5)
    assert all(one <= other for one, other in zip(low["y"], high["y"], strict=True))
    assert (figure["known"], figure["table"]["rows"][5]) == (True, ["2026-03-05 12:00", "12.00", "", "", ""])
    assert (high["fill"], budget["name"], budget["y"]) == ("tonexty", "budget team", [20, 20])


def test_a_month_of_nothing_is_said(client: Client, people: People, workspace: Workspace) -> None:
    client.force_login(people.reader)
    answer = client.get("/usage/month.json").json()
    assert (answer["data"], answer["known"]) == ([], False)
    assert answer["empty"].startswith("Nothing was billed this month")


def test_signed_out(client: Client, billed: Workspace) -> None:
    for url in ("/usage/", "/usage/usage.json", "/usage/usage.csv", "/usage/month.json", *STATEMENTS):
        assert client.get(url).status_code == 302


def test_nothing_billed_is_said(client: Client, people: People, workspace: Workspace) -> None:
    client.force_login(people.reader)
    assert "Nothing was billed" in client.get("/usage/").content.decode()


@pytest.mark.parametrize("count", [1, 3])
def test_query_count(
    client: Client, people: People, workspace: Workspace, count: int, django_assert_num_queries: Any
) -> None:
    for _ in range(count):
        half_an_hour(DeploymentFactory(endpoint=EndpointFactory(workspace=workspace)), "1")
    client.force_login(people.reader)
    client.get("/usage/")
    with django_assert_num_queries(11):  # of the session 7; workspace, role, usage, the deployments in it
        client.get("/usage/usage.json")
