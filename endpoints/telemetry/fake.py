"""Statistics in memory, for tests of everything that uses the ports."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from endpoints.domain.buckets import bucket_of
from endpoints.domain.counters import ClusterCounters, GatewaySnapshot, ProcessReading
from endpoints.domain.health_readings import CertificateReading, DiskReading, HostReading, ProgramsReading, QueueReading
from endpoints.telemetry.port import TelemetryUnreachable


@dataclass
class FakeGatewayStatistics:
    """Counts what it is told. `now` is the time of the next scrape; None: the present."""

    now: datetime | None = None
    down: bool = False
    restarts: int = 0
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    clusters: dict[str, ClusterCounters] = field(default_factory=dict)

    def scrape(self) -> GatewaySnapshot:
        if self.down:
            raise TelemetryUnreachable("The fake gateway is down.")
        return GatewaySnapshot(
            identity=f"fake-{self.restarts}",
            started_at=self.started_at,
            at=self.now or datetime.now(UTC),
            clusters=dict(self.clusters),
        )

    def add(self, cluster: str, *, latency_ms: float = 5, active: int = 0, healthy: int = 1, **counts: int) -> None:
        """More requests by class, `add("d-1", ok=3)` being 2xx; all of this latency."""
        counts = {{"ok": "2xx", "client": "4xx", "server": "5xx"}.get(name, name): n for name, n in counts.items()}
        known = self.clusters.get(cluster, ClusterCounters())
        bucket, answered = bucket_of(latency_ms), sum(counts.get(name, 0) for name in ("2xx", "4xx", "5xx"))
        self.clusters[cluster] = replace(
            known,
            counts={name: known.counts.get(name, 0) + counts.get(name, 0) for name in known.counts.keys() | counts},
            latency={**known.latency, bucket: known.latency.get(bucket, 0) + answered},
            active=active,
            healthy=healthy,
        )

    def restart(self, *, at: datetime) -> None:
        """A new process: everything begins again at zero."""
        self.restarts += 1
        self.started_at = at
        self.clusters = {}


@dataclass
class FakeProcesses:
    """`cores` are used by every replica from its start on, with `memory_bytes`."""

    now: datetime | None = None
    cores: float = 0.5
    memory_bytes: int = 100 * 1024**2
    age: timedelta = timedelta(minutes=1)  # of a process when it is seen first
    started: dict[int, datetime] = field(default_factory=dict)

    def scrape(self, pids: Mapping[str, int]) -> dict[str, ProcessReading]:
        now = self.now or datetime.now(UTC)
        return {replica: self._reading(pid, now) for replica, pid in pids.items()}

    def _reading(self, pid: int, now: datetime) -> ProcessReading:
        started = self.started.setdefault(pid, now - self.age)
        return ProcessReading(
            identity=f"{pid}",
            started_at=started,
            cpu_ms=round((now - started).total_seconds() * 1000 * self.cores),
            memory_bytes=self.memory_bytes,
        )


@dataclass
class FakeServers:
    """Of each replica what it has counted."""

    tokens: dict[str, dict[str, int]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)  # the replicas of the last scrape

    def scrape(self, addresses: Mapping[str, str]) -> dict[str, Mapping[str, int]]:
        self.asked = sorted(addresses)
        return {replica: dict(self.tokens[replica]) for replica in addresses if replica in self.tokens}


@dataclass
class FakeSiteParts:
    """All is well, until a test says otherwise: `queue_error` and its like make a part unreachable."""

    running: ProgramsReading = field(default_factory=ProgramsReading)
    tasks: QueueReading = field(
        default_factory=lambda: QueueReading(workers=1, waiting=0, in_hand=0, version="Valkey 9")
    )
    space: DiskReading = field(default_factory=lambda: DiskReading(total_bytes=100 * 2**30, free_bytes=60 * 2**30))
    machine: HostReading = field(
        default_factory=lambda: HostReading(
            name="rack-1", cpus=8, cpu_percent=25.0, memory_bytes=32 * 2**30, memory_used_bytes=8 * 2**30
        )
    )
    listener: CertificateReading | None = None
    broker_error: str = ""

    def programs(self) -> ProgramsReading:
        return self.running

    def queue(self) -> QueueReading:
        if self.broker_error:
            raise TelemetryUnreachable(self.broker_error)
        return self.tasks

    def disk(self) -> DiskReading:
        return self.space

    def host(self) -> HostReading:
        return self.machine

    def folders(self) -> Mapping[str, int]:
        return {"logs": 3 * 2**20}

    def certificate(self) -> CertificateReading | None:
        return self.listener
