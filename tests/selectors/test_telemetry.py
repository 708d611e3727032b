"""Summaries of lists and series of charts, from the rows."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from endpoints.domain.ranges import window
from endpoints.domain.rollups import SampleValues
from endpoints.models import Deployment
from endpoints.selectors.telemetry import deployment_summaries, endpoint_summaries, markers, series
from tests.factories import DeploymentFactory, EndpointFactory, EventFactory, SampleFactory, UsageFactory

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 15, 12, 34, 30, tzinfo=UTC)


def sample(deployment: Deployment, at: datetime, *, ok: int, failed: int = 0, latency: int = 5, step: int = 60) -> None:
    values = SampleValues(
        covered_ms=step * 1000, counts={"2xx": ok, "5xx": failed}, latency={latency: ok + failed} if ok + failed else {}
    )
    SampleFactory(
        deployment=deployment,
        resolution=step,
        at=at,
        values=values,
    )


def minute(back: int) -> datetime:
    return NOW.replace(second=0) - timedelta(minutes=back)


def test_a_deployment_s_last_quarter_of_an_hour() -> None:
    blue = DeploymentFactory()
    for back in range(1, 31):
        sample(blue, minute(back), ok=18 if back < 15 else 100, failed=2 if back < 15 else 0)
    UsageFactory(deployment=blue, started_at=NOW.replace(hour=0, minute=0, second=0), unit_price=Decimal(6))
    UsageFactory(deployment=blue, started_at=NOW - timedelta(days=1), unit_price=Decimal(6))
    summary = deployment_summaries([blue], now=NOW)[blue.pk]
    assert (summary.requests_per_minute, summary.error_percent, summary.p95_ms) == (20, 10, 4.95)
    assert summary.cost_today == Decimal("0.1")
    assert summary.sparkline.split(",") == [""] * 30 + ["100"] * 16 + ["20"] * 14


def test_an_endpoint_is_its_deployments_together() -> None:
    endpoint = EndpointFactory()
    blue, green = (DeploymentFactory(endpoint=endpoint, name=name) for name in ("blue", "green"))
    for back in range(1, 6):
        sample(blue, minute(back), ok=30)
        sample(green, minute(back), ok=0, failed=10, latency=994)
    summary = endpoint_summaries([blue, green], now=NOW)[endpoint.pk]
    assert (summary.requests_per_minute, summary.error_percent) == (40, 25)
    assert summary.sparkline.endswith(",40,40,40,40,40")


def test_nothing_measured_is_unknown_not_zero() -> None:
    blue = DeploymentFactory()
    summary = deployment_summaries([blue], now=NOW)[blue.pk]
    assert (summary.requests_per_minute, summary.error_percent, summary.p95_ms, summary.cost_today) == (None,) * 4
    assert summary.sparkline == ""
    sample(blue, minute(1), ok=0)
    summary = deployment_summaries([blue], now=NOW)[blue.pk]
    assert (summary.requests_per_minute, summary.error_percent, summary.p95_ms) == (0, None, None)


@pytest.mark.parametrize("count", [1, 3])
def test_summaries_take_three_queries(count: int, django_assert_num_queries: Any) -> None:
    deployments = [DeploymentFactory() for _ in range(count)]
    for deployment in deployments:
        sample(deployment, minute(1), ok=5)
        UsageFactory(deployment=deployment, started_at=NOW)
    with django_assert_num_queries(3):
        assert len(endpoint_summaries(deployments, now=NOW)) == count


def test_series_merge_rows_into_points() -> None:
    blue = DeploymentFactory()
    shown = window(preset="24h", now=NOW)
    for back in range(1, 11):
        sample(blue, shown.points()[-1] - timedelta(minutes=back), ok=back)
    sample(blue, shown.start - timedelta(minutes=1), ok=1000)
    sample(blue, shown.points()[-1], ok=1000, step=10)
    [found] = series([blue], shown).deployments
    last = shown.points()[-1]
    assert {at: values.requests for at, values in found.points.items()} == {
        last - timedelta(minutes=5): 1 + 2 + 3 + 4 + 5,
        last - timedelta(minutes=10): 6 + 7 + 8 + 9 + 10,
    }
    assert found.points[last - timedelta(minutes=5)].covered_ms == 300_000


def test_what_autoscale_did_is_a_marker_and_what_a_person_scaled_is_told_when_it_is_done() -> None:
    blue = DeploymentFactory(name="blue")
    common = {"endpoint": blue.endpoint, "deployment": blue, "verb": "deployment.scaled"}
    EventFactory(source="system", reason="Autoscale: 1 -> 2: CPU", **common)
    EventFactory(source="ui", **common)
    shown = window(preset="15m", start="", end="", now=timezone.now() + timedelta(seconds=1), interval=10)
    found = markers(blue.endpoint, shown, deployment=blue)
    assert [(item.kind, item.label) for item in found] == [("scale", "blue Autoscale: 1 -> 2: CPU")]
