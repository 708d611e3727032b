"""What is kept of one deployment and interval, and how intervals become longer ones.

Everything is a whole number and every merge is a sum or an extreme: any grouping, in any order, gives the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta

from endpoints.domain.buckets import Latency, merge

TEN_SECONDS, MINUTE, HOUR, DAY = 10, 60, 3600, 86_400
RESOLUTIONS = (TEN_SECONDS, MINUTE, HOUR, DAY)
# By the pass itself; what is longer is rolled up from the next shorter once it is over.
WRITTEN = (TEN_SECONDS, MINUTE)
FINER = {HOUR: MINUTE, DAY: HOUR}
RETENTION = {TEN_SECONDS: timedelta(days=1), MINUTE: timedelta(days=15), HOUR: timedelta(days=400)}
CLASSES = ("2xx", "3xx", "4xx", "5xx")
# As the caller saw them: model_errors (424), timeouts (408) and overflows (429) are some of 4xx.
COUNTS = (*CLASSES, "model_errors", "timeouts", "overflows", "retries", "connect_failures", "bytes_in", "bytes_out")
# Copies of requests, which nobody waits for: in none of the counts above. Timeouts and overflows (dropped, because the
# deployment had enough copies to work on) are some of the failures.
MIRROR_COUNTS = ("mirror_requests", "mirror_failures", "mirror_timeouts", "mirror_overflows")
# `connections` are those that the gateway opened to replicas; `gpu_energy_mj` is in millijoules; tokens are those that
# servers tell of.
# Rows hold the place of a name instead of it: append, and never take out or move.
COUNTED = (*COUNTS, *MIRROR_COUNTS, "connections", "gpu_energy_mj", "tokens_in", "tokens_out")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """A value that was looked at `count` times: its sum, its lowest and its highest."""

    count: int
    total: int
    low: int
    high: int

    @classmethod
    def of(cls, value: int) -> "Gauge":
        return cls(count=1, total=value, low=value, high=value)

    @property
    def mean(self) -> float:
        return self.total / self.count


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleValues:
    """Times in milliseconds. Rates are per `covered_ms`, the time in which the requests were counted: when a scrape
    is missed, the next one's counts belong to all of the time since, and the rate stays true.

    `cpu_ms` is the CPU that replicas used, `cpu_covered_ms` the time in which they did, both summed over replicas.
    """

    covered_ms: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)  # the names of COUNTED
    latency: Latency = field(default_factory=dict)
    mirror_latency: Latency = field(default_factory=dict)
    cpu_ms: int = 0
    cpu_covered_ms: int = 0
    # Rows hold the place of a gauge instead of its name: append, and never take out or move.
    active: Gauge | None = None  # requests in flight
    memory_bytes: Gauge | None = None  # of each replica, resident
    ready: Gauge | None = None
    wanted: Gauge | None = None
    concurrency_limit: Gauge | None = None  # requests in flight that all ready replicas together take
    open_connections: Gauge | None = None  # between the gateway and the replicas
    # Of each replica, in hundredths of a percent: the disk it writes to, and the GPUs that it works on.
    disk: Gauge | None = None
    gpu: Gauge | None = None
    gpu_memory: Gauge | None = None

    @property
    def requests(self) -> int:
        return sum(self.counts.get(name, 0) for name in CLASSES)

    @property
    def errors(self) -> int:
        return self.counts.get("4xx", 0) + self.counts.get("5xx", 0)

    @property
    def mirror_requests(self) -> int:
        return self.counts.get("mirror_requests", 0)


GAUGES = tuple(item.name for item in fields(SampleValues) if item.type == Gauge | None)


def merged(values: Iterable[SampleValues]) -> SampleValues:
    values = list(values)
    return SampleValues(
        covered_ms=sum(item.covered_ms for item in values),
        counts=_sums(item.counts for item in values),
        latency=merge(item.latency for item in values),
        mirror_latency=merge(item.mirror_latency for item in values),
        cpu_ms=sum(item.cpu_ms for item in values),
        cpu_covered_ms=sum(item.cpu_covered_ms for item in values),
        **{
            name: _gauge(found)
            for name in GAUGES
            if (found := [gauge for item in values if (gauge := getattr(item, name)) is not None])
        },
    )


def together(values: Iterable[SampleValues]) -> SampleValues:
    """Several deployments in the same interval: requests add up, the time does not."""
    values = list(values)
    return replace(merged(values), covered_ms=max((item.covered_ms for item in values), default=0))


def _sums(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for each in counts:
        for name, value in each.items():
            total[name] = total.get(name, 0) + value
    return total


def _gauge(found: Sequence[Gauge]) -> Gauge:
    if len(found) == 1:
        return found[0]
    return Gauge(
        count=sum(gauge.count for gauge in found),
        total=sum(gauge.total for gauge in found),
        low=min(gauge.low for gauge in found),
        high=max(gauge.high for gauge in found),
    )


def aligned(at: datetime, seconds: int) -> datetime:
    """The start of the interval of that length that holds `at`, counted from 1970 in UTC."""
    return at - timedelta(seconds=at.timestamp() % seconds)
