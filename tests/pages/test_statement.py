"""Statements on pages and as CSV: to the cent, by month of UTC, harmless to spreadsheets, and of nobody else."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client

from endpoints.enums import Meter, UsagePhase
from endpoints.models import Endpoint, Usage, Workspace
from endpoints.reconcile.billing import Measured, meter_usage
from tests.factories import DeploymentFactory, EndpointFactory, PriceFactory, UsageFactory
from tests.people import People

pytestmark = pytest.mark.django_db
SignedIn = Callable[[str], Client]
PAGE, CSV, SITE, SITE_CSV = (
    "/usage/statement/",
    "/usage/statement/statement.csv",
    "/it/statement/",
    "/it/statement/statement.csv",
)
NOW = datetime(2026, 4, 2, 12, tzinfo=UTC)
LAST_OF_MARCH = datetime(2026, 3, 31, 23, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def churn(people: People, workspace: Workspace) -> Endpoint:
    """March: thirds of a cent by three deployments, on the day on which clocks change, and in the last hour of UTC's
    month; April: the hour after. And another workspace's."""
    endpoint: Endpoint = EndpointFactory(
        name="churn", workspace=workspace, created_by=people.owner, tags={"team": "=1+1"}
    )
    for number, name in enumerate(("blue", "green", "red")):
        deployment = DeploymentFactory(endpoint=endpoint, name=name)
        start = datetime(2026, 3, 29, number, tzinfo=UTC)
        third = start + timedelta(minutes=20)
        UsageFactory(
            deployment=deployment, started_at=start, ended_at=third, unit_price=Decimal("0.01"), phase="starting"
        )
        if name == "blue":
            for at, price in ((LAST_OF_MARCH, "0.50"), (LAST_OF_MARCH + HOUR, "7")):
                UsageFactory(deployment=deployment, started_at=at, ended_at=at + HOUR, unit_price=Decimal(price))
    elsewhere = DeploymentFactory()
    UsageFactory(deployment=elsewhere, started_at=LAST_OF_MARCH, ended_at=LAST_OF_MARCH + HOUR, unit_price=Decimal(3))
    return endpoint


def lines(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


def test_a_month_is_utcs_and_adds_up(signed_in: SignedIn, churn: Endpoint) -> None:
    client = signed_in("reader")
    march = client.get(f"{PAGE}?month=2026-03").context
    assert (march["statement"].total, march["over"], march["month"].words) == (Decimal("0.51"), True, "March 2026")
    assert [(row["name"], row["amount"]) for row in march["rows"]] == [("churn", Decimal("0.51"))]
    assert [(each["phase"], each["hours"]) for each in march["phases"]] == [
        (UsagePhase.STARTING, 1),
        (UsagePhase.RUNNING, 1),
    ]
    april = client.get(PAGE).context
    assert (april["statement"].total, april["over"]) == (Decimal("7.00"), False)
    assert [each["value"] for each in april["months"]] == ["2026-04", "2026-03"]
    for odd in ("2027-01", "march", "2026-13"):
        assert client.get(f"{PAGE}?month={odd}").context["statement"].total == Decimal("7.00")


@pytest.mark.parametrize(
    ("group", "rows"),
    [
        ("deployment", [("churn/blue", "0.51"), ("churn/green", "0.00"), ("churn/red", "0.00")]),
        ("owner", [("owner@example.com", "0.51")]),
        ("tag:team", [("=1+1", "0.51")]),
        ("tag:colour", [("unallocated", "0.51")]),
        ("job", [("unallocated", "0.51")]),
        ("nothing", [("churn", "0.51")]),
    ],
)
def test_groups(signed_in: SignedIn, churn: Endpoint, group: str, rows: list[tuple[str, str]]) -> None:
    context = signed_in("reader").get(PAGE, {"month": "2026-03", "group": group}).context
    assert [(row["name"], str(row["amount"])) for row in context["rows"]] == rows


def test_csv_adds_up_names_azures_tags_and_harms_nobody(signed_in: SignedIn, churn: Endpoint) -> None:
    answer = signed_in("reader").get(f"{CSV}?month=2026-03")
    assert answer["Content-Disposition"] == 'attachment; filename="research-statement-2026-03.csv"'
    found = lines(answer)
    assert sum(Decimal(line["amount"]) for line in found) == Decimal("0.51")
    first = found[0]
    assert (first["azuremlendpoint"], first["azuremldeployment"]) == ("churn", "blue")
    assert json.loads(first["Tags"]) == {"azuremldeployment": "blue", "azuremlendpoint": "churn", "team": "=1+1"}
    assert {line["month"] for line in found} == {"2026-03"}


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_what_a_spreadsheet_would_run_it_reads(signed_in: SignedIn, churn: Endpoint, start: str) -> None:
    UsageFactory(
        deployment=churn.deployments.get(name="blue"),
        started_at=NOW - HOUR,
        ended_at=NOW,
        job=f"{start}cmd|' /C calc'!A0",
        meter=Meter.BATCH,
        unit_price=Decimal(1),
    )
    [line] = [line for line in lines(signed_in("reader").get(CSV)) if line["meter"] == "batch"]
    assert line["job"].startswith(f"'{start}cmd")


@pytest.mark.skipif(connection.vendor != "sqlite", reason="a server reads a table as small as this whole")
def test_a_month_of_the_site_is_found_without_reading_what_was_used_before() -> None:
    assert "usage_of_a_month" in Usage.objects.filter(started_at__gte=NOW - HOUR, started_at__lt=NOW).explain()


def test_jobs_and_tokens_stand_beside_instances(signed_in: SignedIn, churn: Endpoint) -> None:
    """Written as batch and standard endpoints will: cut at the price's change, told twice, and counted once; each
    meter of one source by itself."""
    begin = NOW - 3 * HOUR
    for meter, item, valid_from, price in (
        (Meter.BATCH, "small", begin, "1"),
        (Meter.BATCH, "small", begin + HOUR / 2, "2"),
        (Meter.OUTPUT_TOKENS, "", begin, "0.60"),
        (Meter.INPUT_TOKENS, "", begin, "0.10"),
        (Meter.ENDPOINT_MINUTES, "", begin, "0.10"),
    ):
        PriceFactory(meter=meter, item=item, unit_price=Decimal(price), valid_from=valid_from)
    blue = churn.deployments.get(name="blue").pk
    hour = partial(Measured, deployment_id=blue, source="one", started_at=begin, ended_at=begin + HOUR)
    measured = [
        hour(meter=Meter.BATCH, item="small", job="nightly"),
        hour(meter=Meter.OUTPUT_TOKENS, item="phi", quantity=3_000_001),
        hour(meter=Meter.INPUT_TOKENS, item="phi", quantity=2_000_000),
        hour(meter=Meter.ENDPOINT_MINUTES, item="phi"),
    ]
    meter_usage(measured)
    meter_usage(measured)
    found = {(line["meter"], line["unit_price"]): line for line in lines(signed_in("reader").get(CSV))}
    assert found["batch", "1.0000"]["quantity"] == "0.5"
    assert (found["batch", "2.0000"]["job"], found["batch", "2.0000"]["amount"]) == ("nightly", "1.00")
    tokens = found["output_tokens", "0.6000"]
    assert (tokens["quantity"], tokens["unit"]) == ("3.000001", "million tokens")
    assert (tokens["amount"], tokens["item"]) == ("1.80", "phi")
    assert found["input_tokens", "0.1000"]["amount"] == "0.20"
    assert found["endpoint_minutes", "0.1000"]["amount"] == "0.10"
    with pytest.raises(ValueError, match="within no time"):
        replace(measured[1], ended_at=begin)
    page = signed_in("reader").get(f"{PAGE}?group=meter")
    assert page.context["statement"].total == Decimal("10.60")
    assert round(signed_in("reader").get("/usage/?range=7d").context["total"], 10) == Decimal("11.1100006")


def test_the_site_is_the_sum_of_its_workspaces(signed_in: SignedIn, churn: Endpoint) -> None:
    context = signed_in("staff").get(f"{SITE}?month=2026-03").context
    assert context["statement"].total == Decimal("3.51")
    assert [str(row["amount"]) for row in context["rows"]] == ["3.00", "0.51"]
    assert len(lines(signed_in("staff").get(f"{SITE_CSV}?month=2026-03"))) == 5


@pytest.mark.parametrize("who", ["owner", "reader", "stranger"])
def test_the_sites_is_its_alone(signed_in: SignedIn, churn: Endpoint, who: str) -> None:
    for url in (SITE, SITE_CSV):
        assert signed_in(who).get(url).status_code == 403


def test_a_stranger_sees_nothing_of_it(signed_in: SignedIn, churn: Endpoint) -> None:
    assert b"churn" not in signed_in("stranger").get(PAGE).content
    assert signed_in("stranger").get(CSV).status_code == 404


def test_nothing_used_is_said(signed_in: SignedIn, workspace: Workspace) -> None:
    assert b"Nothing was used in this month" in signed_in("reader").get(PAGE).content


@pytest.mark.parametrize("count", [1, 3])
def test_query_count(signed_in: SignedIn, workspace: Workspace, count: int, django_assert_num_queries: Any) -> None:
    for _ in range(count):
        UsageFactory(deployment=DeploymentFactory(endpoint=EndpointFactory(workspace=workspace)), started_at=NOW)
    client = signed_in("reader")
    client.get(CSV)
    with django_assert_num_queries(11):  # of the session 7; workspace, role, usage, the deployments in it
        client.get(CSV)
