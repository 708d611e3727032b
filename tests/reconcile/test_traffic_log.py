"""From the gateway's lines to rows: once each, and in bounds."""

import json
import multiprocessing
import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from endpoints import wiring
from endpoints.models import Endpoint, Lease, TrafficLogEntry, TrafficLogState
from endpoints.reconcile import traffic_log
from endpoints.reconcile.traffic_log import read_traffic_log
from endpoints.telemetry.traffic_log import TrafficLogFiles
from tests.factories import EndpointFactory, TrafficLogEntryFactory

NOW = datetime.now(UTC).replace(microsecond=0)  # what is older than the retention would go at once
pytestmark = pytest.mark.django_db


@pytest.fixture
def prices(adapters: wiring.Adapters) -> Endpoint:
    made: Endpoint = EndpointFactory(name="prices")
    return made


@pytest.fixture
def log(adapters: wiring.Adapters) -> Iterator[Path]:
    files = adapters.traffic_log
    assert isinstance(files, TrafficLogFiles)
    files.folder.mkdir()
    yield files.live


def told(endpoint: Endpoint, **fields: Any) -> bytes:
    base = {"endpoint_id": endpoint.pk.hex, "time": NOW.isoformat(), "status": 200, "x_request_id": str(uuid4())}
    return json.dumps(base | fields).encode() + b"\n"


def write(log: Path, *lines: bytes) -> None:
    with log.open("ab") as file:
        file.write(b"".join(lines))


def test_lines_become_rows_once(prices: Endpoint, log: Path) -> None:
    write(log, told(prices, deployment="blue", key="Primary", total_ms=7), told(prices, status=503))
    assert read_traffic_log() == 2
    assert read_traffic_log() == 0
    write(log, told(prices, status=401))
    assert read_traffic_log() == 1
    rows = TrafficLogEntry.objects.filter(endpoint=prices).order_by("pk")
    assert list(rows.values_list("status", "deployment", "caller", "total_ms", "at")) == [
        (200, "blue", "Primary", 7, NOW),
        (503, "", "", None, NOW),
        (401, "", "", None, NOW),
    ]
    state = TrafficLogState.objects.get()
    assert (state.kept, state.unreadable, state.dropped, state.behind_bytes) == (3, 0, 0, 0)


def test_what_is_no_line_is_counted_and_the_next_one_read(prices: Endpoint, log: Path) -> None:
    torn = told(prices)[:30]
    write(log, b"nonsense\n", torn + told(prices, status=500), torn)
    assert read_traffic_log() == 1
    state = TrafficLogState.objects.get()
    assert (state.kept, state.unreadable, state.behind_bytes) == (1, 1, len(torn))


def test_an_endpoint_that_is_gone_and_one_that_has_its_name(prices: Endpoint, log: Path) -> None:
    """A line is for the endpoint that it is of, and for no other of that name."""
    lines = told(prices, deployment="blue")
    prices.delete()
    again = EndpointFactory(name="prices")
    write(log, lines, told(again, deployment="blue"))
    assert read_traffic_log() == 1
    assert TrafficLogEntry.objects.get().endpoint == again


def test_hostile_lines(prices: Endpoint, log: Path) -> None:
    agents = [f"agent-{number}" for number in range(10_000)]
    odd = told(prices, user_agent="\x00\udce4\n'); DROP TABLE", path="/" + "é" * 600, caller="x")
    write(log, *(told(prices, user_agent=agent) for agent in agents), odd)
    assert read_traffic_log() == 10_001
    assert TrafficLogEntry.objects.values("user_agent").distinct().count() == 10_001
    row = TrafficLogEntry.objects.latest("pk")
    assert "\x00" not in row.user_agent
    assert (len(row.path), row.caller) == (500, "")


def test_one_reader_at_a_time(prices: Endpoint, log: Path) -> None:
    write(log, told(prices))
    Lease.objects.create(name="traffic-log", token="another", expires_at=datetime.now(UTC) + timedelta(minutes=1))
    assert read_traffic_log() is None
    assert not TrafficLogEntry.objects.exists()


def test_a_reader_that_lost_its_turn_writes_nothing(
    prices: Endpoint, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(log, told(prices))
    monkeypatch.setattr("endpoints.reconcile.leases.Held.keep", lambda _: False)
    assert read_traffic_log() == 0
    monkeypatch.undo()
    assert read_traffic_log() == 1


def test_an_idle_log_leaves_the_database_alone(prices: Endpoint, log: Path, django_assert_num_queries: Any) -> None:
    write(log, told(prices))
    read_traffic_log()
    with django_assert_num_queries(1):
        assert read_traffic_log() == 0


def test_the_dropped_are_counted(prices: Endpoint, log: Path) -> None:
    write(log, told(prices), told(prices))
    log.rename(log.with_name(f"access-00000000000000000001.{log.stat().st_ino}.2.lost"))
    write(log, told(prices))
    assert read_traffic_log(now=NOW) == 1
    state = TrafficLogState.objects.get()
    assert (state.kept, state.dropped, state.dropped_at) == (1, 2, NOW)
    assert [path.name for path in log.parent.iterdir()] == ["access.jsonl"]


def test_what_is_too_old_goes(prices: Endpoint, settings: Any, log: Path) -> None:
    settings.STUDIO_TRAFFIC_LOG_DAYS = 30
    for days in (31, 29, 0):
        TrafficLogEntryFactory(endpoint=prices, at=NOW - timedelta(days=days))
    traffic_log.prune(now=NOW)
    assert sorted((NOW - row.at).days for row in TrafficLogEntry.objects.all()) == [0, 29]


def test_the_oldest_of_what_is_too_much_goes_a_part_at_a_time(
    prices: Endpoint, settings: Any, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.STUDIO_TRAFFIC_LOG_MEGABYTES = 1
    monkeypatch.setattr(traffic_log, "ROW_BYTES", 1024 * 1024 // 10)
    monkeypatch.setattr(traffic_log, "PRUNED_AT_ONCE", 8)
    rows = [TrafficLogEntryFactory(endpoint=prices, at=NOW) for _ in range(25)]
    traffic_log.prune(now=NOW)
    assert TrafficLogEntry.objects.count() == 17
    for _ in range(3):
        traffic_log.prune(now=NOW)
    assert set(TrafficLogEntry.objects.values_list("pk", flat=True)) == {row.pk for row in rows[-10:]}


@pytest.mark.django_db(transaction=True)
def test_a_reader_that_is_killed_has_not_read(prices: Endpoint, log: Path, adapters: wiring.Adapters) -> None:
    """kill -9 within the transaction, and between it and what comes after."""
    write(log, *(told(prices) for _ in range(50)))
    for moment in ("_tell", "_advance"):
        Lease.objects.all().delete()
        connection.close()
        dying = multiprocessing.get_context("fork").Process(target=killed_at, args=(moment,))
        dying.start()
        dying.join(60)
        assert dying.exitcode == -signal.SIGKILL
        write(log, *(told(prices) for _ in range(50)))
    Lease.objects.all().delete()
    read_traffic_log()
    assert TrafficLogEntry.objects.count() == TrafficLogEntry.objects.values("x_request_id").distinct().count() == 150
    assert TrafficLogState.objects.get().kept == 150


def killed_at(moment: str) -> None:
    setattr(traffic_log, moment, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
    read_traffic_log()
