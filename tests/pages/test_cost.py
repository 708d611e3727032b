"""Cost of an endpoint: bars, table and month agree with the usage rows, to the last digit."""

import csv
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from endpoints.enums import UsagePhase
from endpoints.models import Deployment, Endpoint, InstanceType
from endpoints.selectors.cost import cost_window
from tests.factories import DeploymentFactory, EndpointFactory, InstanceTypeFactory, UsageFactory
from tests.people import People

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 15, 12, 30, tzinfo=UTC)


@pytest.fixture
def clock() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def endpoint(clock: Any, people: People, workspace: Any) -> Endpoint:
    """blue: two hours today and one yesterday at 0.06; green: deleted, half an hour today at 0.12."""
    made: Endpoint = EndpointFactory(name="prices", workspace=workspace, created_by=people.owner)
    size: InstanceType = InstanceTypeFactory(price_per_hour=Decimal("0.0600"))
    blue = DeploymentFactory(endpoint=made, name="blue", color_slot=0, instance_type=size)
    green = DeploymentFactory(endpoint=made, name="green", color_slot=1, deleted_at=NOW)
    for hour in (10, 11):
        bill(blue, NOW.replace(hour=hour, minute=0), timedelta(hours=1), "0.0600")
    bill(blue, NOW.replace(hour=11, minute=0) - timedelta(days=1), timedelta(hours=1), "0.0600")
    bill(green, NOW.replace(hour=12, minute=0), timedelta(minutes=30), "0.1200")
    return made


def bill(deployment: Any, start: datetime, length: timedelta, price: str) -> None:
    UsageFactory(deployment=deployment, started_at=start, ended_at=start + length, unit_price=Decimal(price))


def test_the_page(client: Client, people: People, endpoint: Endpoint) -> None:
    building = Deployment.objects.get(name="blue")
    start = NOW - timedelta(minutes=30)
    UsageFactory(deployment=building, phase=UsagePhase.BUILDING, unit_price=0, started_at=start, ended_at=NOW)
    client.force_login(people.reader)
    answer = client.get("/endpoints/prices/cost/")
    context = answer.context
    assert [(row["deployment"].name, row["amount"], row["hours"]) for row in context["costs"]] == [
        ("blue", Decimal("0.18"), 3.0),
        ("green", Decimal("0.06"), 0.5),
    ]
    assert context["total"] == Decimal("0.24") == context["month"].to_date
    assert context["month"].low <= context["month"].expected <= context["month"].high
    assert "deleted" in answer.content.decode()
    assert "0.2400" in answer.content.decode()


def test_bars_per_day_and_per_hour(client: Client, people: People, endpoint: Endpoint) -> None:
    client.force_login(people.reader)
    days = client.get("/endpoints/prices/cost/cost.json").json()
    assert days["layout"]["barmode"] == "stack"
    assert days["summary"] == "$0.2400 in all"
    blue, green = days["data"]
    assert (blue["name"], blue["meta"], green["name"]) == ("blue", {"slot": 0}, "green (deleted)")
    assert dict(zip(blue["x"], blue["y"], strict=True))["2026-03-14T00:00:00Z"] == 0.06
    assert dict(zip(blue["x"], blue["y"], strict=True))["2026-03-15T00:00:00Z"] == 0.12
    assert blue["marker"]["opacity"][-1] == 0.5
    hours = client.get("/endpoints/prices/cost/cost.json?range=24h").json()
    assert len(hours["data"][0]["x"]) == 24
    assert sum(value or 0 for value in hours["data"][0]["y"]) == pytest.approx(0.12)
    finer = client.get("/endpoints/prices/cost/cost.json?range=7d&by=hour").json()
    assert len(finer["data"][0]["x"]) == 168


def test_a_month_begins_on_its_first_day_in_days() -> None:
    shown = cost_window("month", by="hour", now=datetime(2026, 3, 3, 12, 30, tzinfo=UTC))
    assert (shown.start, shown.by, len(shown.points())) == (datetime(2026, 3, 1, tzinfo=UTC), "day", 3)


def test_csv(client: Client, people: People, endpoint: Endpoint) -> None:
    client.force_login(people.reader)
    lines = list(csv.reader(io.StringIO(client.get("/endpoints/prices/cost/cost.csv").content.decode())))
    assert lines == [
        ["time (UTC)", "blue", "green (deleted)"],
        ["2026-03-14T00:00:00Z", "0.06", ""],
        ["2026-03-15T00:00:00Z", "0.12", "0.06"],
    ]


def test_a_price_of_today_changes_no_cost_of_yesterday(client: Client, people: People, endpoint: Endpoint) -> None:
    InstanceType.objects.update(price_per_hour=Decimal(9))
    client.force_login(people.reader)
    assert client.get("/endpoints/prices/cost/").context["total"] == Decimal("0.24")


def test_nothing_billed_is_said(client: Client, people: People, workspace: Any) -> None:
    EndpointFactory(name="new", workspace=workspace)
    client.force_login(people.reader)
    assert "Nothing was billed" in client.get("/endpoints/new/cost/").content.decode()
    assert client.get("/endpoints/new/cost/cost.json").json()["data"] == []


@pytest.mark.parametrize("count", [1, 3])
def test_query_count(
    client: Client, people: People, workspace: Any, count: int, django_assert_num_queries: Any
) -> None:
    endpoint = EndpointFactory(name="many", workspace=workspace)
    for number in range(count):
        bill(DeploymentFactory(endpoint=endpoint, name=f"d{number}"), timezone.now(), timedelta(minutes=1), "1")
    client.force_login(people.reader)
    client.get("/endpoints/many/cost/")
    with django_assert_num_queries(12):  # of the session 7; endpoint, deployments, role, usage, those in it
        client.get("/endpoints/many/cost/cost.json")
