"""What a chart draws, its table, its CSV file and the API tell the same numbers."""

import csv
import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from endpoints.domain.rollups import Gauge, SampleValues, aligned
from studio.pages.charts import CHARTS
from studio.pages.plots import number as told_as
from tests.factories import DeploymentFactory, EndpointFactory, SampleFactory
from tests.people import People

pytestmark = pytest.mark.django_db

PARITY: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "requests": ("blue", lambda point: point["requests_per_minute"]),
    "latency": ("blue p95", lambda point: point["latency_ms"]["p95"]),
    "active": ("blue", lambda point: point["in_flight"]["mean"]),
    "replicas": ("blue wanted", lambda point: point["replicas"]["wanted"]),
    "cpu": ("blue", lambda point: point["cpu_cores"]),
    "memory": ("blue", lambda point: point["memory_bytes"]["mean"] / 1024**2),
    "network": ("blue out", lambda point: point["bytes_per_second"]["out"]),
    "connections": ("blue", lambda point: point["open_connections"]["mean"]),
    "disk": ("blue", lambda point: point["disk_percent"]["mean"]),
    "gpu": ("blue", lambda point: point["gpu_percent"]["mean"]),
    "gpu-memory": ("blue", lambda point: point["gpu_memory_percent"]["mean"]),
    "gpu-power": ("blue", lambda point: point["gpu_watts"]),
    "tokens": ("blue out", lambda point: point["tokens_per_minute"]["out"]),
    "mirror": ("blue copies", lambda point: point["mirror"]["requests_per_minute"]),
    "errors": ("error share", lambda point: point["error_percent"]),
    "statuses": ("2xx", lambda point: point["status_classes_per_minute"]["2xx"]),
}


def test_the_page_s_table_the_csv_and_the_api_tell_the_same(client: Client, people: People, workspace: Any) -> None:
    endpoint = EndpointFactory(name="odd", workspace=workspace)
    deployment = DeploymentFactory(endpoint=endpoint, name="blue")
    end = aligned(timezone.now(), 60)
    for back in (1, 2, 4):
        values = SampleValues(
            covered_ms=59_000 + back,
            counts={"2xx": 7 * back, "4xx": back, "5xx": 1, "mirror_requests": back, "bytes_out": 12_345 * back}
            | {"gpu_energy_mj": 7_777 * back, "tokens_in": 11 * back, "tokens_out": 77 * back},
            latency={5: 3 * back, 108: 4},
            mirror_latency={5: back},
            cpu_ms=1234 * back,
            cpu_covered_ms=60_001,
            active=Gauge(count=6, total=7 * back, low=0, high=9),
            memory_bytes=Gauge(count=3, total=400_000_001 * back, low=1, high=9),
            ready=Gauge.of(1),
            wanted=Gauge(count=6, total=7, low=1, high=2),
            open_connections=Gauge(count=6, total=11 * back, low=0, high=9),
            **{name: Gauge(count=6, total=11_111 * back, low=0, high=10_000) for name in ("disk", "gpu", "gpu_memory")},
        )
        SampleFactory(deployment=deployment, resolution=60, at=end - timedelta(minutes=back), values=values)
    client.force_login(people.reader)
    span = f"from={end - timedelta(hours=6):%Y-%m-%dT%H:%M}&to={end:%Y-%m-%dT%H:%M}"
    answer = client.get(f"/api/v1/endpoints/odd/metrics/?{span}").json()
    points = answer["deployments"][0]["points"]
    assert len(points) == 3
    assert PARITY.keys() == CHARTS.keys()
    for chart, (column, of) in PARITY.items():
        found = client.get(f"/endpoints/odd/metrics/{chart}.csv?{span}").content.decode()
        head, *lines = list(csv.reader(io.StringIO(found)))
        told = {line[0]: line[head.index(column)] for line in lines}
        assert told == {point["at"]: told_as(of(point)) for point in points}, chart
        page = client.get(f"/endpoints/odd/metrics/?table={chart}&{span}").content.decode()
        shown = re.findall(r'<td class="number">([^<]*)</td>', page)
        assert shown == [text or "–" for line in lines for text in line[1:]], chart
