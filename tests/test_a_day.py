"""A day of generated traffic: what pages and API tell of it is what is true of it, at every resolution."""

import csv
import io
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from math import ceil
from typing import Any

import pytest
import time_machine
from django.test import Client

from endpoints import wiring
from endpoints.domain.buckets import error_bound
from endpoints.enums import ReplicaState
from endpoints.models import Deployment, Endpoint, Replica
from endpoints.reconcile.collector import collect
from tests.a_day import END, PASSES_AFTER, START, Bill, Day, Request, as_decimal, looks, slot_of
from tests.factories import DeploymentFactory, EndpointFactory, InstanceTypeFactory, PriceFactory
from tests.people import People

pytestmark = pytest.mark.django_db
NOW = END + timedelta(seconds=10 * PASSES_AFTER)
PRICES = (Decimal("0.0613"), Decimal("1.2500"))  # before RAISED, and after
RAISED = timedelta(hours=9, minutes=27, seconds=13)  # within an hour, and between two looks
SHRUNK = timedelta(hours=13, minutes=20)
# 10 seconds, minutes, hours and days; the last one by times of one's own.
RANGES = ("range=15m", "range=6h", "range=24h", "range=7d", "from=2026-01-02&to=2026-03-16")


@dataclass
class Told:
    """The day, and the deployments that had it: blue has two replicas until SHRUNK, green has one."""

    day: Day
    blue: Deployment
    green: Deployment
    bills: dict[str, Bill]


@pytest.fixture
def told(adapters: wiring.Adapters, workspace: Any) -> Iterator[Told]:
    with time_machine.travel(START, tick=False) as clock:
        endpoint: Endpoint = EndpointFactory(name="prices", workspace=workspace)
        size = InstanceTypeFactory(price_per_hour=PRICES[0])
        blue = DeploymentFactory(endpoint=endpoint, name="blue", instance_type=size, replicas=2)
        green = DeploymentFactory(endpoint=endpoint, name="green", instance_type=size, replicas=1)
        for valid_from, price in ((START - timedelta(days=1), PRICES[0]), (START + RAISED, PRICES[1])):
            PriceFactory(item=size.name, unit_price=price, valid_from=valid_from)
        Replica.objects.update(pid=None)
        day = Day((blue.cluster, green.cluster), random.Random(20260314))
        found = Told(day, blue, green, {"blue": Bill(), "green": Bill()})
        with wiring.using(replace(adapters, gateway_statistics=day)):
            pass_the_day(found, clock)
        clock.move_to(NOW)
        yield found


def pass_the_day(told: Told, clock: Any) -> None:
    now = START
    for number, (seconds, interval) in enumerate([*looks(), *[(10, 10)] * PASSES_AFTER]):
        before, now = now, now + timedelta(seconds=seconds)
        if now <= END:
            told.day.serve(seconds)
        clock.move_to(now)
        look(told.day, number, now, interval)
        bill(told, before, now)
        change(told, now - START)


def look(day: Day, number: int, now: datetime, interval: int) -> None:
    """Once in a while Envoy is down, is looked at twice, or starts anew."""
    day.down = number % 31 == 30
    for _ in range(2 if number % 17 == 16 else 1):
        assert collect(interval=interval)
    if not day.down:
        day.told(slot_of(now, interval))
        if number % 83 == 82:
            day.restart(now)


def bill(told: Told, before: datetime, now: datetime) -> None:
    raised = START + RAISED
    for start, end, price in ((before, min(now, raised), PRICES[0]), (max(before, raised), now, PRICES[1])):
        for _ in range(2 if now - START <= SHRUNK else 1):
            told.bills["blue"].add(start, end, price)
        told.bills["green"].add(start, end, price)


def change(told: Told, elapsed: timedelta) -> None:
    if elapsed == SHRUNK:
        Replica.objects.filter(deployment=told.blue, ordinal=1).update(state=ReplicaState.STOPPED)


def counts_of(requests: Iterable[Request]) -> dict[str, int]:
    """As the API names them, zeros left out."""
    outcomes = Counter(each.outcome for each in requests)
    counts = {
        "2xx": outcomes["200"],
        "4xx": outcomes["404"] + outcomes["424"] + outcomes["408"] + outcomes["429"],
        "5xx": outcomes["503"],
        "model_errors": outcomes["424"],
        "timeouts": outcomes["408"],
        "overflows": outcomes["429"],
    }
    return {name: count for name, count in counts.items() if count}


def assert_percentile(told: float, requests: list[Request], percent: float) -> None:
    """By the nearest rank: off by one bucket of ours, and of Envoy's where that is wider than a millisecond."""
    times = sorted(each.milliseconds for each in requests)
    true = times[max(0, ceil(len(times) * percent / 100) - 1)]
    assert abs(told - true) <= error_bound(true) + (true / 10 if true >= 100 else 0), (told, true)


@contextmanager
def signed_in(people: People) -> Iterator[Client]:
    client = Client()
    client.force_login(people.reader)
    yield client


def test_all_of_a_day_is_told_as_it_was(told: Told, people: People) -> None:
    with signed_in(people) as client:
        for asked in RANGES:
            api_tells_requests(told, client, asked)
            pages_tell_requests(told, client, asked)
        api_tells_cost(told, client)
        pages_tell_cost(told, client)


def api_tells_requests(told: Told, client: Client, asked: str) -> None:
    body = client.get(f"/api/v1/endpoints/prices/metrics/?{asked}").json()
    start, end, step = datetime.fromisoformat(body["start"]), datetime.fromisoformat(body["end"]), body["step_seconds"]
    found = {each["name"]: each["points"] for each in body["deployments"]}
    for deployment in (told.blue, told.green):
        truth = told.day.by_point(deployment.cluster, start, end, step)
        points = {datetime.fromisoformat(each["at"]): each for each in found[deployment.name] if each["requests"]}
        assert points.keys() == truth.keys(), asked
        for at, requests in truth.items():
            assert points[at]["requests"] == len(requests)
            seen = {name: count for name, count in points[at]["counts"].items() if count}
            assert seen == counts_of(requests), (asked, at)
            for percent in (50, 95, 99):
                assert_percentile(points[at]["latency_ms"][f"p{percent}"], requests, percent)


def table(client: Client, url: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(client.get(url).content.decode())))


def pages_tell_requests(told: Told, client: Client, asked: str) -> None:
    """The CSV of errors, of which each kind is its own; the percentiles of all points together; the page's table."""
    body = client.get(f"/api/v1/endpoints/prices/metrics/?{asked}").json()
    start, end = datetime.fromisoformat(body["start"]), datetime.fromisoformat(body["end"])
    model = {"404": "model: refused", "424": "model: error"}
    kinds = {**model, "408": "gateway: time-out", "429": "gateway: too many", "503": "gateway: not reached"}
    for deployment in (told.blue, told.green):
        true = told.day.between(deployment.cluster, start, end)
        outcomes = Counter(each.outcome for each in true)
        base = f"/endpoints/prices/deployments/{deployment.name}/metrics/"
        rows = table(client, f"{base}errors.csv?{asked}")
        for outcome, word in kinds.items():
            [column] = [name for name in rows[0] if name.startswith(word)]
            assert sum(float(row[column] or 0) for row in rows) == outcomes[outcome], (asked, column)
        figure = client.get(f"{base}latency.json?{asked}").json()
        shown = dict(part.split(" ")[:2] for part in figure["summary"].split(", "))
        for percent in (50, 95, 99):
            assert_percentile(float(shown[f"p{percent}"].replace(",", "")), true, percent)
        page = client.get(f"{base}?{asked}&table=errors").content.decode()
        assert all(f"<td>{row[column]}</td>" in page.replace(' class="number"', "") for row in rows[-3:])


def api_tells_cost(told: Told, client: Client) -> None:
    body = client.get("/api/v1/endpoints/prices/cost/?range=7d&by=hour").json()
    found = {each["name"]: each for each in body["deployments"]}
    for name, bill in told.bills.items():
        points = {datetime.fromisoformat(each["at"]): Decimal(each["amount"]) for each in found[name]["points"]}
        assert points == {at: as_decimal(amount) for at, amount in bill.amounts.items()}
        assert Decimal(found[name]["total"]) == as_decimal(bill.total())
    assert Decimal(body["total"]) == as_decimal(
        sum((bill.total() for bill in told.bills.values()), start=Bill().total())
    )


def pages_tell_cost(told: Told, client: Client) -> None:
    rows = table(client, "/endpoints/prices/cost/cost.csv?range=7d&by=hour")
    page = client.get("/endpoints/prices/cost/?range=7d").content.decode()
    for name, bill in told.bills.items():
        amounts = [float(row[column]) for row in rows for column in row if column.startswith(name) and row[column]]
        # The file rounds to six digits.
        assert amounts == pytest.approx([float(bill.amounts[at]) for at in sorted(bill.amounts)], rel=1e-5, abs=1e-6)
        assert f"{as_decimal(bill.total(), 4):,.4f}" in page
