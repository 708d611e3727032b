"""Metrics and cost: the numbers behind the charts."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from endpoints.domain.rollups import Gauge, SampleValues
from endpoints.models import Deployment, Endpoint
from tests.api.problems import fields, problem
from tests.factories import DeploymentFactory, EventFactory, SampleFactory, UsageFactory

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 15, 12, 34, 30, tzinfo=UTC)
METRICS = "/api/v1/endpoints/prices/metrics/"
BLUE = "/api/v1/endpoints/prices/deployments/blue/metrics/"
COST = "/api/v1/endpoints/prices/cost/"
VALUES = SampleValues(
    covered_ms=10_000,
    counts={"2xx": 18, "5xx": 2, "bytes_in": 400},
    latency={10: 20},
    cpu_ms=2_500,
    cpu_covered_ms=10_000,
    active=Gauge(count=2, total=3, low=1, high=2),
    memory_bytes=Gauge.of(4096),
    ready=Gauge.of(2),
    wanted=Gauge.of(3),
)


@pytest.fixture(autouse=True)
def fixed_now() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def sample(deployment: Deployment, back: int, values: SampleValues = VALUES) -> datetime:
    """`back` tens of seconds ago."""
    at = NOW - timedelta(seconds=10 * back)
    SampleFactory(deployment=deployment, at=at, values=values)
    return at


class TestMetrics:
    def test_a_point_has_every_number(self, reader: APIClient, blue: Deployment) -> None:
        at = sample(blue, 3)
        body = reader.get(f"{METRICS}?range=15m").json()
        assert (body["end"], body["step_seconds"]) == ("2026-03-15T12:34:30Z", 10)
        (deployment,) = body["deployments"]
        assert (deployment["name"], deployment["deleted"]) == ("blue", False)
        assert deployment["points"] == [
            {
                "at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "requests": 20,
                "requests_per_minute": 120.0,
                "error_percent": 10.0,
                "status_classes_per_minute": {"2xx": 108.0, "3xx": 0.0, "4xx": 0.0, "5xx": 12.0},
                "counts": {"2xx": 18, "5xx": 2, "bytes_in": 400},
                "latency_ms": {"p50": 9.5, "p95": 9.95, "p99": 9.99},
                "tokens_per_minute": None,
                "mirror": None,
                "in_flight": {"mean": 1.5, "max": 2},
                "cpu_cores": 0.25,
                "memory_bytes": {"mean": 4096.0, "max": 4096},
                "disk_percent": None,
                "gpu_percent": None,
                "gpu_memory_percent": None,
                "gpu_watts": None,
                "open_connections": None,
                "bytes_per_second": {"in": 40.0, "out": 0.0},
                "replicas": {"ready": 2.0, "wanted": 3.0},
            }
        ]

    def test_copies_are_told_apart(self, reader: APIClient, blue: Deployment) -> None:
        copies = {"mirror_requests": 30, "mirror_failures": 6, "mirror_timeouts": 2, "mirror_overflows": 3}
        sample(blue, 3, SampleValues(covered_ms=10_000, counts={"2xx": 1, **copies}, mirror_latency={10: 30}))
        (point,) = reader.get(f"{BLUE}?range=15m").json()["deployments"][0]["points"]
        assert (point["requests"], point["error_percent"], point["counts"]) == (1, 0.0, {"2xx": 1})
        assert point["mirror"] == {
            "requests": 30,
            "requests_per_minute": 180.0,
            "failures": 6,
            "timeouts": 2,
            "dropped": 3,
            "latency_ms": {"p50": 9.5, "p95": 9.95, "p99": 9.99},
        }
        assert point["latency_ms"]["p50"] is None

    def test_what_was_not_measured_is_null_or_missing(self, reader: APIClient, blue: Deployment) -> None:
        sample(blue, 3, SampleValues())
        (point,) = reader.get(BLUE).json()["deployments"][0]["points"]
        unknown = ("requests_per_minute", "error_percent", "in_flight", "cpu_cores", "memory_bytes")
        assert {point[name] for name in unknown} == {None}
        assert point["latency_ms"] == {"p50": None, "p95": None, "p99": None}
        assert point["counts"] == {}

    def test_it_can_be_narrowed_to_a_deployment_and_to_times(
        self, reader: APIClient, prices: Endpoint, blue: Deployment
    ) -> None:
        gone = DeploymentFactory(endpoint=prices, name="red", deleted_at=NOW)
        for deployment in (blue, gone):
            sample(deployment, 3)
        shown = reader.get(METRICS).json()["deployments"]
        assert {item["name"]: item["deleted"] for item in shown} == {"blue": False, "red": True}
        for url in (f"{METRICS}?deployment=BLUE", BLUE):
            assert [item["name"] for item in reader.get(url).json()["deployments"]] == ["blue"]
        earlier = reader.get(f"{BLUE}?from=2026-03-15T10:00:00Z&to=2026-03-15T11:00:00Z").json()
        assert earlier["deployments"][0]["points"] == []
        assert (earlier["start"], earlier["end"]) == ("2026-03-15T10:00:00Z", "2026-03-15T11:00:00Z")

    def test_what_changed_meanwhile_stands_beside(self, reader: APIClient, prices: Endpoint, blue: Deployment) -> None:
        EventFactory(endpoint=prices, verb="traffic.live", after={"blue": 100}, created_at=NOW - timedelta(minutes=1))
        (event,) = reader.get(METRICS).json()["events"]
        assert event == {"at": "2026-03-15T12:33:30Z", "kind": "traffic", "label": "Traffic live: blue 100 %"}

    def test_times_that_cannot_be_are_refused(self, reader: APIClient, prices: Endpoint) -> None:
        refused = [
            ("range=2y", "range"),
            ("range=1h&from=2026-03-15T10:00:00Z", "range"),
            ("to=2026-03-15T10:00:00Z", "from"),
            ("from=yesterday", "from"),
            ("from=2026-03-15T10:00:00Z&to=2026-03-15T10:00:10Z", "from"),
            ("from=2020-01-01T00:00:00Z", "from"),
        ]
        for query, field in refused:
            assert list(fields(reader.get(f"{METRICS}?{query}"))) == [field]

    @pytest.mark.parametrize("rows", [1, 3])
    def test_its_queries_are_constant(
        self, rows: int, reader: APIClient, prices: Endpoint, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        for _ in range(rows):
            deployment = DeploymentFactory(endpoint=prices)
            for back in range(1, rows + 1):
                sample(deployment, back)
        reader.get("/api/v1/me/")
        with django_assert_num_queries(7):  # token, endpoint, its deployments, role, all deployments, samples, events
            assert len(reader.get(METRICS).json()["deployments"]) == rows


class TestCost:
    def test_it_is_told_exactly_by_deployment_and_time(self, reader: APIClient, blue: Deployment) -> None:
        hour = NOW.replace(minute=0, second=0)
        for start, minutes in ((hour, 30), (hour - timedelta(days=1), 60)):
            UsageFactory(
                deployment=blue,
                started_at=start,
                ended_at=start + timedelta(minutes=minutes),
                unit_price=Decimal("0.1"),
            )
        for url in (COST, "/api/v1/workspaces/research/cost/"):
            body = reader.get(url).json()
            assert (body["currency"], body["by"], body["total"]) == ("USD", "day", "0.1500000000")
            assert body["deployments"] == [
                {
                    "endpoint": "prices",
                    "name": "blue",
                    "deleted": False,
                    "replica_hours": 1.5,
                    "total": "0.1500000000",
                    "points": [
                        {"at": "2026-03-14T00:00:00Z", "amount": "0.1000000000"},
                        {"at": "2026-03-15T00:00:00Z", "amount": "0.0500000000"},
                    ],
                }
            ]
            assert body["month"]["to_date"] == "0.1500000000"
            assert Decimal(body["month"]["expected"]) > Decimal("0.15")
        by_hour = reader.get(f"{COST}?range=24h").json()
        assert (by_hour["by"], by_hour["total"]) == ("hour", "0.0500000000")

    @pytest.mark.parametrize(
        ("query", "field"),
        [("range=1y", "range"), ("by=week", "by"), ("range=30d&by=hour", "by"), ("range=24h&by=day", "by")],
    )
    def test_what_is_not_told_is_refused(self, query: str, field: str, reader: APIClient, prices: Endpoint) -> None:
        assert list(fields(reader.get(f"{COST}?{query}"))) == [field]
        assert reader.get(f"{COST}?range=7d&by=hour").json()["by"] == "hour"

    @pytest.mark.parametrize("rows", [1, 3])
    def test_its_queries_are_constant(
        self, rows: int, reader: APIClient, prices: Endpoint, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        for _ in range(rows):
            UsageFactory(deployment=DeploymentFactory(endpoint=prices))
        reader.get("/api/v1/me/")
        with django_assert_num_queries(8):  # token, endpoint, deployments, role, usage, deployments, month, last days
            assert len(reader.get(COST).json()["deployments"]) == rows


def test_a_stranger_learns_none_of_it(stranger: APIClient, blue: Deployment) -> None:
    for url in (METRICS, BLUE, COST, "/api/v1/workspaces/research/cost/"):
        problem(stranger.get(url), 404)
