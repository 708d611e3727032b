"""What everyone who uses the telemetry ports may rely on, asked of each adapter."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from endpoints.domain.buckets import percentile
from endpoints.domain.counters import Before, ClusterCounters, GatewaySnapshot, growth
from endpoints.telemetry.envoy import EnvoyStatistics
from endpoints.telemetry.fake import FakeGatewayStatistics, FakeProcesses
from endpoints.telemetry.port import GatewayStatistics, ProcessStatistics, TelemetryUnreachable
from endpoints.telemetry.processes import LocalProcesses
from tests.gateway.replica import replicas
from tests.gateway.running import AUTHORIZED, RunningGateway, deployment, endpoint, eventually

CLUSTER = "d-blue"


@dataclass
class Subject:
    statistics: GatewayStatistics
    answer: Callable[[int, int], None]  # so many requests, each with this status
    restart: Callable[[], None]
    stop: Callable[[], None]

    def counters(self) -> ClusterCounters:
        return self.statistics.scrape().clusters.get(CLUSTER, ClusterCounters())


@pytest.fixture(params=["fake", "envoy"])
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    yield from (fake() if request.param == "fake" else real())


def fake() -> Iterator[Subject]:
    start = datetime.now(UTC)
    statistics = FakeGatewayStatistics(now=start, started_at=start)
    classes = {200: "ok", 424: "client", 503: "server"}

    def answer(count: int, status: int) -> None:
        statistics.add(CLUSTER, latency_ms=60, **{classes[status]: count})
        pass_time(count)

    def pass_time(count: int) -> None:
        assert statistics.now
        statistics.now += count * timedelta(milliseconds=60)

    def restart() -> None:
        pass_time(1)
        statistics.restart(at=statistics.now or start)

    def stop() -> None:
        statistics.down = True

    yield Subject(statistics, answer, restart, stop)


def real() -> Iterator[Subject]:
    folder = Path(tempfile.mkdtemp(prefix="es-"))
    running = RunningGateway(folder)
    running.start()
    try:
        with replicas(folder) as servers:
            running.put(endpoint("contract", deployment("blue", servers.start("blue").socket)))
            running.wait_healthy(CLUSTER, 1)
            yield Subject(EnvoyStatistics(running.admin_socket), answering(running), restarting(running), running.stop)
    finally:
        running.stop()
        shutil.rmtree(folder)


def answering(running: RunningGateway) -> Callable[[int, int], None]:
    def answer(count: int, status: int) -> None:
        headers = AUTHORIZED | {"x-want-status": str(status), "x-sleep": "0.06"}
        with httpx.Client(base_url=running.url, timeout=60) as client:
            for _ in range(count):
                assert client.post("/contract/score", headers=headers).status_code == status

    return answer


def restarting(running: RunningGateway) -> Callable[[], None]:
    def restart() -> None:
        running.stop()
        running.start()
        running.wait_healthy(CLUSTER, 1)

    return restart


def before(snapshot: GatewaySnapshot) -> Before:
    return Before(
        identity=snapshot.identity,
        at=snapshot.at,
        age_ms=snapshot.age_ms,
        counts={name: item.counts for name, item in snapshot.clusters.items()},
        latency={name: item.latency for name, item in snapshot.clusters.items()},
    )


def test_requests_are_counted_by_class_as_long_as_it_runs(subject: Subject) -> None:
    subject.answer(3, 200)
    first = subject.statistics.scrape()
    subject.answer(1, 200)
    subject.answer(2, 424)
    second = subject.statistics.scrape()
    assert first.identity == second.identity
    assert first.started_at <= first.at < second.at
    assert first.clusters[CLUSTER].counts["2xx"] == 3
    assert (second.clusters[CLUSTER].counts["2xx"], second.clusters[CLUSTER].counts["4xx"]) == (4, 2)
    grown = growth(before(first), second)
    assert grown
    assert (grown.counts[CLUSTER]["2xx"], grown.counts[CLUSTER]["4xx"]) == (1, 2)


def test_latency_is_told_within_the_error_that_is_promised(subject: Subject) -> None:
    """The gateway may tell it some seconds later than the counts."""
    subject.answer(5, 200)
    eventually(lambda: sum(subject.counters().latency.values()) == 5)
    fastest = percentile(subject.counters().latency, 1)
    assert fastest is not None
    assert fastest >= 50


def test_what_it_holds_now_is_told_too(subject: Subject) -> None:
    subject.answer(1, 200)
    assert (subject.counters().active, subject.counters().healthy) == (0, 1)


def test_a_restart_is_another_identity_that_counts_from_zero(subject: Subject) -> None:
    subject.answer(5, 200)
    first = subject.statistics.scrape()
    subject.restart()
    subject.answer(2, 200)
    second = subject.statistics.scrape()
    assert second.identity != first.identity
    assert second.started_at > first.started_at
    grown = growth(before(first), second)
    assert grown
    assert grown.counts[CLUSTER]["2xx"] == 2


def test_down_is_an_error_of_its_own(subject: Subject) -> None:
    subject.stop()
    with pytest.raises(TelemetryUnreachable, match=r"\w"):
        subject.statistics.scrape()


@pytest.fixture(params=[FakeProcesses, LocalProcesses])
def processes(request: pytest.FixtureRequest) -> ProcessStatistics:
    made: ProcessStatistics = request.param()
    return made


def test_processes_are_told_by_replica(processes: ProcessStatistics) -> None:
    reading = processes.scrape({"r-1": os.getpid()})["r-1"]
    assert reading.memory_bytes > 10 * 1024**2
    assert reading.cpu_ms > 0
    assert reading.started_at < datetime.now(UTC) - timedelta(milliseconds=1)


def test_a_process_keeps_its_identity_and_uses_more(processes: ProcessStatistics) -> None:
    first = processes.scrape({"r-1": os.getpid()})["r-1"]
    eventually(lambda: processes.scrape({"r-1": os.getpid()})["r-1"].cpu_ms > first.cpu_ms)
    second = processes.scrape({"r-1": os.getpid()})["r-1"]
    assert second.identity == first.identity
    assert second.started_at == first.started_at


def test_two_processes_have_two_identities(processes: ProcessStatistics) -> None:
    found = processes.scrape({"r-1": os.getpid(), "r-2": os.getppid()})
    assert len({reading.identity for reading in found.values()}) == 2


def test_nothing_is_asked_of_nobody(processes: ProcessStatistics) -> None:
    assert processes.scrape({}) == {}


def test_a_process_that_is_gone_is_left_out() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert set(LocalProcesses().scrape({"gone": gone.pid, "here": os.getpid()})) == {"here"}
