"""Ten seconds, a minute, an hour: the same whatever the way there."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from endpoints.domain.buckets import LATENCY_BOUNDS_MS
from endpoints.domain.packing import COLUMNS, columns, merged_rows, unpacked
from endpoints.domain.rollups import (
    COUNTED,
    GAUGES,
    HOUR,
    MINUTE,
    TEN_SECONDS,
    Gauge,
    SampleValues,
    aligned,
    merged,
    together,
)

gauges = st.none() | st.integers(0, 2**40).map(Gauge.of)
samples = st.builds(
    SampleValues,
    covered_ms=st.integers(0, 60_000),
    counts=st.dictionaries(st.sampled_from(COUNTED), st.integers(0, 1000)),
    latency=st.dictionaries(st.sampled_from(LATENCY_BOUNDS_MS), st.integers(0, 1000), max_size=6),
    mirror_latency=st.dictionaries(st.sampled_from(LATENCY_BOUNDS_MS), st.integers(0, 1000), max_size=6),
    cpu_ms=st.integers(0, 60_000),
    cpu_covered_ms=st.integers(0, 60_000),
    **dict.fromkeys(GAUGES, gauges),
)


@given(st.lists(samples, max_size=8), st.integers(0, 8), st.randoms())
def test_any_grouping_in_any_order_gives_the_same(parts: list[SampleValues], cut: int, chance: Any) -> None:
    whole = merged(parts)
    chance.shuffle(parts)
    assert merged([merged(parts[:cut]), merged(parts[cut:])]) == whole
    assert merged([whole]) == whole


@given(samples)
def test_what_is_stored_is_what_is_read(values: SampleValues) -> None:
    stored = columns(values)
    read = unpacked(*(stored[name] for name in COLUMNS))
    assert read == without_zeros(values)
    assert (stored["requests"], stored["errors"]) == (values.requests, values.errors)


@given(st.lists(samples, max_size=8))
def test_stored_rows_are_merged_as_what_they_hold(parts: list[SampleValues]) -> None:
    stored = [columns(values) for values in [*parts, *parts]]
    rows = [(row["covered_ms"], row["latency"], row["mirror_latency"], row["more"]) for row in stored]
    assert without_zeros(merged_rows(rows)) == without_zeros(merged(unpacked(*row) for row in rows))


def test_rows_of_before_there_were_more_gauges_are_still_read() -> None:
    """Bytes as they lie in databases: what is added later goes behind them."""
    more = bytes.fromhex(
        "0d0300000f6061646566676878797a7b696a6b0700020084031027020005000100040001000100060006000600000000c0000000c0000000c0"
    )
    assert unpacked(10_000, bytes.fromhex("040007000000"), b"", more) == SampleValues(
        covered_ms=10_000,
        counts={"2xx": 7, "connections": 2},
        latency={5: 7},
        cpu_ms=900,
        cpu_covered_ms=10_000,
        active=Gauge(count=2, total=5, low=1, high=4),
        memory_bytes=Gauge.of(3 * 2**30),
        open_connections=Gauge.of(6),
    )


def without_zeros(values: SampleValues) -> SampleValues:
    kept: dict[str, Any] = {name: known(getattr(values, name)) for name in ("counts", "latency", "mirror_latency")}
    return replace(values, **kept)


def known(numbers: dict[Any, int]) -> dict[Any, int]:
    return {name: number for name, number in numbers.items() if number}


def test_requests_and_errors() -> None:
    values = SampleValues(counts={"2xx": 5, "3xx": 1, "4xx": 2, "5xx": 3, "model_errors": 2, "timeouts": 1})
    assert (values.requests, values.errors) == (11, 5)


def test_copies_are_no_requests() -> None:
    values = SampleValues(counts={"2xx": 5, "mirror_requests": 7, "mirror_failures": 3}, mirror_latency={10: 7})
    assert (values.requests, values.errors, values.mirror_requests, dict(values.latency)) == (5, 0, 7, {})
    assert merged([values, values]).mirror_latency == {10: 14}


def test_a_gauge_keeps_its_extremes() -> None:
    gauge = merged(SampleValues(active=Gauge.of(value)) for value in (4, 1, 7)).active
    assert gauge == Gauge(count=3, total=12, low=1, high=7)
    assert gauge is not None
    assert gauge.mean == 4
    assert merged([]).active is None


def test_deployments_together_share_the_time() -> None:
    one, two = (SampleValues(covered_ms=10_000, counts={"2xx": count}) for count in (3, 4))
    both = together([one, two])
    assert (both.covered_ms, both.counts) == (10_000, {"2xx": 7})


@given(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)), st.sampled_from((TEN_SECONDS, MINUTE, HOUR)))
def test_intervals_are_aligned_and_nest(at: datetime, seconds: int) -> None:
    at = at.replace(tzinfo=UTC)
    start = aligned(at, seconds)
    assert start <= at < start + timedelta(seconds=seconds)
    assert start.timestamp() % seconds == 0
    assert aligned(start, 3600) == aligned(at, 3600)
