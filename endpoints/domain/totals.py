"""What a deployment has had since it was first measured: counters that never go back, and what it had last."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from endpoints.domain.buckets import LATENCY_BOUNDS_MS, Latency, lower_bound, merge
from endpoints.domain.rollups import Gauge, SampleValues

GAUGES = ("active", "memory_bytes", "ready", "wanted")
SHARES = ("disk", "gpu", "gpu_memory")
# Bounds of the exported histogram are bounds of the kept one, so that its counts are exact.
NEAR_MS = (5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000)
EXPORTED_MS = tuple(dict.fromkeys(min(LATENCY_BOUNDS_MS, key=lambda bound: abs(bound - near)) for near in NEAR_MS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    counts: Mapping[str, int] = field(default_factory=dict)
    latency: Latency = field(default_factory=dict)
    cpu_ms: int = 0
    gauges: Mapping[str, int] = field(default_factory=dict)  # of the last pass: sums over replicas, means of SHARES

    def grown(self, values: SampleValues | None) -> "Totals":
        """By what one pass has measured; None: by nothing, and nothing is there any more."""
        if values is None:
            return replace(self, gauges={name: 0 for name in self.gauges if name not in SHARES})
        counts = {
            name: self.counts.get(name, 0) + values.counts.get(name, 0) for name in self.counts.keys() | values.counts
        }
        gauges = {
            name: round(gauge.mean) if name in SHARES else gauge.total
            for name in (*GAUGES, *SHARES)
            if isinstance(gauge := getattr(values, name), Gauge)
        }
        return Totals(
            counts=counts,
            latency=merge((self.latency, values.latency)),
            cpu_ms=self.cpu_ms + values.cpu_ms,
            gauges={**self.gauges, **gauges} if values.active is None else gauges,
        )

    @property
    def seconds(self) -> float:
        """That all requests took together, each taken for the middle of its bucket."""
        return sum(count * (lower_bound(bound) + bound) / 2 for bound, count in self.latency.items()) / 1000

    def cumulative(self) -> list[tuple[float, int]]:
        """(upper bound in seconds, requests below it); all of them are below the last one."""
        found = [
            (bound / 1000, sum(count for inner, count in self.latency.items() if inner <= bound))
            for bound in EXPORTED_MS
        ]
        return [*found, (float("inf"), sum(self.latency.values()))]


def to_json(totals: Totals) -> dict[str, Any]:
    return {
        "counts": dict(totals.counts),
        "latency": {str(bound): count for bound, count in totals.latency.items()},
        "cpu_ms": totals.cpu_ms,
        "gauges": dict(totals.gauges),
    }


def from_json(plain: Mapping[str, Any]) -> Totals:
    return Totals(
        counts=plain.get("counts", {}),
        latency={int(bound): count for bound, count in plain.get("latency", {}).items()},
        cpu_ms=plain.get("cpu_ms", 0),
        gauges=plain.get("gauges", {}),
    )
