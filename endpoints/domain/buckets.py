"""Latency histograms that can be added up: counts in fixed, log-spaced buckets.

`Buckets` is a histogram in its stored form: the counts in the order of the buckets, where -n stands for n empty ones
and the empty ones at the end are left out. Equal histograms are equal tuples, and a JSON list holds one.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

Buckets = tuple[int, ...]

# Twenty steps a decade, Renard's R20 with two digits: a gateway whose histogram keeps two significant digits, as
# Envoy's does, can be read without error. Part of what is stored: append to it, never change it.
STEPS = (10, 11, 12, 14, 16, 18, 20, 22, 25, 28, 32, 36, 40, 45, 50, 56, 63, 71, 80, 90)
LATENCY_BOUNDARIES_MS: tuple[int, ...] = (
    *range(1, 10),
    *(step * decade for decade in (1, 10, 100, 1000) for step in STEPS),
    *(step * 10_000 for step in STEPS if step <= 32),
)

EMPTY: Buckets = ()


def bucket_of(milliseconds: float) -> int:
    """The bucket n that holds it, from boundary n-1 (0 for the first) up to, and without, boundary n.

    The last one has no upper end.
    """
    return bisect_right(LATENCY_BOUNDARIES_MS, milliseconds)


def collect(counts: Iterable[tuple[float, int]]) -> Buckets:
    """Pairs of latency in milliseconds and how often it was."""
    found: Counter[int] = Counter()
    for milliseconds, count in counts:
        found[bucket_of(milliseconds)] += count
    return _packed(found)


def merge(histograms: Iterable[Buckets]) -> Buckets:
    found: Counter[int] = Counter()
    for histogram in histograms:
        for bucket, count in filled(histogram):
            found[bucket] += count
    return _packed(found)


def difference(previous: Buckets, current: Buckets) -> Buckets:
    """What came in between two readings of one growing histogram. One that shrank anywhere began anew: all of it."""
    if previous == current:
        return EMPTY
    before, found = dict(filled(previous)), dict(filled(current))
    if any(found.get(bucket, 0) < count for bucket, count in before.items()):
        return current
    return _packed({bucket: count - before.get(bucket, 0) for bucket, count in found.items()})


def total(histogram: Buckets) -> int:
    return sum(number for number in histogram if number > 0)


def percentile(histogram: Buckets, percent: float) -> float | None:
    """In milliseconds, 0 < percent <= 100; None without requests.

    Interpolated in the bucket in which the request of this rank truly lies, so the error is less than that bucket's
    width: see `error_bound`.
    """
    wanted, below = total(histogram) * percent, 0
    for bucket, count in filled(histogram):
        if (below + count) * 100 >= wanted:
            return _interpolated(bucket, (wanted / 100 - below) / count)
        below += count
    return None


def error_bound(milliseconds: float) -> float:
    """By how many milliseconds a percentile of this value can be off: 1 below 10 ms, then a sixth of it at most."""
    lower, upper = _edges(min(bucket_of(milliseconds), len(LATENCY_BOUNDARIES_MS) - 1))
    return upper - lower


def filled(histogram: Buckets) -> Iterator[tuple[int, int]]:
    """Pairs of bucket and count, in order, without the empty ones."""
    bucket = 0
    for number in histogram:
        if number < 0:
            bucket -= number
        else:
            yield bucket, number
            bucket += 1


def _packed(counts: Mapping[int, int]) -> Buckets:
    packed: list[int] = []
    following = 0
    for bucket in sorted(counts):
        if not counts[bucket]:
            continue
        if bucket > following:
            packed.append(following - bucket)
        packed.append(counts[bucket])
        following = bucket + 1
    return tuple(packed)


def _interpolated(bucket: int, share: float) -> float:
    lower, upper = _edges(bucket)
    return lower + (upper - lower) * share


def _edges(bucket: int) -> tuple[float, float]:
    """The last bucket has no upper end: what lies in it is told as its lower one."""
    lower = LATENCY_BOUNDARIES_MS[bucket - 1] if bucket else 0
    upper = LATENCY_BOUNDARIES_MS[bucket] if bucket < len(LATENCY_BOUNDARIES_MS) else lower
    return float(lower), float(upper)
