"""Latency as mergeable buckets. Percentiles come from merged buckets; they are never averaged.

A latency histogram maps the upper bound of a bucket, in whole milliseconds, to a number of requests. A bucket
holds what took as long as the bound before or longer, and less than its own. The error of a percentile is at most the
width of its bucket: 1 ms below 14 ms, 15 % above.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping

Latency = Mapping[int, int]


def _bounds() -> tuple[int, ...]:
    bounds = [1]
    while bounds[-1] < 300_000:
        bounds.append(max(bounds[-1] + 1, int(bounds[-1] * 1.15)))
    return tuple(bounds)


LATENCY_BOUNDS_MS = _bounds()


def bucket_of(milliseconds: float) -> int:
    """The upper bound of the bucket; what is above the last one counts there."""
    return LATENCY_BOUNDS_MS[min(bisect_right(LATENCY_BOUNDS_MS, milliseconds), len(LATENCY_BOUNDS_MS) - 1)]


def merge(histograms: Iterable[Latency]) -> dict[int, int]:
    total: dict[int, int] = {}
    for histogram in histograms:
        for bound, count in histogram.items():
            total[bound] = total.get(bound, 0) + count
    return total


def percentile(latency: Latency, percent: float) -> float | None:
    """Milliseconds, interpolated within the bucket; None without requests."""
    total = sum(latency.values())
    if total <= 0:
        return None
    rank, below = total * percent / 100, 0
    for bound in sorted(latency):
        count = latency[bound]
        if count and below + count >= rank:
            lower = lower_bound(bound)
            return lower + (bound - lower) * (rank - below) / count
        below += count
    return float(max(bound for bound, count in latency.items() if count))


def error_bound(milliseconds: float) -> float:
    """By how many milliseconds a percentile of this value can be off at most."""
    bound = bucket_of(milliseconds)
    return float(bound - lower_bound(bound))


def lower_bound(bound: int) -> int:
    """Where the bucket of this upper bound begins. Bounds of another table find their nearest place in this one."""
    index = bisect_left(LATENCY_BOUNDS_MS, bound)
    return LATENCY_BOUNDS_MS[index - 1] if index else 0
