"""What autoscale's rules read from samples: merged right, and never a zero that nobody measured."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from endpoints.domain.buckets import percentile
from endpoints.domain.rollups import Gauge, SampleValues
from endpoints.domain.scaling_metrics import METRICS, MIB, Size, reading, resolution_of
from endpoints.domain.scaling_rules import Aggregation, Dimension, Reading, Scope, Statistic
from tests.domain.scaling_samples import NOW, trigger

SIZE = Size(vcpu=Decimal("0.5"), memory_mib=1000)
Points = dict[datetime, SampleValues]


def values(requests: int = 0, *, active: int = 0, latency: int = 5, **counts: int) -> SampleValues:
    """Ten seconds of one replica at a quarter of a core with 250 MiB, on a GPU."""
    total = requests + sum(counts.get(name, 0) for name in ("4xx", "5xx"))
    return SampleValues(
        covered_ms=10_000,
        counts={"2xx": requests, **counts},
        latency={latency: total} if total else {},
        cpu_ms=2_500,
        cpu_covered_ms=10_000,
        active=Gauge.of(active),
        memory_bytes=Gauge.of(250 * MIB),
        gpu=Gauge.of(4500),
        gpu_memory=Gauge.of(1250),
        disk=Gauge.of(7000),
    )


def ago(seconds: int) -> datetime:
    return NOW - timedelta(seconds=seconds)


def minute(**more: Any) -> Points:
    """The last sixty seconds in samples of ten."""
    return {ago(back): values(**more) for back in range(10, 70, 10)}


def read(points: Points | Mapping[str, Points], metric: str, **more: Any) -> Reading:
    asked = trigger(metric, **{"divide_per_instance": False, **more})
    samples = {"blue": points} if not points or isinstance(next(iter(points)), datetime) else points
    return reading(asked, samples, size=SIZE, now=NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("CpuUtilizationPercentage", 50),
        ("CpuMemoryUtilizationPercentage", 25),
        ("GpuUtilizationPercentage", 45),
        ("GpuMemoryUtilizationPercentage", 12.5),
        ("GpuEnergyJoules", 30),
        ("DiskUtilization", 70),
        ("InFlight", 3),
        ("RequestsPerMinute", 84),
        ("ErrorsPerMinute", 24),
        ("ErrorPercentage", 24 / 84 * 100),
        ("TooManyRequestsPerMinute", 12),
        ("TimeoutsPerMinute", 6),
        ("TokensPerMinute", 90),
        ("NetworkBytes", 30),
        ("RequestLatency", 4.5),
    ],
)
def test_each_metric(metric: str, expected: float) -> None:
    given = {
        "4xx": 3,
        "5xx": 1,
        "overflows": 2,
        "timeouts": 1,
        "gpu_energy_mj": 5_000,
        "tokens_in": 5,
        "tokens_out": 10,
        "bytes_in": 100,
        "bytes_out": 200,
    }
    assert read(minute(requests=10, active=3, **given), metric).value == pytest.approx(expected)


def test_every_metric_has_words_and_is_read_without_harm() -> None:
    for name, metric in METRICS.items():
        assert metric.words
        assert read(minute(requests=1), name).value is not None
        assert read({}, name).missing


def test_percentiles_are_merged_from_buckets_and_never_averaged() -> None:
    points = minute(requests=100, latency=5)
    points[ago(10)] = values(requests=100, latency=1000)
    merged = percentile({5: 500, 1000: 100}, 95)
    assert read(points, "RequestLatency_P95").value == merged
    assert read(points, "RequestLatency_P50").value == percentile({5: 500, 1000: 100}, 50)


@pytest.mark.parametrize(
    ("statistic", "aggregation", "expected"),
    [
        (Statistic.AVERAGE, Aggregation.AVERAGE, 35),
        (Statistic.AVERAGE, Aggregation.MINIMUM, 15),
        (Statistic.AVERAGE, Aggregation.MAXIMUM, 55),
        (Statistic.AVERAGE, Aggregation.LAST, 55),
        (Statistic.MAX, Aggregation.AVERAGE, 40),
        (Statistic.MIN, Aggregation.MINIMUM, 10),
        (Statistic.COUNT, Aggregation.AVERAGE, 2),
        (Statistic.COUNT, Aggregation.TOTAL, 6),
        (Statistic.AVERAGE, Aggregation.COUNT, 3),
    ],
)
def test_samples_within_grains_within_the_window(
    statistic: Statistic, aggregation: Aggregation, expected: float
) -> None:
    points = {ago(70 - 10 * number): values(active=10 * number) for number in range(1, 7)}
    given = {"grain": timedelta(seconds=20), "statistic": statistic, "aggregation": aggregation}
    assert read(points, "InFlight", **given).value == expected


def test_sums_are_of_what_was_counted_not_of_rates() -> None:
    given = {"statistic": Statistic.SUM, "aggregation": Aggregation.TOTAL, "grain": timedelta(seconds=20)}
    assert read(minute(requests=10), "RequestsPerMinute", **given).value == 60


def test_the_interval_that_is_not_over_counts_for_what_it_covers() -> None:
    points = minute(requests=10) | {NOW: SampleValues(covered_ms=2000, counts={"2xx": 32})}
    assert read(points, "RequestsPerMinute").value == pytest.approx(92 * 60 / 62)


@pytest.mark.parametrize("metric", sorted(METRICS))
def test_what_was_not_measured_cannot_be_read(metric: str) -> None:
    old = {ago(back): values(requests=5) for back in range(200, 300, 10)}
    assert read(old, metric, window=timedelta(minutes=5)).missing  # the last one is too long ago
    assert read({ago(300): values(requests=5)}, metric).missing  # outside of the window
    assert read({ago(10): SampleValues()}, metric).missing  # nothing in it


def test_half_of_the_window_must_have_been_counted() -> None:
    five = timedelta(minutes=5)
    newest = {ago(back): values(requests=5) for back in range(10, 150, 10)}
    assert read(newest, "RequestsPerMinute", window=five).missing
    assert read(newest | {ago(150): values(requests=5)}, "RequestsPerMinute", window=five).value == 30
    assert read(newest, "CpuUtilizationPercentage", window=five).value == 50


def test_latency_without_requests_is_idle_and_a_rate_is_zero() -> None:
    assert read(minute(), "RequestLatency_P95") == Reading(idle=True)
    assert read(minute(), "RequestsPerMinute") == Reading(value=0)
    assert read(minute(), "InFlight") == Reading(value=0)


def test_an_endpoint_s_deployments_stand_beside_each_other() -> None:
    both = {"blue": minute(requests=10, active=3), "green": minute(requests=5, active=4, latency=1000)}
    whole = {"scope": Scope.ENDPOINT}
    assert read(both, "RequestsPerMinute", **whole).value == 90
    assert read(both, "InFlight", **whole).value == 7
    assert read(both, "InFlight", statistic=Statistic.MAX, **whole).value == 7
    assert read(both, "RequestLatency_P99", **whole).value == percentile({5: 60, 1000: 30}, 99)
    only = (Dimension(name="deployment", values=("green",)),)
    assert read(both, "RequestsPerMinute", dimensions=only, **whole).value == 30
    others = (Dimension(name="deployment", values=("green",), excluded=True),)
    assert read(both, "RequestsPerMinute", dimensions=others, **whole).value == 60


def test_status_classes_can_be_chosen() -> None:
    points = minute(requests=10, **{"5xx": 2})
    failed = (Dimension(name="statusCodeClass", values=("5xx",)),)
    assert read(points, "RequestsPerMinute", dimensions=failed).value == 12


def test_long_windows_read_minutes_and_short_ones_ten_seconds() -> None:
    assert resolution_of(trigger(window=timedelta(minutes=5))) == 10
    assert resolution_of(trigger(window=timedelta(minutes=10))) == 60
    assert resolution_of(trigger(window=timedelta(hours=1), grain=timedelta(seconds=30))) == 10
