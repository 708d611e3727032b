"""What samples cost to write, to read and to keep: PostgreSQL with 5,000 deployments and a year, SQLite with 500.

Of all deployments there are the hours and the days of the year, and the minutes of the last two hours; of one endpoint
also what else is kept. The rows come out of a few packed ones, copied by the database itself, in the order in which a
collector would have written them. The folder takes some 8 GB, and is removed. `BENCH_DAYS=30` makes a shorter year.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from tests.bench.gateway import Row, row
from tests.bench.telemetry import make_deployments, make_replicas, measured_studio, median_ms, page, printed_by, serve
from tests.postgresql import postgresql

MODULE = "tests.bench.storage"  # runs as the main one
DAYS = int(os.environ.get("BENCH_DAYS", "365"))
FIRST = 1000  # deployments of the first pass
SETTINGS = {"shared_buffers": "2GB", "maintenance_work_mem": "1GB", "max_wal_size": "4GB", "autovacuum": "off"}
SIZES = {"postgresql": (2500, 5000), "sqlite": (250, 500)}  # endpoints, deployments
# Requests per minute of each tenth of the deployments, and in how many buckets they lie.
TENTHS = ((6000, 40), (600, 20), (600, 20), (600, 20), *[(6, 5)] * 6)


def run() -> list[Row]:
    with postgresql(**SETTINGS) as url:
        found = printed_by(MODULE, STUDIO_TEST_DATABASE_URL=url)
    return [*found, *printed_by(MODULE, STUDIO_TEST_DATABASE_URL="")]


def main() -> None:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    endpoints, deployments = SIZES[connection.vendor]
    make_deployments(replicas=0, endpoints=endpoints, deployments=deployments)
    print(json.dumps(list(shown(rows(connection.vendor, deployments)))))


def rows(vendor: str, deployments: int) -> Iterator[Row]:
    if vendor == "postgresql":
        where = f"PostgreSQL, {deployments} deployments, {DAYS} days"
        yield from size_rows()
        yield from filled(where)
        yield from pass_rows(FIRST, where)
    else:
        where = f"SQLite, {deployments} deployments, {DAYS} days"
        yield from filled(where)
    yield from pass_rows(deployments, where)


def shown(found: Iterable[Row]) -> Iterator[Row]:
    for each in found:
        told(f"{each['figure']}: {each['value']} {each['unit']}")
        yield each


def told(text: str) -> None:
    """How far it is, and what else the machine does: it takes minutes."""
    load = " ".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"  {time.strftime('%H:%M:%S')} load {load}: {text}", file=sys.stderr, flush=True)


def filled(where: str) -> Iterator[Row]:
    from django.utils import timezone

    from endpoints.domain.rollups import DAY, HOUR, aligned
    from endpoints.models import Rollup

    now = timezone.now()
    with without_indexes():
        fill(HOUR, aligned(now, HOUR) - timedelta(hours=2), DAYS * 24)
        fill(DAY, aligned(now, DAY) - timedelta(days=1), DAYS)
        fill(60, aligned(now, 60), 180)
        fill(10, aligned(now, 10), 60)
        fill(60, aligned(now, 60) - timedelta(hours=3), 15 * 1440 - 180, endpoint="endpoint-0100")
        fill(10, aligned(now, 10) - timedelta(minutes=10), 8640 - 60, endpoint="endpoint-0100")
    Rollup.objects.create(resolution=HOUR, until=aligned(now, HOUR) - timedelta(hours=1))
    Rollup.objects.create(resolution=DAY, until=aligned(now, DAY))
    told(f"{samples():,} samples, {table_bytes() / 2**30:.2f} GiB")
    yield from chart_rows(where)
    yield from page_rows(where)
    yield from upkeep_rows(where)


# Filling


def packed(resolution: int) -> list[dict[str, Any]]:
    """Of each tenth of the deployments."""
    from endpoints.domain.buckets import LATENCY_BOUNDS_MS
    from endpoints.domain.packing import columns
    from endpoints.domain.rollups import Gauge, SampleValues

    looks = max(1, resolution // 10)
    found = []
    for per_minute, buckets in TENTHS:
        requests = max(1, per_minute * resolution // 60)
        latency = dict.fromkeys(LATENCY_BOUNDS_MS[10 : 10 + min(buckets, requests)], max(1, requests // buckets))
        values = SampleValues(
            covered_ms=resolution * 1000,
            counts={"2xx": requests, "4xx": requests // 50, "bytes_in": requests * 900, "bytes_out": requests * 300},
            latency=latency,
            cpu_ms=resolution * 200,
            cpu_covered_ms=resolution * 1000,
            active=Gauge(count=looks, total=looks * 2, low=1, high=9),
            memory_bytes=Gauge(count=looks, total=looks * 2**28, low=2**28, high=2**28),
            ready=Gauge(count=looks, total=looks, low=1, high=1),
            wanted=Gauge(count=looks, total=looks, low=1, high=1),
            concurrency_limit=Gauge(count=looks, total=looks, low=1, high=1),
            open_connections=Gauge(count=looks, total=looks * 2, low=1, high=4),
        )
        found.append(columns(values))
    return found


def fill(resolution: int, last: datetime, count: int, *, endpoint: str = "", deployments: int = 0) -> None:
    """`count` intervals up to `last`, each for all deployments, those of an endpoint, or so many."""
    from django.db import connection

    kinds = packed(resolution)
    names = ", ".join(kinds[0])
    times = [last - timedelta(seconds=resolution * back) for back in reversed(range(count))]
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_kind")
        cursor.execute(f"CREATE TABLE bench_kind AS SELECT 0 AS kind, {names} FROM endpoints_sample LIMIT 0")  # noqa: S608
        slots = ", ".join(["%s"] * len(kinds[0]))
        for kind, each in enumerate(kinds):
            cursor.execute(f"INSERT INTO bench_kind VALUES (%s, {slots})", [kind, *each.values()])  # noqa: S608
        cursor.execute("DROP TABLE IF EXISTS bench_row")
        cursor.execute(
            "CREATE TABLE bench_row AS SELECT d.id AS deployment_id, k.* FROM"
            " (SELECT d.id, row_number() OVER (ORDER BY e.name, d.name) AS number, e.name"
            "  FROM endpoints_deployment d JOIN endpoints_endpoint e ON e.id = d.endpoint_id) d"
            " JOIN bench_kind k ON k.kind = d.number %% 10"
            " WHERE (CAST(%s AS text) = '' OR d.name = %s) AND d.number > %s",
            [endpoint, endpoint, before_the_last(deployments)],
        )
        copy(cursor, resolution, names, times)
    told(f"{count} intervals of {resolution} s")


def before_the_last(deployments: int) -> int:
    """The number after which deployments are the last so many; 0: all are."""
    from endpoints.models import Deployment

    return Deployment.objects.count() - deployments if deployments else 0


def copy(cursor: Any, resolution: int, names: str, times: list[datetime]) -> None:
    from django.db import connection

    into = f"INSERT INTO endpoints_sample (deployment_id, resolution, at, {names})"
    if connection.vendor == "postgresql":  # OFFSET 0: the times are the outer loop
        cursor.execute(
            f"{into} SELECT r.deployment_id, %s, t, {names} FROM unnest(%s::timestamptz[]) t,"  # noqa: S608
            " LATERAL (SELECT * FROM bench_row OFFSET 0) r",
            [resolution, times],
        )
    else:
        text = json.dumps([at.strftime("%Y-%m-%d %H:%M:%S") for at in times])
        cursor.execute(
            f"{into} SELECT r.deployment_id, %s, t.value, {names} FROM json_each(%s) t CROSS JOIN bench_row r",  # noqa: S608
            [resolution, text],
        )


@contextmanager
def without_indexes() -> Iterator[None]:
    """PostgreSQL builds them faster at once, and need not look for each row's deployment."""
    from django.db import connection

    with connection.cursor() as cursor:
        if connection.vendor != "postgresql":
            cursor.execute("PRAGMA synchronous = OFF")
            yield
            cursor.execute("ANALYZE")
            return
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("ALTER TABLE endpoints_sample SET UNLOGGED")
        key = _one("SELECT conname FROM pg_constraint WHERE conrelid = 'endpoints_sample'::regclass AND contype = 'p'")
        cursor.execute(f"ALTER TABLE endpoints_sample DROP CONSTRAINT {key}")
        cursor.execute("DROP INDEX samples_by_interval")
        yield
        cursor.execute("ALTER TABLE endpoints_sample ADD PRIMARY KEY (deployment_id, resolution, at)")
        cursor.execute("CREATE INDEX samples_by_interval ON endpoints_sample (resolution, at)")
        cursor.execute("VACUUM ANALYZE endpoints_sample")
        cursor.execute("SET session_replication_role = DEFAULT")


def samples() -> int:
    return int(_one("SELECT count(*) FROM endpoints_sample"))


def table_bytes() -> int:
    """With its indexes."""
    from django.db import connection

    if connection.vendor == "postgresql":
        return int(_one("SELECT pg_total_relation_size('endpoints_sample')"))
    return int(_one("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"))


def _one(statement: str) -> Any:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]


# Figures


def size_rows() -> list[Row]:
    """Of fifty deployments for a month, one resolution after the other, indexes and all."""
    from django.db import connection
    from django.utils import timezone

    from endpoints.domain.rollups import DAY, HOUR, aligned

    now, found = timezone.now(), {}
    for resolution, count in ((10, 8640), (60, 15 * 1440), (HOUR, 30 * 24), (DAY, 30)):
        with without_indexes():
            fill(resolution, aligned(now, resolution), count, deployments=50)
        found[resolution] = table_bytes() / 50 / 2**20
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE endpoints_sample")
    kept = f"{found[10]:.2f} MiB of 10 s for a day, {found[60]:.2f} of minutes for 15"
    return [
        row("disk, per deployment and month of hours and days", found[HOUR] + found[DAY], "MiB", "as it grows"),
        row("disk, per deployment, of what is finer", found[10] + found[60], "MiB", kept),
    ]


def chart_rows(where: str) -> Iterator[Row]:
    """Both deployments of an endpoint: the rows, and what a chart is drawn from."""
    from django.utils import timezone

    from endpoints.domain.packing import COLUMNS
    from endpoints.domain.ranges import PRESETS, window
    from endpoints.models import Endpoint
    from endpoints.selectors.samples import stored
    from endpoints.selectors.telemetry import all_deployments, series

    deployments = list(all_deployments(Endpoint.objects.get(name="endpoint-0100")))
    keys = [item.pk for item in deployments]
    now = timezone.now()
    for preset in ("1h", "24h", "7d", "30d", "the year"):
        start = "" if preset in PRESETS else (now - timedelta(days=DAYS)).isoformat()
        shown = window(now=now, start=start, preset="" if start else preset)
        rows = stored(keys, resolution=shown.resolution, start=shown.start, end=shown.end)
        fetched = rows.values_list("deployment_id", "at", *COLUMNS)
        took = median_ms(partial(again, fetched))
        whole = median_ms(partial(series, deployments, shown))
        told_of = f"aim under 50; {len(fetched)} rows; {executed(rows)}; {whole:.0f} ms until it is a chart's points"
        yield row(f"chart query, {preset}: {where}", took, "ms", told_of)


def again(rows: Any) -> int:
    """Asked anew."""
    return sum(1 for _ in rows.all())


def executed(rows: Any) -> str:
    """What the server itself says."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return "in this process"
    plan: str = rows.explain(analyze=True)
    return plan.splitlines()[-1].strip()


def page_rows(where: str) -> Iterator[Row]:
    start = f"from={time.strftime('%Y-%m-%d', time.gmtime(time.time() - (DAYS - 1) * 86400))}"
    for name, url in {
        "endpoints page": "/endpoints/",
        "metrics page, 30 days": "/endpoints/endpoint-0100/metrics/?range=30d",
        "metrics page, the year": f"/endpoints/endpoint-0100/metrics/?{start}",
        "chart of 30 days": "/endpoints/endpoint-0100/metrics/figures.json?range=30d",
        "chart of the year": f"/endpoints/endpoint-0100/metrics/figures.json?{start}",
        "metrics over the API, 24 hours": "/api/v1/endpoints/endpoint-0100/metrics/?range=24h",
    }.items():
        found = page(name, url)
        yield {**found, "figure": f"{name}: {where}"}


def upkeep_rows(where: str) -> Iterator[Row]:
    """Of all deployments: the hour that is over becomes hours, and what is too old goes."""
    from django.conf import settings
    from django.utils import timezone

    from endpoints.reconcile import rolling
    from endpoints.selectors.samples import rolled_up

    now, longest, steps = timezone.now(), 0.0, 0
    until: rolling.Until = rolled_up()
    before = dict(until)
    while until == before:
        began = time.perf_counter()
        until = rolling.roll_up(until, slot=now, keep=lambda: True)
        longest, steps = max(longest, time.perf_counter() - began), steps + 1
    yield row(f"an hour rolled up, in {steps} passes, the longest: {where}", longest * 1000, "ms", "10,000 a pass has")
    kept = {resolution: timedelta(minutes=5) if resolution == 10 else age for resolution, age in _ages(settings)}
    began = time.perf_counter()
    rolling.prune(kept, until, now=now)
    took = (time.perf_counter() - began) * 1000
    yield row(f"{rolling.PRUNED_AT_ONCE} samples pruned: {where}", took, "ms", "–")


def _ages(settings: Any) -> Iterable[tuple[int, timedelta]]:
    found: dict[int, timedelta] = settings.STUDIO_SAMPLE_RETENTION
    return found.items()


def pass_rows(deployments: int, where: str) -> list[Row]:
    """Of the first so many, each with a replica and requests. What the gateway tells is read apart."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from endpoints.models import Deployment, Replica
    from endpoints.reconcile.collector import collect
    from endpoints.telemetry.envoy import parse

    owners = list(Deployment.objects.order_by("pk")[:deployments])
    there = set(Replica.objects.values_list("deployment_id", flat=True))
    make_replicas(owner for owner in owners if owner.pk not in there)
    clusters = [owner.cluster for owner in owners]
    with measured_studio() as gateway:
        took, ours = timed(lambda: serve(gateway, clusters), lambda: collect(interval=10))
        with CaptureQueriesContext(connection) as seen:
            collect(interval=10)
    text = "\n".join(lines_of(clusters))
    read = median_ms(lambda: parse(text))
    told_of = f"{ours:.0f} ms of our processor; {len(seen)} statements"
    return [
        row(f"collector pass over {deployments}: {where}", took, "ms", told_of),
        row(f"reading a scrape of {deployments}", read, "ms", f"{len(text) / 2**20:.1f} MiB"),
    ]


def timed(before: Callable[[], Any], work: Callable[[], Any], rounds: int = 3) -> tuple[float, float]:
    """Medians of some rounds after a first one, in milliseconds: by the clock, and of this process' processor time,
    which is the same on a machine that is busy with other things. What comes before each round is left out."""
    times, ours = [], []
    for _ in range(rounds + 1):
        before()
        began, used = time.perf_counter(), time.process_time()
        work()
        times.append((time.perf_counter() - began) * 1000)
        ours.append((time.process_time() - used) * 1000)
    return statistics.median(times[1:]), statistics.median(ours[1:])


def lines_of(clusters: Iterable[str]) -> Iterator[str]:
    """As Envoy tells of each what it uses."""
    from endpoints.telemetry.envoy import COUNTERS, GAUGES, LATENCY

    bins = ", ".join(f"{lower},10:{lower}" for lower in range(100, 400, 10))
    for cluster in clusters:
        yield from (f"cluster.{cluster}.{name}: 123456" for name in (*COUNTERS, *GAUGES))
        yield f"cluster.{cluster}.{LATENCY}:"
        yield f"  totals={bins}"


if __name__ == "__main__":
    main()
