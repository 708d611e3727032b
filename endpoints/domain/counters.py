"""What happened between two scrapes of counters that only grow, and begin again at zero when their process does."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from endpoints.domain.buckets import Latency


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterCounters:
    """One deployment at the gateway, or the copies for it. `counts` and `latency` grow; the rest is as of now.

    `counts` has names of rollups.COUNTED; what is missing is zero.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    latency: Latency = field(default_factory=dict)
    active: int = 0  # requests in flight
    waiting: int = 0  # requests in line for a connection
    healthy: int = 0  # upstreams in rotation
    open_connections: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySnapshot:
    """Everything at one moment. `identity` names the process that counted; it changes when that starts anew.

    How long that runs, `at - started_at`, is told by a clock that nobody sets.
    """

    identity: str
    started_at: datetime
    at: datetime
    clusters: Mapping[str, ClusterCounters]
    left_out: int = 0  # clusters beyond what is read

    @property
    def age_ms(self) -> int:
        return milliseconds(self.started_at, self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessReading:
    """One process tree. `cpu_ms` grows as long as `identity` is the same. Shares are in hundredths of a percent: of the
    disk that it writes to, and of the GPUs that it works on; None where there is none, or nobody tells.

    `energy_mj` grows by GPU, since its driver was loaded: of each that it works on, whoever else does. `tokens` grow
    since the server began; empty where it did not tell.
    """

    identity: str
    started_at: datetime
    cpu_ms: int
    memory_bytes: int
    disk: int | None = None
    gpu: int | None = None
    gpu_memory: int | None = None
    energy_mj: Mapping[str, int] = field(default_factory=dict)
    tokens: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What is kept of the scrape before."""

    identity: str
    at: datetime
    age_ms: int | None = None  # not known of a scrape that an earlier version of the studio kept
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    latency: Mapping[str, Latency] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """`covered_ms` is the time in which it happened."""

    covered_ms: int
    counts: Mapping[str, Mapping[str, int]]
    latency: Mapping[str, Latency]


def growth(before: Before | None, now: GatewaySnapshot) -> Growth | None:
    """None when the snapshot is the one before, or older: then there is nothing to add. The time of day has no say in
    that: it may be set.

    A new process counted from zero, since its own start. What the old one counted after its last scrape is lost.
    """
    known = before if before is not None and before.identity == now.identity else None
    covered_ms = _since(known, now) if known else now.age_ms
    if known and covered_ms <= 0:
        return None
    counts, latency = (known.counts, known.latency) if known else ({}, {})
    return Growth(
        covered_ms=max(0, covered_ms),
        counts={name: increases(counts.get(name, {}), item.counts) for name, item in now.clusters.items()},
        latency={name: whole_increase(latency.get(name, {}), item.latency) for name, item in now.clusters.items()},
    )


def _since(known: Before, now: GatewaySnapshot) -> int:
    return milliseconds(known.at, now.at) if known.age_ms is None else now.age_ms - known.age_ms


def increases(before: Mapping[str, int], now: Mapping[str, int]) -> dict[str, int]:
    """Each counter by itself: one that shrank began again at zero."""
    grown = {
        name: value - before.get(name, 0) if value >= before.get(name, 0) else value for name, value in now.items()
    }
    return {name: value for name, value in grown.items() if value}


def whole_increase(before: Latency, now: Latency) -> dict[int, int]:
    """A histogram begins anew as a whole: one bucket that shrank tells it of all."""
    if any(now.get(bound, 0) < count for bound, count in before.items()):
        before = {}
    return {bound: count - before.get(bound, 0) for bound, count in now.items() if count > before.get(bound, 0)}


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownProcess:
    """What is kept of one process."""

    identity: str
    at: datetime
    cpu_ms: int
    energy_mj: Mapping[str, int] = field(default_factory=dict)
    tokens: Mapping[str, int] = field(default_factory=dict)

    def seen(self, now: ProcessReading, at: datetime) -> "KnownProcess":
        """What is kept of it from then on: what was not told this time stays as it was known."""
        tokens = now.tokens or (self.tokens if self.identity == now.identity else {})
        return replace(known_process(now, at), tokens=tokens)


def known_process(now: ProcessReading, at: datetime) -> KnownProcess:
    return KnownProcess(identity=now.identity, at=at, cpu_ms=now.cpu_ms, energy_mj=now.energy_mj, tokens=now.tokens)


def cpu_growth(before: KnownProcess | None, now: ProcessReading, at: datetime) -> tuple[int, int]:
    """(milliseconds of CPU, milliseconds in which they were used).

    A child that was killed takes its time with it: the same process with less has used nothing, it did not begin anew.
    """
    if before is not None and before.identity == now.identity:
        return max(0, now.cpu_ms - before.cpu_ms), max(0, milliseconds(before.at, at))
    return now.cpu_ms, max(1, milliseconds(now.started_at, at))


def energy_growth(before: KnownProcess | None, now: ProcessReading, sharers: Mapping[str, int]) -> int:
    """Millijoules since. What a GPU used is shared by the replicas that work on it, `sharers` by GPU; what it used
    before this process was seen on it is not known, nor while its driver was loaded anew."""
    known = before.energy_mj if before is not None and before.identity == now.identity else {}
    return sum(max(0, used - known[gpu]) // sharers[gpu] for gpu, used in now.energy_mj.items() if gpu in known)


def tokens_growth(before: KnownProcess | None, now: ProcessReading) -> dict[str, int]:
    """Since they were told last: a server counts from zero since its start, or since it was started anew within the
    same process."""
    return increases(before.tokens if before is not None and before.identity == now.identity else {}, now.tokens)


def milliseconds(start: datetime, end: datetime) -> int:
    return round((end - start).total_seconds() * 1000)
