"""Metrics in the shape of Azure Monitor's answers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from endpoints.domain.rollups import Gauge, SampleValues
from endpoints.models import Deployment, Endpoint
from studio.api.azure_metrics import SHOWN
from tests.api.problems import fields
from tests.factories import DeploymentFactory, SampleFactory

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 15, 12, 34, 30, tzinfo=UTC)
AZURE = "/api/v1/endpoints/prices/metrics/azure/"
BLUE = "/api/v1/endpoints/prices/deployments/blue/metrics/azure/"
VALUES = SampleValues(
    covered_ms=10_000,
    counts={"2xx": 18, "5xx": 2, "bytes_in": 400, "bytes_out": 600},
    latency={10: 20},
    cpu_ms=2_500,
    cpu_covered_ms=10_000,
    disk=Gauge.of(5225),
)


@pytest.fixture(autouse=True)
def fixed_now() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def measured(deployment: Deployment) -> str:
    at = NOW - timedelta(seconds=30)
    SampleFactory(deployment=deployment, at=at, values=VALUES)
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def told(answer: Any) -> dict[tuple[str, ...], list[Any]]:
    """By metric and dimensions: what was measured."""
    assert answer.status_code == 200, answer.content
    return {
        (metric["name"]["value"], *(each["value"] for each in one["metadatavalues"])): one["data"]
        for metric in answer.json()["value"]
        for one in metric["timeseries"]
    }


def test_metrics_by_deployment(reader: APIClient, blue: Deployment) -> None:
    at = measured(blue)
    answer = reader.get(
        f"{AZURE}?range=15m&metricnames=RequestsPerMinute,RequestLatency_P95,DiskUtilization,NetworkBytes"
    )
    assert told(answer) == {
        ("RequestsPerMinute", "blue"): [{"timeStamp": at, "average": 120.0}],
        ("RequestLatency_P95", "blue"): [{"timeStamp": at, "average": 9.95}],
        ("DiskUtilization", "blue"): [{"timeStamp": at, "average": 52.25}],
        ("NetworkBytes", "blue"): [{"timeStamp": at, "average": 100.0}],
    }
    body = answer.json()
    assert (body["interval"], body["timespan"]) == ("PT10S", "2026-03-15T12:19:30Z/2026-03-15T12:34:30Z")
    assert [each["unit"] for each in body["value"]] == ["Count", "MilliSeconds", "Percent", "BytesPerSecond"]


def test_how_many_instances_there_were(reader: APIClient, blue: Deployment) -> None:
    values = SampleValues(covered_ms=10_000, ready=Gauge(count=2, total=5, low=2, high=3))
    SampleFactory(deployment=blue, resolution=10, at=NOW - timedelta(seconds=20), values=values)
    body = reader.get(f"{BLUE}?range=15m&metricnames=deploymentcapacity").json()
    [found] = body["value"]
    assert (found["name"]["value"], found["unit"]) == ("DeploymentCapacity", "Count")
    assert [row["average"] for row in found["timeseries"][0]["data"]] == [2.5]


def test_requests_by_class_of_their_status(reader: APIClient, blue: Deployment) -> None:
    measured(blue)
    found = told(reader.get(f"{BLUE}?range=15m&metricnames=requestsperminute&dimension=statusCodeClass"))
    assert {key[1:]: data[0]["average"] for key, data in found.items()} == {
        ("blue", "2xx"): 108.0,
        ("blue", "3xx"): 0.0,
        ("blue", "4xx"): 0.0,
        ("blue", "5xx"): 12.0,
    }


def test_all_there_are_and_gaps_are_left_out(reader: APIClient, blue: Deployment) -> None:
    measured(blue)
    found = told(reader.get(f"{BLUE}?range=15m"))
    assert {key[0] for key in found} == SHOWN.keys()
    assert found["GpuUtilizationPercentage", "blue"] == []
    assert found["CpuUtilizationPercentage", "blue"] != []


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ("metricnames=Weather", "metricnames", "There are: CpuUtilizationPercentage"),
        ("metricnames=ConnectionsActive", "metricnames", "InFlight counts"),
        ("metricnames=,", "metricnames", "There is no metric"),
        ("metricnames=InFlight&dimension=statusCodeClass", "dimension", "of RequestsPerMinute alone"),
        ("dimension=weather", "dimension", "weather"),
        ("range=2h", "range", "2h"),
        ("from=soon", "from", "no time such as"),
    ],
)
def test_what_cannot_be_told(reader: APIClient, blue: Deployment, query: str, field: str, words: str) -> None:
    found = fields(reader.get(f"{AZURE}?{query}"))
    assert words in str(found[field])


def test_who_may_see_it(owner: APIClient, reader: APIClient, stranger: APIClient, blue: Deployment) -> None:
    for url in (AZURE, BLUE):
        assert [client.get(url).status_code for client in (owner, reader, stranger)] == [200, 200, 404]


@pytest.mark.parametrize("count", [1, 3])
def test_queries_are_as_many_for_one_deployment_as_for_three(
    reader: APIClient, prices: Endpoint, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(count):
        measured(DeploymentFactory(endpoint=prices, name=f"d{number}"))
    reader.get("/api/v1/me/")
    # Token, endpoint, its deployments, role, all deployments; of days and hours how far they are whole, and samples.
    with django_assert_num_queries(6):
        reader.get(f"{AZURE}?range=15m")
    with django_assert_num_queries(7):
        reader.get(f"{AZURE}?range=7d")
