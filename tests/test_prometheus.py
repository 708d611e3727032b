"""/metrics: who may, what it says, and that a parser takes it."""

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.test import Client
from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics
from pytest_django import DjangoAssertNumQueries

from endpoints import wiring
from endpoints.models import Deployment, DeploymentTotals, Endpoint, TrafficLogState, Workspace
from endpoints.reconcile.collector import collect
from endpoints.telemetry.fake import FakeGatewayStatistics
from tests.factories import DeploymentFactory, EndpointFactory, PersonalTokenFactory
from tests.people import People

pytestmark = pytest.mark.django_db
TOKEN = "a-token-of-the-site-for-metrics"
DASHBOARD = Path(__file__).resolve().parent.parent / "docs" / "grafana" / "endpoint-studio.json"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
Found = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture(autouse=True)
def fresh(settings: Any) -> None:
    caches["process"].clear()
    settings.STUDIO_METRICS_TOKEN = TOKEN


@pytest.fixture
def blue(adapters: wiring.Adapters, workspace: Workspace) -> Deployment:
    endpoint: Endpoint = EndpointFactory(name="prices", workspace=workspace, live_traffic={"blue": 90})
    made: Deployment = DeploymentFactory(endpoint=endpoint, name="blue", replicas=1)
    return made


def scraped(client: Client, accept: str = "") -> Found:
    caches["process"].clear()
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}", "Accept": accept})
    assert answer.status_code == 200
    text = answer.content.decode()
    read = openmetrics if accept else parser
    families = list(read.text_string_to_metric_families(text))
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def of(found: Found, name: str, **labels: str) -> float:
    (value,) = (
        value for (each, given), value in found.items() if each == name and labels.items() <= dict(given).items()
    )
    return value


def passes(adapters: wiring.Adapters, now: datetime, **requests: int) -> None:
    gateway = adapters.gateway_statistics
    assert isinstance(gateway, FakeGatewayStatistics)
    gateway.now = now
    cluster = Deployment.objects.get(name="blue").cluster
    gateway.add(cluster, latency_ms=7, active=3, **requests)
    collect(interval=10)


@pytest.mark.parametrize("accept", ["", OPENMETRICS])
def test_counters_go_on_over_a_restart_of_the_gateway(
    client: Client, adapters: wiring.Adapters, blue: Deployment, accept: str
) -> None:
    start = datetime.now(UTC)
    gateway = adapters.gateway_statistics
    assert isinstance(gateway, FakeGatewayStatistics)
    gateway.started_at = start - timedelta(seconds=5)
    passes(adapters, start, ok=10)
    passes(adapters, start + timedelta(seconds=10), ok=5, server=1)
    found = scraped(client, accept)
    assert of(found, "studio_requests_total", deployment="blue", **{"class": "2xx"}) == 15
    assert of(found, "studio_requests_total", deployment="blue", **{"class": "5xx"}) == 1
    gateway.restart(at=start + timedelta(seconds=12))
    passes(adapters, start + timedelta(seconds=20), ok=2)
    found = scraped(client, accept)
    where = {"workspace": "research", "endpoint": "prices", "deployment": "blue"}
    assert of(found, "studio_requests_total", **where, **{"class": "2xx"}) == 17
    assert of(found, "studio_request_duration_seconds_count", **where) == 18
    assert of(found, "studio_request_duration_seconds_bucket", le="+Inf", **where) == 18
    assert of(found, "studio_requests_in_flight", **where) == 3
    assert of(found, "studio_replicas_ready", **where) == 1
    assert of(found, "studio_traffic_percent", **where) == 90
    assert of(found, "studio_memory_bytes", **where) > 0


def test_disk_and_gpu_where_they_are_measured(client: Client, blue: Deployment) -> None:
    green = DeploymentFactory(endpoint=blue.endpoint, name="green")
    gauges = {"disk": 2_500, "gpu": 10_000, "gpu_memory": 1}
    DeploymentTotals.objects.create(
        deployment=blue, values={"gauges": gauges, "counts": {"gpu_energy_mj": 1_500, "tokens_out": 9}}
    )
    DeploymentTotals.objects.create(deployment=green, values={})
    for accept in ("", OPENMETRICS):
        found = scraped(client, accept)
        assert of(found, "studio_disk_used_ratio") == 0.25
        assert of(found, "studio_gpu_busy_ratio") == 1
        assert of(found, "studio_gpu_memory_used_ratio") == 0.0001
        assert of(found, "studio_gpu_energy_joules_total") == 1.5
        assert of(found, "studio_completion_tokens_total", deployment="blue") == 9


def test_the_studios_own(client: Client) -> None:
    TrafficLogState.objects.create(id=1, kept=7, dropped=2, unreadable=1, behind_bytes=99)
    found = scraped(client)
    assert of(found, "studio_traffic_log_entries_total") == 7
    assert of(found, "studio_traffic_log_dropped_total") == 2
    assert of(found, "studio_traffic_log_backlog_bytes") == 99


def test_labels_are_escaped(client: Client, blue: Deployment) -> None:
    odd = 'a"b\\c\nd'
    Workspace.objects.update(name=odd)
    DeploymentTotals.objects.create(deployment=blue, values={"counts": {"2xx": 1}})
    for accept in ("", OPENMETRICS):
        found = scraped(client, accept)
        assert of(found, "studio_requests_total", workspace=odd, **{"class": "2xx"}) == 1


def test_a_deleted_deployment_is_left_out(client: Client, blue: Deployment) -> None:
    DeploymentTotals.objects.create(deployment=blue)
    Deployment.objects.update(deleted_at=datetime.now(UTC))
    assert not [name for name, labels in scraped(client) if dict(labels).get("deployment")]


@pytest.mark.parametrize("rows", [1, 3])
def test_as_many_queries_for_three_deployments_as_for_one(
    client: Client, blue: Deployment, rows: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    DeploymentTotals.objects.create(deployment=blue)
    for number in range(1, rows):
        DeploymentTotals.objects.create(deployment=DeploymentFactory(endpoint=blue.endpoint, name=f"d{number}"))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with django_assert_num_queries(3):  # totals, the collector's last pass, the traffic log
        client.get("/metrics", headers=headers)
    with django_assert_num_queries(0):  # kept for a few seconds
        client.get("/metrics", headers=headers)


def test_who_may(client: Client, people: People, settings: Any) -> None:
    PersonalTokenFactory(user=people.staff, secret="est_of_it")
    PersonalTokenFactory(user=people.owner, secret="est_of_owner")
    for secret, status in ((TOKEN, 200), ("est_of_it", 200), ("est_of_owner", 403), ("wrong", 401)):
        assert client.get("/metrics", headers={"Authorization": f"Bearer {secret}"}).status_code == status, secret
    assert client.get("/metrics", headers={"Authorization": f"Basic {TOKEN}"}).status_code == 401
    assert client.get("/metrics").status_code == 401
    assert "WWW-Authenticate" in client.get("/metrics")
    assert client.post("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code in (403, 405)
    client.force_login(people.owner)
    assert client.get("/metrics").status_code == 403
    client.force_login(people.staff)
    assert client.get("/metrics").status_code == 200
    settings.STUDIO_METRICS_TOKEN = ""
    client.logout()
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 401


def expressions(panels: Iterable[Any]) -> Iterable[str]:
    for panel in panels:
        yield from expressions(panel.get("panels", []))
        yield from (target["expr"] for target in panel.get("targets", []))


def test_the_dashboard_asks_for_what_there_is(client: Client, adapters: wiring.Adapters, blue: Deployment) -> None:
    """Every metric of every expression and variable, with every label that it names."""
    collect(interval=10)
    labels: dict[str, set[str]] = {}
    for name, given in scraped(client):
        labels.setdefault(name, set()).update(dict(given))
    dashboard = json.loads(DASHBOARD.read_text())
    variables = [each["query"]["query"] for each in dashboard["templating"]["list"] if each["type"] == "query"]
    asked = [*expressions(dashboard["panels"]), *variables]
    assert len(asked) > 12
    for text in asked:
        names = re.findall(r"studio_[a-z_]+", text)
        assert names, text
        for name in names:
            assert name in labels, f"{name} of {text}"
        wanted = set(re.findall(r"([a-z_]+)\s*(?:=~|!~|!=|=)\s*\"", text))
        wanted |= {label.strip() for group in re.findall(r"by\s*\(([^)]*)\)", text) for label in group.split(",")}
        wanted |= set(re.findall(r"label_values\([^)]*?,\s*([a-z_]+)\)", text))
        for name in names:
            assert wanted <= labels[name] | {"le"}, f"{wanted - labels[name]} of {text}"
