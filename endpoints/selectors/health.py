"""How every part of the studio stands, for its IT. Nothing is asked here but the database: what is slow to ask was
asked in the background."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from django.conf import settings
from django.template.defaultfilters import filesizeformat

from endpoints import wiring
from endpoints.domain import health
from endpoints.domain.health import Verdict
from endpoints.domain.health_readings import (
    CertificateReading,
    DatabaseReading,
    DiskReading,
    GatewayReading,
    ProgramsReading,
    QueueReading,
    from_json,
)
from endpoints.domain.oidc import is_loopback
from endpoints.models import AuditForwarder, AuditState, CollectorPass, GatewayState, SiteReading, TrafficLogState
from endpoints.selectors.site import backups

RECENT_PASSES = 30
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """`at` in place of a text: pages show times in their own way."""

    label: str
    text: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """`name` is its section in the runbook too."""

    name: str
    title: str
    verdict: Verdict
    facts: tuple[Fact, ...] = ()


class _Seen:
    """What was seen last of each part."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._rows = {row.name: row for row in SiteReading.objects.all()}
        programs = None if self.unseen("programs") else self.last("programs", ProgramsReading)
        self.programs = programs or ProgramsReading()

    def last(self, name: str, kind: type[R]) -> R | None:
        """From when it answered last."""
        row = self._rows.get(name)
        return from_json(kind, row.values) if row is not None and row.values else None

    def now_or_error(self, name: str, kind: type[R]) -> tuple[R | None, str]:
        row = self._rows.get(name)
        if row is None or row.error:
            return None, row.error if row is not None else ""
        return self.last(name, kind), ""

    def unseen(self, name: str) -> Verdict | None:
        row = self._rows.get(name)
        return health.unseen(row.at if row is not None else None, self.now)

    def row(self, name: str) -> SiteReading | None:
        return self._rows.get(name)

    def started(self, *names: str) -> tuple[Fact, ...]:
        """Since when these of the studio's programs run."""
        found = [program for name in names if (program := self.programs.named(f"studio-{name}")) is not None]
        return tuple(
            Fact(label="Runs since" if len(names) == 1 else f"{program.name} since", at=program.started_at)
            for program in found
            if program.running
        )


def site_parts(*, now: datetime, interval: int) -> list[Part]:
    """`interval`: seconds between two passes of the collector. Eight queries."""
    seen = _Seen(now)
    return [
        *(_web(seen), _workers(seen), _broker(seen), _database(seen), _gateway(seen), _collector(seen, interval)),
        *(_disk(seen), _certificate(seen), _sandbox(), _traffic_log(seen), _telemetry(seen)),
        *(_backups(now), _history(now)),
    ]


def _web(seen: _Seen) -> Part:
    facts = (*seen.started("web"), Fact(label="Address", text=settings.STUDIO_PUBLIC_URL))
    return Part(name="web", title="Web", verdict=health.web(seen.programs), facts=facts)


def _workers(seen: _Seen) -> Part:
    queue, error = seen.now_or_error("queue", QueueReading)
    verdict = seen.unseen("queue") or health.workers(queue, error, seen.programs, seen.now)
    facts = _queue_facts(queue) if queue is not None else ()
    return Part(name="workers", title="Workers", verdict=verdict, facts=facts)


def _queue_facts(queue: QueueReading) -> tuple[Fact, ...]:
    return (
        Fact(label="Workers", text=str(queue.workers)),
        Fact(label="Tasks waiting", text=str(queue.waiting)),
        Fact(label="Tasks in hand", text=str(queue.in_hand)),
        _time("Oldest task", queue.oldest_at),
    )


def _time(label: str, at: datetime | None, *, none: str = "none") -> Fact:
    return Fact(label=label, at=at) if at is not None else Fact(label=label, text=none)


def _broker(seen: _Seen) -> Part:
    queue, error = seen.now_or_error("queue", QueueReading)
    known = queue or seen.last("queue", QueueReading)
    facts: tuple[Fact, ...] = ()
    if known is not None:
        limit = f" of {filesizeformat(known.memory_limit)}" if known.memory_limit else ""
        memory = Fact(label="Memory", text=f"{filesizeformat(known.memory_bytes)}{limit}")
        facts = (Fact(label="Program", text=known.version), memory, *seen.started("broker"))
    verdict = seen.unseen("queue") or health.broker(queue, error)
    return Part(name="broker", title="Broker", verdict=verdict, facts=facts)


def _database(seen: _Seen) -> Part:
    reading, error = seen.now_or_error("database", DatabaseReading)
    facts = _database_facts(reading) if reading is not None else ()
    verdict = seen.unseen("database") or health.database(reading, error)
    return Part(name="database", title="Database", verdict=verdict, facts=facts)


def _database_facts(reading: DatabaseReading) -> tuple[Fact, ...]:
    facts = [Fact(label="Program", text=reading.version), Fact(label="Size", text=filesizeformat(reading.size_bytes))]
    if reading.wal_bytes is not None:
        facts.append(Fact(label="Write-ahead log", text=filesizeformat(reading.wal_bytes)))
    if reading.connections is not None:
        facts.append(Fact(label="Connections", text=f"{reading.connections} of {reading.connection_limit}"))
    if reading.slowest_seconds is not None:
        facts.append(Fact(label="Longest query", text=f"{reading.slowest_seconds:.1f} s"))
    return (*facts, Fact(label="Round trip", text=f"{reading.round_trip_ms:.1f} ms"))


def _gateway(seen: _Seen) -> Part:
    state = GatewayState.objects.filter(pk=1).first() or GatewayState()
    reading, error = seen.now_or_error("gateway", GatewayReading)
    behind = state.desired_revision - state.confirmed_revision
    verdict = seen.unseen("gateway") or health.gateway(
        reading,
        error,
        behind=behind,
        refusal=state.refusal,
        waits_since=max(filter(None, (state.behind_since, state.confirmed_at)), default=None),
        programs=seen.programs,
        now=seen.now,
    )
    facts = (
        Fact(label="Version", text=(reading.version[:12] if reading and reading.version else "unknown")),
        Fact(label="Changes not in force", text=str(behind)),
        _time("Last push", state.confirmed_at),
        _time("Last refusal", state.refused_at),
        *seen.started("gateway"),
    )
    return Part(name="gateway", title="Gateway", verdict=verdict, facts=facts)


def _collector(seen: _Seen, interval: int) -> Part:
    recent = list(CollectorPass.objects.order_by("-started_at")[:RECENT_PASSES])
    last = recent[0] if recent else None
    since = seen.now - timedelta(seconds=3 * interval)
    verdict = health.collector(
        stands_still=last is None or last.started_at + timedelta(milliseconds=last.duration_ms) < since,
        error=last.error if last else "",
        behind=any(item.skipped or item.duration_ms > interval * 1000 for item in recent),
    )
    facts: tuple[Fact, ...] = ()
    if last is not None:
        took = f"{last.duration_ms} ms for {last.deployments} deployment{'' if last.deployments == 1 else 's'}"
        left_out = Fact(label="Intervals left out lately", text=str(sum(item.skipped for item in recent)))
        facts = (Fact(label="Last pass", at=last.started_at), Fact(label="It took", text=took), left_out)
    return Part(name="collector", title="Collector", verdict=verdict, facts=facts)


def _disk(seen: _Seen) -> Part:
    reading, error = seen.now_or_error("disk", DiskReading)
    facts: tuple[Fact, ...] = ()
    if reading is not None:
        left = f"{filesizeformat(reading.free_bytes)} of {filesizeformat(reading.total_bytes)}"
        facts = (Fact(label="Left", text=left), Fact(label="Folder", text=str(settings.STUDIO_DATA_DIR)))
    verdict = seen.unseen("disk") or health.disk(reading, error)
    return Part(name="disk", title="Disk", verdict=verdict, facts=facts)


def _certificate(seen: _Seen) -> Part:
    reading, error = seen.now_or_error("certificate", CertificateReading)
    wanted = settings.STUDIO_TLS_CERTIFICATE is not None
    judged = health.certificate(
        reading, error, wanted=wanted, public=not is_loopback(settings.STUDIO_GATEWAY_HOST), now=seen.now
    )
    facts: tuple[Fact, ...] = ()
    if reading is not None:
        facts = (Fact(label="For", text=reading.names), Fact(label="Expires", text=f"{reading.expires_at:%Y-%m-%d}"))
    verdict = seen.unseen("certificate") or judged if wanted else judged
    return Part(name="certificates", title="Certificates", verdict=verdict, facts=facts)


def _sandbox() -> Part:
    found = wiring.compute().isolation()
    verdict = health.sandbox(
        boxed=found.boxed, own_network=found.own_network, reason=found.reason, network_reason=found.network_reason
    )
    facts = (
        Fact(label="Own mounts, processes, users", text="yes" if found.boxed else "no"),
        Fact(label="Own network", text="yes" if found.own_network else "no"),
    )
    return Part(name="sandbox", title="Isolation of replicas", verdict=verdict, facts=facts)


def _traffic_log(seen: _Seen) -> Part:
    state = TrafficLogState.objects.filter(pk=1).first() or TrafficLogState()
    verdict = health.traffic_log(
        read_at=state.read_at,
        behind_bytes=state.behind_bytes,
        dropped_at=state.dropped_at,
        down=seen.programs.down("studio-traffic-log"),
        now=seen.now,
    )
    facts = (
        Fact(label="Requests kept so far", text=f"{state.kept:,}"),
        Fact(label="Waiting to be read", text=filesizeformat(state.behind_bytes)),
        _time("Last read", state.read_at, none="never"),
    )
    return Part(name="traffic-log", title="Traffic log", verdict=verdict, facts=facts)


def _telemetry(seen: _Seen) -> Part:
    row, wanted = seen.row("telemetry"), bool(settings.STUDIO_OTLP_ENDPOINT)
    verdict = health.telemetry(
        wanted=wanted,
        taken=bool(row and row.values.get("taken")),
        told_at=row.at if row else None,
        down=seen.programs.down("studio-telemetry"),
        interval=timedelta(seconds=settings.STUDIO_OTLP_INTERVAL_SECONDS),
        now=seen.now,
    )
    facts = (Fact(label="Last sending", at=row.at),) if row is not None and wanted else ()
    return Part(name="telemetry", title="Telemetry", verdict=verdict, facts=facts)


def _backups(now: datetime) -> Part:
    found = backups()
    made, tried = (row.finished_at if row else None for row in (found.backup, found.trial))
    facts = (
        _time("Last backup", made),
        _time("Last restore test", tried),
    )
    verdict = health.backups(made_at=made, tried_at=tried, now=now)
    return Part(name="backups", title="Backups", verdict=verdict, facts=facts)


def _history(now: datetime) -> Part:
    state = AuditState.objects.filter(pk=1).first() or AuditState()
    failing = AuditForwarder.objects.filter(address__in=settings.STUDIO_AUDIT_FORWARD).exclude(error="").count()
    verdict = health.history(faults=len(state.faults), verified_at=state.verified_at, failing=failing, now=now)
    verified = f"event {state.verified_event}" if state.verified_at else "nothing yet"
    return Part(name="audit", title="Audit", verdict=verdict, facts=(Fact(label="Verified to", text=verified),))
