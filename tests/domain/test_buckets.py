"""Buckets merge in any order, and percentiles are as near as they promise."""

import math

from hypothesis import given
from hypothesis import strategies as st

from endpoints.domain.buckets import (
    LATENCY_BOUNDS_MS,
    bucket_of,
    error_bound,
    lower_bound,
    merge,
    percentile,
)
from endpoints.gateway.envoy.bootstrap import latency_bounds

milliseconds = st.floats(0.001, 300_000)
histograms = st.dictionaries(st.sampled_from(LATENCY_BOUNDS_MS), st.integers(0, 10_000), max_size=12)


def histogram(values: list[float]) -> dict[int, int]:
    return merge({bucket_of(value): 1} for value in values)


def test_the_bounds_are_those_of_the_gateway() -> None:
    """Its 0.5 stands for all below 1: it counts whole milliseconds."""
    assert [0.5, *LATENCY_BOUNDS_MS] == latency_bounds()


def test_a_bucket_is_at_most_15_percent_wide_or_a_millisecond() -> None:
    for bound in LATENCY_BOUNDS_MS:
        width = bound - lower_bound(bound)
        assert width == 1 or width <= 0.15 * lower_bound(bound)


@given(milliseconds)
def test_every_latency_has_its_bucket(value: float) -> None:
    bound = bucket_of(value)
    assert lower_bound(bound) <= value < bound


@given(st.lists(histograms, max_size=6), st.randoms())
def test_any_grouping_gives_the_same(parts: list[dict[int, int]], chance: object) -> None:
    shuffled = list(parts)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    middle = len(parts) // 2
    assert merge(parts) == merge(shuffled) == merge([merge(shuffled[:middle]), merge(shuffled[middle:])])


@given(st.lists(milliseconds, min_size=1, max_size=200), st.sampled_from([50, 90, 95, 99, 100]))
def test_a_percentile_is_within_its_error_bound(values: list[float], percent: int) -> None:
    found = percentile(histogram(values), percent)
    exact = sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]
    assert found is not None
    assert abs(found - exact) <= error_bound(exact)


@given(histograms)
def test_percentiles_rise(latency: dict[int, int]) -> None:
    values = [percentile(latency, percent) for percent in (1, 50, 95, 99, 100)]
    known = [value for value in values if value is not None]
    assert known == sorted(known)
    assert len(known) == (5 if sum(latency.values()) else 0)


def test_a_percentile_of_merged_buckets_is_not_a_mean_of_percentiles() -> None:
    fast, slow = {2: 990}, {1139: 10}
    p95 = percentile(merge([fast, slow]), 95)
    assert p95 is not None
    assert p95 < 2
    assert percentile(slow, 95) > 1000  # type: ignore[operator]
    assert percentile({}, 95) is None
