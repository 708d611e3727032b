"""What measuring costs, and what the pages cost that show it: with a thousand endpoints, in a process of its own."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.bench.gateway import Row
from tests.gateway.running import AUTHORIZED, RunningGateway, deployment, endpoint

ENDPOINTS = 1000
DEPLOYMENTS = 3 * ENDPOINTS
COLLECTED = 1000  # deployments of the pass
ROUNDS = 5


def run() -> list[Row]:
    """Rows of figure, value, unit and baseline: medians of five rounds."""
    return printed_by("tests.bench.telemetry")


def printed_by(module: str, **variables: str) -> list[Row]:
    """The rows of a module's `main`, in a process and with a database of its own."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", **variables}
    command = [sys.executable, "-m", module]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    rows: list[Row] = json.loads(done.stdout.splitlines()[-1])
    return rows


def main() -> None:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    print(json.dumps([*scrape_rows(), *collector_rows(), *page_rows()]))


def row(figure: str, value: float, unit: str, baseline: str) -> Row:
    return {"figure": figure, "value": round(value, 2), "unit": unit, "baseline": baseline}


def median_ms(work: Callable[[], Any]) -> float:
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def scrape_rows() -> list[Row]:
    """A real Envoy with a thousand clusters, each of which has answered."""
    import httpx

    from endpoints.telemetry.envoy import EnvoyStatistics
    from tests.gateway.replica import replicas

    folder = Path(tempfile.mkdtemp(prefix="es-"))
    gateway = RunningGateway(folder)
    gateway.start()
    try:
        with replicas(folder) as servers, httpx.Client(base_url=gateway.url, timeout=60) as client:
            socket = servers.start("replica").socket
            gateway.put(*(endpoint(f"e{n}", deployment(f"blue-{n}", socket)) for n in range(COLLECTED)))
            gateway.wait_healthy(f"d-blue-{COLLECTED - 1}", 1)
            for number in range(COLLECTED):
                client.post(f"/e{number}/score", headers=AUTHORIZED, content=b"{}")
            time.sleep(6)  # its histograms are merged every five seconds
            statistics_ = EnvoyStatistics(gateway.admin_socket)
            ours = median_ms(statistics_.scrape)
            whole = median_ms(lambda: json.loads(gateway.admin.get("/stats?format=json")))
    finally:
        gateway.stop()
        shutil.rmtree(folder)
    return [
        row(f"scrape of {COLLECTED} deployments at the gateway", ours, "ms", f"all statistics as JSON {whole:.0f} ms")
    ]


def collector_rows() -> list[Row]:
    """Scrape left out: what it takes to make samples and usage of one, and how many queries."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from endpoints.models import Deployment, Usage
    from endpoints.reconcile.collector import collect

    make_deployments(replicas=COLLECTED)
    clusters = [row.cluster for row in Deployment.objects.filter(replicas__isnull=False)]
    with measured_studio() as gateway:

        def one_pass() -> None:
            serve(gateway, clusters)
            collect(interval=10)

        one_pass()
        took = median_ms(one_pass)
        with CaptureQueriesContext(connection) as seen:
            one_pass()
    told = f"{len(seen)} statements; {Usage.objects.count()} usage rows"
    return [row(f"collector pass over {COLLECTED} deployments", took, "ms", told)]


@contextmanager
def measured_studio() -> Iterator[Any]:
    """Everything but the database is a fake; the gateway's is what it gives."""
    from endpoints import wiring
    from endpoints.artifacts.store import LocalArtifactStore
    from endpoints.gateway.fake import FakeGateway
    from endpoints.notifying.fake import FakeNotifier
    from endpoints.telemetry.fake import FakeGatewayStatistics, FakeProcesses, FakeServers, FakeSiteParts
    from endpoints.telemetry.traffic_log import TrafficLogFiles
    from tests.fakes import FakeBuilder, FakeCompute

    gateway = FakeGatewayStatistics()
    fakes = wiring.Adapters(
        compute=FakeCompute(),
        gateway=FakeGateway(),
        store=LocalArtifactStore(Path(tempfile.gettempdir())),
        builder=FakeBuilder(),
        gateway_statistics=gateway,
        notifier=FakeNotifier(),
        process_statistics=FakeProcesses(),
        server_statistics=FakeServers(),
        traffic_log=TrafficLogFiles(Path(tempfile.gettempdir()) / "no-traffic-log"),
        site_parts=FakeSiteParts(),
    )
    with wiring.using(fakes):
        yield gateway


def serve(gateway: Any, clusters: Iterable[str]) -> None:
    for number, cluster in enumerate(clusters):
        gateway.add(cluster, ok=10, latency_ms=3 + number % 50)


def make_deployments(*, replicas: int, endpoints: int = ENDPOINTS, deployments: int = DEPLOYMENTS) -> None:
    """In bulk; the first so many have a replica."""
    from endpoints.enums import ProvisioningState, Role
    from endpoints.models import Deployment, Endpoint, RoleAssignment
    from tests.factories import InstanceTypeFactory, UserFactory, WorkspaceFactory

    workspace = WorkspaceFactory(name="bench")
    RoleAssignment.objects.create(user=UserFactory(email="bench@example.com"), workspace=workspace, role=Role.READER)
    size = InstanceTypeFactory(price_per_hour=Decimal("0.06"))
    done = ProvisioningState.SUCCEEDED
    owners = Endpoint.objects.bulk_create(
        Endpoint(workspace=workspace, name=f"endpoint-{n:04}", state=done) for n in range(endpoints)
    )
    made = Deployment.objects.bulk_create(
        Deployment(
            endpoint=owners[n % endpoints],
            name=("blue", "green", "red")[n // endpoints],
            color_slot=n // endpoints,
            state=done,
            instance_type=size,
        )
        for n in range(deployments)
    )
    make_replicas(made[:replicas])


def make_replicas(deployments: Iterable[Any]) -> None:
    """One of each, ready."""
    from django.utils import timezone

    from endpoints.enums import ReplicaState
    from endpoints.models import Replica

    Replica.objects.bulk_create(
        Replica(
            id=f"r-{item.pk.hex[:12]}-1-0",
            deployment=item,
            generation=1,
            ordinal=0,
            instance_type_id=item.instance_type_id,
            socket="/tmp/none.sock",
            state=ReplicaState.READY,
            pid=4000 + number,
            started_at=timezone.now(),
        )
        for number, item in enumerate(deployments)
    )


def page_rows() -> list[Row]:
    """Thirty days of samples and usage by the hour, two hours by the minute, of every deployment."""
    from django.db import connection
    from django.utils import timezone

    from endpoints.domain.rollups import aligned
    from endpoints.models import Rollup

    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous = OFF")
        cursor.execute("PRAGMA cache_size = -600000")  # KiB: what fills it is not what is measured
    fill_samples(3600, aligned(now, 3600) - timedelta(hours=1), 30 * 24)
    Rollup.objects.update_or_create(resolution=3600, defaults={"until": aligned(now, 3600)})
    fill_samples(60, aligned(now, 60), 120)
    fill_usage(aligned(now, 3600), 30 * 24)
    return [
        page("endpoints page", "/endpoints/"),
        page("metrics page", "/endpoints/endpoint-0500/metrics/?range=30d"),
        page("chart of 30 days", "/endpoints/endpoint-0500/metrics/latency.json?range=30d"),
        page("chart of 1 hour", "/endpoints/endpoint-0500/metrics/requests.json?range=1h"),
        page("cost page, 30 days", "/endpoints/endpoint-0500/cost/?range=30d"),
    ]


def fill_samples(resolution: int, last: datetime, count: int) -> None:
    """By the database itself: two and a half million rows are too many to send."""
    from django.db import connection

    from endpoints.domain.packing import columns
    from endpoints.domain.rollups import Gauge, SampleValues

    values = SampleValues(
        covered_ms=resolution * 1000,
        counts={"2xx": resolution * 2, "5xx": resolution // 30, "bytes_in": 5000, "bytes_out": 9000},
        latency=dict.fromkeys((2, 3, 4, 5, 7, 9, 12, 18, 29, 63, 142, 494), resolution // 6),
        cpu_ms=resolution * 200,
        cpu_covered_ms=resolution * 1000,
        active=Gauge.of(2),
        memory_bytes=Gauge.of(2**28),
        ready=Gauge.of(1),
        wanted=Gauge.of(1),
    )
    packed = columns(values)
    slots = ", ".join(["%s"] * len(packed))
    at = [(last - timedelta(seconds=resolution * back)).strftime("%Y-%m-%d %H:%M:%S") for back in range(count)]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT OR IGNORE INTO endpoints_sample (deployment_id, resolution, at, {', '.join(packed)})"  # noqa: S608
            f" SELECT d.id, %s, t.value, {slots} FROM endpoints_deployment d, json_each(%s) t",
            [resolution, *packed.values(), json.dumps(at)],
        )


def fill_usage(last: datetime, count: int) -> None:
    from django.db import connection

    hours = [
        [
            (last - timedelta(hours=back + 1)).strftime("%Y-%m-%d %H:%M:%S"),
            (last - timedelta(hours=back)).strftime("%Y-%m-%d %H:%M:%S"),
        ]
        for back in range(count)
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO endpoints_usage (id, deployment_id, replica_id, instance_type, phase, unit_price,"
            " started_at, ended_at) SELECT lower(hex(randomblob(16))), d.id, 'b-' || d.id, 'small', 'running', '0.06',"
            " json_extract(t.value, '$[0]'), json_extract(t.value, '$[1]')"
            " FROM endpoints_deployment d, json_each(%s) t",
            [json.dumps(hours)],
        )


def page(name: str, url: str) -> Row:
    """Through the whole of Django, signed in as a Reader."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from endpoints.models import User

    client = Client(SERVER_NAME="localhost")
    client.force_login(User.objects.get(email="bench@example.com"))

    def ask() -> None:
        assert client.get(url).status_code == 200

    ask()
    took = median_ms(ask)
    with CaptureQueriesContext(connection) as seen:
        ask()
    return row(f"{name}, {ENDPOINTS} endpoints, {DEPLOYMENTS} deployments", took, "ms", f"{len(seen)} queries")


if __name__ == "__main__":
    main()
