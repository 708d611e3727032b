"""What can go wrong in a pass: the rest goes on, the pass says what it was, and nothing is lost or counted twice."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection

from endpoints import wiring
from endpoints.domain.buckets import LATENCY_BOUNDS_MS
from endpoints.domain.rollups import HOUR, MINUTE
from endpoints.models import CollectorPass, CounterCursor, Deployment, Sample, Usage
from endpoints.reconcile import collector
from endpoints.selectors.health import site_parts
from endpoints.telemetry.envoy import EnvoyStatistics
from tests.factories import DeploymentFactory, SampleFactory
from tests.reconcile.measuring import START, Studio, at
from tests.telemetry.admin_socket import answering
from tests.telemetry.test_bad_scrapes import stops_within_its_answer


def told() -> list[str]:
    return CollectorPass.objects.latest("started_at").error.splitlines()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("broken", "name"),
    [
        ("look_at_budgets", "Budgets"),
        ("look_at_alerts", "Alerts"),
        ("rolling.add", "Samples and usage"),
        ("rolling.roll_up", "Roll-up"),
        ("rolling.prune", "Retention"),
    ],
)
def test_no_step_keeps_another_from_being_taken(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, broken: str, name: str
) -> None:
    hour_ago, long_ago = START - timedelta(hours=1), START - timedelta(days=2)
    SampleFactory(deployment=studio.deployment, resolution=MINUTE, at=hour_ago)
    SampleFactory(deployment=studio.deployment, resolution=10, at=long_ago)
    studio.requests(ok=5)

    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("a price of none")

    monkeypatch.setattr(f"endpoints.reconcile.collector.{broken}", fail)
    studio.collect()
    assert Sample.objects.filter(resolution=HOUR, at=hour_ago).exists() == (name != "Roll-up")
    assert Sample.objects.filter(at=long_ago).exists() == (name == "Retention")
    assert studio.total(10) == (0 if name == "Samples and usage" else 5)
    parts = {part.name: part for part in site_parts(now=datetime.now(UTC), interval=10)}
    assert parts["collector"].verdict.cause == f"{name}: ZeroDivisionError: a price of none"


@pytest.mark.django_db
def test_every_failed_step_is_told_however_long_its_reason(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OperationalError("no space left on device\n" + "x" * 9000)

    monkeypatch.setattr("endpoints.reconcile.collector.look_at_budgets", fail)
    monkeypatch.setattr("endpoints.reconcile.rolling.put", fail)
    studio.gateway.down = True
    studio.collect()
    assert [line.partition(" no space")[0] for line in told()] == [
        "Gateway: The fake gateway is down.",
        "Samples and usage: OperationalError:",
        "Budgets: OperationalError:",
    ]
    assert told()[-1].endswith("x…")


@pytest.mark.django_db
def test_a_gateway_that_hangs_costs_no_sample_of_the_replicas(studio: Studio, adapters: wiring.Adapters) -> None:
    with tempfile.TemporaryDirectory(prefix="es-") as folder:
        path = Path(folder) / "admin.sock"
        hanging = replace(adapters, gateway_statistics=EnvoyStatistics(path, timeout=0.2))
        with answering(path, stops_within_its_answer), wiring.using(hanging):
            studio.collect()
    assert told() == ["Gateway: The gateway's admin interface does not answer: timed out"]
    values = studio.values()
    assert (values.requests, values.covered_ms) == (0, 0)
    assert (values.memory_bytes.count, values.ready.mean) == (2, 2)
    assert studio.billed() == 2 * timedelta(seconds=10)
    studio.requests(ok=9)
    studio.collect()
    assert told() == []
    assert (studio.total(10), studio.values().covered_ms) == (9, 20_000)


@pytest.mark.django_db
def test_ten_thousand_names_that_are_none_of_ours_leave_no_trace(studio: Studio) -> None:
    for number in range(10_000):
        studio.gateway.add(f"d-{number:032x}", ok=1)
    studio.requests(ok=3)
    studio.collect()
    assert list(Sample.objects.values_list("deployment", flat=True).distinct()) == [studio.deployment.pk]
    assert set(CounterCursor.objects.get(name="gateway").counters["counts"]) == {studio.deployment.cluster}


@pytest.mark.django_db
def test_what_is_beyond_what_is_read_is_told(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    scrape = studio.gateway.scrape
    monkeypatch.setattr(studio.gateway, "scrape", lambda: replace(scrape(), left_out=12))
    studio.requests(ok=3)
    studio.collect()
    assert told() == ["Gateway: It names at least 12 clusters too many; they are left out."]
    assert studio.total(10) == 3


@pytest.mark.django_db
def test_a_gateway_that_restarts_between_two_counters_of_a_scrape(studio: Studio) -> None:
    """Counters of a new process under the name of the old one: each that shrank began again."""
    studio.requests(ok=100, server=10)
    studio.collect()
    studio.gateway.clusters = {}
    studio.requests(ok=4, server=1)
    studio.collect()
    assert studio.counted(10) == [(START, 110), (at(10), 5)]
    assert sum(studio.values().latency.values()) == 5


@pytest.mark.django_db
@pytest.mark.parametrize("moved", [-3600, 3600])
def test_a_clock_that_is_set_and_set_right(studio: Studio, moved: int) -> None:
    """Requests are told at the time of their scrape, at their true rate; no second is billed twice."""
    studio.requests(ok=1)
    studio.collect()
    for seconds, requests in ((moved, 20), (-moved, 300)):
        studio.clock.shift(timedelta(seconds=seconds))
        studio.gateway.started_at += timedelta(seconds=seconds)
        studio.requests(ok=requests)
        studio.collect()
    assert dict(studio.counted(10)) == {START: 1, at(10 + moved): 20, at(20): 300}
    assert studio.total(MINUTE) == studio.total(HOUR) == 321
    assert studio.values(10).covered_ms == 10_000
    for replica in range(2):
        rows = Usage.objects.filter(replica_id__endswith=f"-{replica}").order_by("started_at")
        ends = [(row.started_at, row.ended_at) for row in rows]
        assert all(end <= start for (_, end), (start, _) in pairwise(ends))
        assert sum((end - start for start, end in ends), timedelta()) == timedelta(seconds=max(30, 20 + moved))


def a_day_of_latencies(studio: Studio, deployments: list[Deployment]) -> None:
    for deployment in deployments:
        for bound in LATENCY_BOUNDS_MS:
            studio.gateway.add(deployment.cluster, latency_ms=bound, ok=1)


@contextmanager
def full_disk() -> Iterator[None]:
    """SQLite's own: the database may not grow by one page."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")
        [pages] = cursor.execute("PRAGMA page_count").fetchone()
        cursor.execute(f"PRAGMA max_page_count = {pages}")
        try:
            yield
        finally:
            cursor.execute("PRAGMA max_page_count = 1073741823")


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="a server's disk is not ours to fill")
def test_a_full_disk_undoes_the_pass_and_the_next_one_makes_up_for_it(
    studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    deployments: list[Deployment] = [studio.deployment, *(DeploymentFactory() for _ in range(5))]
    studio.requests(ok=5)
    studio.collect()
    before = studio.counted(10), studio.billed(), list(CounterCursor.objects.order_by("name").values())
    a_day_of_latencies(studio, deployments)
    with full_disk():
        studio.later()
        stops = iter((False, True))
        collector.run(interval=10, wait=lambda _: next(stops))
    assert "Samples and usage: OperationalError: database or disk is full" in caplog.text
    assert (studio.counted(10), studio.billed(), list(CounterCursor.objects.order_by("name").values())) == before
    studio.collect()
    assert CollectorPass.objects.latest("started_at").error == ""
    assert Sample.objects.filter(resolution=10, at=at(20)).count() == len(deployments)
    assert studio.total(10) == studio.total(MINUTE) == 5 + len(LATENCY_BOUNDS_MS)
    assert studio.billed() == 2 * timedelta(seconds=30)
