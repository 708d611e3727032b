"""The workspace's usage: groups, totals, and nothing of other workspaces."""

import csv
import io
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from endpoints.models import Workspace
from tests.factories import DeploymentFactory, EndpointFactory, UsageFactory
from tests.people import People

pytestmark = pytest.mark.django_db


@pytest.fixture
def billed(people: People, workspace: Workspace) -> Workspace:
    """prices/blue 1.00 and prices/green 0.50 of the owner; old/red 0.25, deleted, of nobody; another workspace's."""
    prices = EndpointFactory(name="prices", workspace=workspace, created_by=people.owner)
    old = EndpointFactory(name="old", workspace=workspace, deleted_at=timezone.now())
    for endpoint, name, price in ((prices, "blue", "2"), (prices, "green", "1"), (old, "red", "0.5")):
        half_an_hour(DeploymentFactory(endpoint=endpoint, name=name), price)
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
        ("owner", [("owner@example.com", "1.5"), ("system", "0.25")]),
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
    assert head == ["from (UTC)", "endpoint", "deployment", "owner", "USD"]
    assert sorted(line[1:] for line in lines) == [
        ["old", "red", "system", "0.2500000000"],
        ["prices", "blue", "owner@example.com", "1.0000000000"],
        ["prices", "green", "owner@example.com", "0.5000000000"],
    ]


def test_a_stranger_sees_nothing_of_it(client: Client, people: People, billed: Workspace) -> None:
    client.force_login(people.stranger)
    assert "prices" not in client.get("/usage/").content.decode()
    assert client.get("/usage/usage.json").status_code == 404
    assert client.get("/usage/usage.csv").status_code == 404


def test_signed_out(client: Client, billed: Workspace) -> None:
    for url in ("/usage/", "/usage/usage.json", "/usage/usage.csv"):
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
    with django_assert_num_queries(10):  # of the session 7; workspace, usage, the deployments in it
        client.get("/usage/usage.json")
