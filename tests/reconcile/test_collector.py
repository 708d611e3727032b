"""The collector: every request and every second once, whatever restarts, fails or is killed in between."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError

from endpoints import wiring
from endpoints.domain.rollups import MIRROR_COUNTS, RETENTION, merged
from endpoints.models import CollectorPass, CounterCursor, Deployment, Lease, Replica, Rollup, Sample
from endpoints.reconcile import collector
from endpoints.reconcile.collector import collect
from endpoints.reconcile.measuring import as_answered
from endpoints.selectors.samples import NEVER, measured
from endpoints.telemetry.fake import FakeServers
from tests.factories import DeploymentFactory, SampleFactory
from tests.reconcile.measuring import START, Studio, at

pytestmark = pytest.mark.django_db


def test_a_pass_writes_all_resolutions(studio: Studio) -> None:
    studio.requests(ok=5, client=1, server=2)
    studio.collect()
    for resolution in (10, 60, 3600):
        assert studio.counted(resolution) == [(START, 8)]
    values = studio.values()
    assert (values.covered_ms, values.requests, values.errors) == (10_000, 8, 3)
    assert (values.ready.mean, values.wanted.mean) == (2, 2)
    assert values.memory_bytes.count == 2
    assert values.latency == {6: 8}


def test_passes_fill_their_intervals(studio: Studio) -> None:
    for _ in range(7):
        studio.requests(ok=6)
        studio.collect()
    assert studio.counted(10) == [(at(10 * number), 6) for number in range(7)]
    assert studio.counted(60) == [(START, 36), (at(60), 6)]
    assert studio.counted(3600) == [(START, 42)]
    assert studio.values(60).covered_ms == 10_000
    assert studio.values(3600).covered_ms == 70_000


def test_several_passes_within_an_interval_add_up(studio: Studio) -> None:
    for _ in range(9):
        studio.requests(ok=1)
        studio.collect(1, interval=1)
    assert studio.counted(10) == [(START, 9)]
    assert studio.values(3600).covered_ms == 9000


def test_cpu_is_cores_per_replica(studio: Studio) -> None:
    studio.collect()
    studio.collect()
    values = studio.values()
    assert (values.cpu_ms, values.cpu_covered_ms) == (10_000, 20_000)  # two replicas, half a core each


def test_tokens_of_servers_that_are_brought(studio: Studio, adapters: wiring.Adapters) -> None:
    servers = adapters.server_statistics
    assert isinstance(servers, FakeServers)
    studio.collect()
    assert servers.asked == []
    Deployment.objects.update(server="custom")
    first, second = sorted(Replica.objects.values_list("pk", flat=True))
    told: list[dict[str, dict[str, int]]] = [
        {first: {"tokens_in": 10, "tokens_out": 4}},
        {},
        {first: {"tokens_in": 25, "tokens_out": 4}},
    ]
    for servers.tokens in told:
        studio.collect()
    assert servers.asked == [first, second]
    total = merged(values for _, _, values in measured([studio.deployment.pk], resolution=60, start=NEVER))
    assert (total.counts["tokens_in"], total.counts["tokens_out"]) == (25, 4)


def test_a_pass_without_anything_new_counts_nothing_twice(studio: Studio) -> None:
    studio.requests(ok=5)
    studio.collect()
    assert collect(interval=10)
    assert collect(interval=10)
    assert [studio.total(resolution) for resolution in (10, 60, 3600)] == [5, 5, 5]
    assert studio.billed() == 2 * timedelta(seconds=10)


def test_the_collector_was_down_for_a_while(studio: Studio) -> None:
    """Nothing is lost, the rate is true, and the gap is a gap."""
    studio.requests(ok=5)
    studio.collect()
    studio.requests(ok=300)
    studio.collect(600)
    assert studio.total(10) == studio.total(60) == studio.total(3600) == 305
    assert len(studio.counted(10)) == 2
    assert studio.values().covered_ms == 600_000
    assert studio.billed() == 2 * timedelta(seconds=610)


def test_the_gateway_restarts(studio: Studio) -> None:
    studio.requests(ok=100)
    studio.collect()
    studio.gateway.restart(at=studio.later(4))
    studio.requests(ok=120)
    studio.collect(6)
    assert studio.counted(10) == [(START, 100), (at(10), 120)]
    assert studio.values().covered_ms == 6000


def test_the_gateway_is_down(studio: Studio, caplog: pytest.LogCaptureFixture) -> None:
    studio.requests(ok=5)
    studio.collect()
    studio.gateway.down = True
    studio.collect()
    assert "is down" in caplog.text
    values = studio.values()
    assert (values.requests, values.covered_ms, values.ready.mean) == (0, 0, 2)
    studio.gateway.down = False
    studio.requests(ok=7)
    studio.collect()
    assert studio.total(10) == 12
    assert studio.values().covered_ms == 20_000


@pytest.mark.parametrize("broken", ["cursors.save", "bill", "rolling.put"])
def test_a_pass_that_is_cut_off_has_not_been(studio: Studio, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    studio.requests(ok=5)
    studio.collect()
    before = studio.counted(10), studio.billed(), list(CounterCursor.objects.values())
    with monkeypatch.context() as patched:

        def fail(*_: Any, **__: Any) -> None:
            raise DatabaseError("the disk is full")

        patched.setattr(f"endpoints.reconcile.collector.{broken}", fail)
        studio.requests(ok=6)
        studio.collect()
    assert CollectorPass.objects.latest("started_at").error == "Samples and usage: DatabaseError: the disk is full"
    assert (studio.counted(10), studio.billed(), list(CounterCursor.objects.values())) == before
    studio.collect()
    assert studio.total(10) == studio.total(60) == studio.total(3600) == 11
    assert studio.billed() == 2 * timedelta(seconds=30)


def test_two_collectors_never_work_at_once(studio: Studio) -> None:
    Lease.objects.create(name="collector", token="another", expires_at=at(30))
    studio.requests(ok=5)
    studio.later()
    assert not collect(interval=10)
    assert not Sample.objects.exists()
    studio.collect(30)
    assert studio.total(10) == 5


def test_who_lost_the_lease_meanwhile_writes_nothing(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    scrape = collector.scrape

    def slow(running: Any) -> Any:
        found = scrape(running)
        Lease.objects.filter(name="collector").update(token="another")
        return found

    monkeypatch.setattr(collector, "scrape", slow)
    studio.requests(ok=5)
    studio.collect()
    assert not Sample.objects.exists()
    assert not CounterCursor.objects.exists()


def test_a_deleted_deployment_s_last_requests_are_counted(studio: Studio) -> None:
    studio.collect()
    Replica.objects.all().delete()
    Deployment.objects.update(deleted_at=datetime.now(UTC), state="Deleting")
    studio.requests(ok=3)
    studio.collect()
    assert studio.total(10) == 3
    Deployment.objects.update(deleted_at=START - timedelta(days=1))
    studio.requests(ok=3)
    studio.collect()
    assert studio.total(10) == 3


def test_a_deployment_without_replicas_and_requests_has_no_samples(studio: Studio) -> None:
    idle = DeploymentFactory()
    studio.gateway.add(idle.cluster, healthy=0)
    studio.collect()
    assert not Sample.objects.filter(deployment=idle).exists()


# House-keeping


def test_old_samples_go(studio: Studio) -> None:
    for resolution in (3600, 86_400):
        Rollup.objects.create(resolution=resolution, until=START)
    for resolution, kept in RETENTION.items():
        for extra in (timedelta(minutes=1), timedelta(hours=-2)):
            SampleFactory(deployment=studio.deployment, resolution=resolution, at=START - kept - extra)
    studio.collect()
    left = Sample.objects.filter(at__lt=START - timedelta(hours=2))
    assert {row.resolution: row.at for row in left} == {
        resolution: START - kept + timedelta(hours=2) for resolution, kept in RETENTION.items()
    }


@pytest.mark.parametrize("count", [1, 3])
def test_a_pass_takes_as_many_queries_for_one_deployment_as_for_three(
    studio: Studio, count: int, django_assert_num_queries: Any
) -> None:
    made: list[Deployment] = [studio.deployment, *(DeploymentFactory(replicas=2) for _ in range(count - 1))]
    for deployment in made:
        studio.gateway.add(deployment.cluster, ok=3)
    studio.collect()
    for deployment in made:
        studio.gateway.add(deployment.cluster, ok=3)
    studio.later()
    # The lease 3, how far it is rolled up, replicas, their instance types, who tells of tokens, cursors 2, deployments,
    # samples 2, totals 2, prices 2, builds, usage; 8 to prune; budgets 2; alerts 4; 3 to record the pass; the rest is
    # savepoints.
    with django_assert_num_queries(37):
        collect(interval=10)


def test_it_goes_on_after_any_failure_until_it_is_told_to_stop(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    outcomes: list[Any] = [DatabaseError("locked"), ValueError("odd"), False, True]

    def one_pass(**_: Any) -> bool:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return bool(outcome)

    monkeypatch.setattr(collector, "collect", one_pass)
    waits: list[float] = []
    stop = threading.Event()

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        if not outcomes:
            stop.set()
        return stop.is_set()

    collector.run(interval=10, wait=wait)
    assert not outcomes
    assert "locked" in caplog.text
    assert "odd" in caplog.text
    assert all(0 < seconds <= 10 for seconds in waits)


def test_what_the_gateway_counts_as_its_own_error_is_told_as_the_caller_saw_it() -> None:
    grown = {"2xx": 5, "4xx": 1, "5xx": 7, "timeouts": 3, "overflows": 2}
    assert as_answered(grown) == {"2xx": 5, "4xx": 6, "5xx": 2, "timeouts": 3, "overflows": 2}
    assert as_answered({"2xx": 5}) == {"2xx": 5}
    assert as_answered({"5xx": 1, "timeouts": 3}) == {"4xx": 1, "5xx": 0, "timeouts": 3}


def test_copies_are_counted_apart(studio: Studio) -> None:
    copies = studio.deployment.cluster.replace("d-", "m-")
    studio.requests(ok=10, server=1)
    studio.gateway.add(copies, ok=4, client=1, server=3, timeouts=1, overflows=2)
    studio.collect()
    found = studio.values()
    assert (found.requests, found.errors, found.mirror_requests) == (11, 1, 8)
    assert {name: found.counts[name] for name in MIRROR_COUNTS} == {
        "mirror_requests": 8,
        "mirror_failures": 4,
        "mirror_timeouts": 1,
        "mirror_overflows": 2,
    }
    assert (sum(found.latency.values()), sum(found.mirror_latency.values())) == (11, 8)
    assert found.covered_ms <= 10_000
    studio.gateway.add(copies, ok=5)
    studio.collect()
    assert (studio.values().requests, studio.values().mirror_requests) == (0, 5)


def test_copies_after_a_restart_of_the_gateway(studio: Studio) -> None:
    copies = studio.deployment.cluster.replace("d-", "m-")
    studio.requests(ok=1)
    studio.gateway.add(copies, ok=5)
    studio.collect()
    studio.gateway.restart(at=studio.later(1))
    studio.requests(ok=1)
    studio.gateway.add(copies, ok=2)
    studio.collect()
    assert studio.values().mirror_requests == 2
