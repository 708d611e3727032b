"""Hours and days from minutes: exact, whatever comes late, twice or is cut off. What the collector tells of itself."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.test import override_settings
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from endpoints import wiring
from endpoints.domain.rollups import DAY, HOUR, MINUTE, RESOLUTIONS, TEN_SECONDS, Gauge, SampleValues, aligned
from endpoints.models import CollectorPass, CounterCursor, Deployment, Rollup, Sample
from endpoints.reconcile import collector, rolling
from endpoints.reconcile.collector import collect
from endpoints.selectors.samples import NEVER, measured, rolled_up
from endpoints.telemetry.fake import FakeGatewayStatistics
from tests.factories import DeploymentFactory, SampleFactory

START = datetime(2026, 3, 28, 23, 57, 0, tzinfo=UTC)  # a day ends, and the clocks of Europe change in the next


@pytest.fixture
def gateway(adapters: wiring.Adapters) -> FakeGatewayStatistics:
    found = adapters.gateway_statistics
    assert isinstance(found, FakeGatewayStatistics)
    found.started_at = START
    return found


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(START, tick=False) as moved:
        yield moved


def counted(deployment: Deployment, resolution: int) -> Counter[datetime]:
    found: Counter[datetime] = Counter()
    for _, at, values in measured([deployment.pk], resolution=resolution, start=NEVER):
        found[aligned(at, resolution)] += values.requests
    return +found


def expected(truth: Counter[datetime], resolution: int) -> Counter[datetime]:
    found: Counter[datetime] = Counter()
    for at, requests in truth.items():
        found[aligned(at, resolution)] += requests
    return +found


# Seconds to the next look; requests until then; what happens at it.
steps = st.lists(
    st.tuples(
        st.sampled_from((1, 10, 10, 11, 95, 3605, 90_000)),
        st.integers(0, 50),
        st.sampled_from(("scraped", "scraped", "twice", "restarts", "down", "killed", "set back", "set ahead")),
    ),
    max_size=14,
)


@pytest.mark.django_db
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps)
@example([(10, 5, "set back"), (10, 7, "scraped")])  # at the same time of day as the scrape before
def test_every_request_is_once_in_the_interval_of_its_scrape(
    gateway: FakeGatewayStatistics, clock: Any, taken: list[tuple[int, int, str]]
) -> None:
    # Longer than all steps together: what is forgotten is another test's.
    with override_settings(STUDIO_SAMPLE_RETENTION=dict.fromkeys((10, 60, 3600), timedelta(days=400))):
        _every_request_is_once(gateway, clock, taken)


def _every_request_is_once(gateway: FakeGatewayStatistics, clock: Any, taken: list[tuple[int, int, str]]) -> None:
    for model in (Sample, Rollup, CounterCursor, CollectorPass, Deployment):
        model._default_manager.all().delete()
    clock.move_to(START)
    gateway.clusters, gateway.started_at, gateway.restarts = {}, START, gateway.restarts + 1
    deployment, truth, waiting = DeploymentFactory(), Counter[datetime](), 0
    for seconds, requests, event in taken:
        clock.shift(timedelta(seconds=seconds))
        gateway.add(deployment.cluster, ok=requests)
        waiting += requests
        _look(gateway, event)
        if event not in ("down", "killed"):
            truth[aligned(datetime.now(UTC) - timedelta(seconds=5), 10)] += waiting
            waiting = 0
        if event == "restarts":
            gateway.restart(at=datetime.now(UTC))
        if event.startswith("set"):
            set_by = timedelta(seconds=seconds if event == "set ahead" else -seconds)
            clock.shift(set_by)
            gateway.started_at += set_by  # its age is by another clock
    for resolution in (TEN_SECONDS, MINUTE, HOUR, DAY):
        assert counted(deployment, resolution) == expected(truth, resolution)


def _look(gateway: FakeGatewayStatistics, event: str) -> None:
    gateway.down = event == "down"
    with pytest.MonkeyPatch.context() as patched:
        if event == "killed":
            patched.setattr("endpoints.reconcile.cursors.save", _fails)
            assert collect(interval=10)
            return
    for _ in range(2 if event == "twice" else 1):
        assert collect(interval=10)


def _fails(*_: Any, **__: Any) -> None:
    raise DatabaseError("database or disk is full")


def minutes_of(deployment: Deployment, start: datetime, count: int) -> None:
    values = SampleValues(covered_ms=60_000, counts={"2xx": 1}, latency={6: 1}, ready=Gauge.of(1))
    for number in range(count):
        at = start + timedelta(minutes=number)
        SampleFactory(deployment=deployment, resolution=MINUTE, at=at, values=values)


@pytest.mark.django_db
def test_hours_then_days(clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rolling, "ROLLED_AT_ONCE", 2)
    deployments = [DeploymentFactory() for _ in range(3)]
    for deployment in deployments:
        minutes_of(deployment, START - timedelta(minutes=67), 72)
    for _ in range(5):
        rolling.roll_up(rolled_up(), slot=START + timedelta(minutes=6), keep=lambda: True)
    midnight = datetime(2026, 3, 29, tzinfo=UTC)
    assert rolled_up() == {HOUR: midnight, DAY: midnight}
    for deployment in deployments:
        rows = Sample.objects.filter(deployment=deployment, resolution__gte=HOUR).order_by("resolution", "at")
        assert list(rows.values_list("resolution", "requests", "covered_ms")) == [
            (HOUR, 10, 600_000),
            (HOUR, 60, 3_600_000),
            (DAY, 70, 4_200_000),
        ]
        for resolution in RESOLUTIONS[1:]:
            assert counted(deployment, resolution).total() == 72


@pytest.mark.django_db
def test_who_lost_the_lease_rolls_nothing_up(clock: Any) -> None:
    deployment = DeploymentFactory()
    minutes_of(deployment, START - timedelta(hours=2), 60)
    rolling.roll_up(rolled_up(), slot=START, keep=lambda: False)
    assert not Rollup.objects.exists()
    assert not Sample.objects.filter(resolution=HOUR).exists()
    assert counted(deployment, HOUR).total() == 60


@pytest.mark.django_db
def test_what_was_cut_off_is_rolled_up_again_and_comes_to_the_same(clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rolling, "ROLLED_AT_ONCE", 1)
    deployments = [DeploymentFactory() for _ in range(2)]
    for deployment in deployments:
        minutes_of(deployment, START.replace(minute=0) - timedelta(hours=1), 60)
    answers = iter((True, False))
    rolling.roll_up(rolled_up(), slot=START, keep=lambda: next(answers))
    assert Sample.objects.filter(resolution=HOUR).count() == 1
    assert [counted(item, HOUR).total() for item in deployments] == [60, 60]
    rolling.roll_up(rolled_up(), slot=START, keep=lambda: True)
    assert [counted(item, HOUR).total() for item in deployments] == [60, 60]


@pytest.mark.django_db
def test_an_hour_of_many_takes_several_passes_and_what_comes_meanwhile_is_part_of_it(
    clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rolling, "ROLLED_AT_ONCE", 1)
    monkeypatch.setattr(rolling, "ROLLED_IN_PASS", 2)
    hour = START.replace(minute=0) - timedelta(hours=1)
    deployments = [DeploymentFactory() for _ in range(5)]
    for deployment in deployments:
        minutes_of(deployment, hour, 60)
    late = {deployment.pk: SampleValues(counts={"2xx": 7}) for deployment in deployments}
    for number, rows in enumerate((2, 4, 5), start=1):
        assert HOUR not in rolled_up()
        rolling.roll_up(rolled_up(), slot=START, keep=lambda: True)
        assert Sample.objects.filter(resolution=HOUR).count() == rows
        rolling.add(late, rolled_up(), slot=hour + timedelta(minutes=5))
        assert {counted(item, HOUR).total() for item in deployments} == {60 + 7 * number}
    assert rolled_up()[HOUR] == hour + timedelta(hours=1)
    assert {counted(item, resolution).total() for item in deployments for resolution in (MINUTE, HOUR)} == {81}


@pytest.mark.django_db
def test_pruning_is_bounded_and_leaves_what_is_not_yet_part_of_hours(
    clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rolling, "PRUNED_AT_ONCE", 2)
    long_ago = START - timedelta(days=20)
    minutes_of(DeploymentFactory(), long_ago, 5)
    kept = {TEN_SECONDS: timedelta(days=1), MINUTE: timedelta(days=15), HOUR: timedelta(days=400)}
    rolling.prune(kept, rolled_up(), now=START)
    assert Sample.objects.count() == 5
    Rollup.objects.create(resolution=HOUR, until=START)
    rolling.prune(kept, rolled_up(), now=START)
    assert sorted(Sample.objects.values_list("at", flat=True))[0] == long_ago + timedelta(minutes=2)
    rolling.prune(kept, rolled_up(), now=START)
    rolling.prune(kept, rolled_up(), now=START)
    assert not Sample.objects.exists()


@pytest.mark.django_db
def test_passes_are_recorded(gateway: FakeGatewayStatistics, clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway.add(DeploymentFactory().cluster, ok=1)
    clock.shift(timedelta(seconds=2))
    collect(interval=10)
    clock.shift(timedelta(seconds=30))
    collect(interval=10)
    first, second = CollectorPass.objects.order_by("started_at")
    assert (first.deployments, first.skipped, first.late_ms, second.skipped) == (1, 0, 2000, 2)
    clock.shift(timedelta(seconds=10))
    monkeypatch.setattr(rolling, "put", _fails)
    stops = iter((False, True))
    gateway.add(Deployment.objects.get().cluster, ok=1)
    collector.run(interval=10, wait=lambda _: next(stops))
    assert (
        CollectorPass.objects.latest("started_at").error == "Samples and usage: DatabaseError: database or disk is full"
    )
    clock.shift(timedelta(days=2))
    monkeypatch.undo()
    collect(interval=10)
    assert CollectorPass.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_rows_of_before_are_moved() -> None:
    executor = MigrationExecutor(connection)
    [newest] = [leaf for leaf in executor.loader.graph.leaf_nodes() if leaf[0] == "endpoints"]
    ours = next(name for app, name in executor.loader.graph.nodes if name.endswith("_samples_in_columns"))
    [before] = executor.loader.graph.node_map["endpoints", ours].parents
    executor.migrate([tuple(before)])
    try:
        apps = executor.loader.project_state([tuple(before)]).apps
        row = DeploymentFactory()
        values = {
            "covered_ms": 60_000,
            "counts": {"2xx": 7, "5xx": 1, "bytes_in": 2**40},
            "latency": {"6": 8},
            "ready": [2, 4, 2, 2],
        }
        for resolution, at in (
            (60, START),
            (3600, aligned(START, 3600) - timedelta(hours=1)),
            (3600, aligned(START, 3600)),
        ):
            apps.get_model("endpoints", "Sample").objects.create(
                deployment_id=row.pk, resolution=resolution, at=at, requests=8, errors=1, values=values
            )
        executor = MigrationExecutor(connection)
        executor.migrate([newest])
        assert rolled_up() == {HOUR: aligned(START, 3600)}
        [(_, at, found)] = measured([row.pk], resolution=MINUTE, start=NEVER)
        assert (at, found.requests, found.errors, dict(found.latency)) == (START, 8, 1, {6: 8})
        assert (found.counts["bytes_in"], found.ready) == (2**40, Gauge(count=2, total=4, low=2, high=2))
        assert counted(row, HOUR).total() == 16
    finally:
        MigrationExecutor(connection).migrate([newest])
