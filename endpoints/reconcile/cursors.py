"""What the collector knows of its last pass: three rows, written with what was made of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Max

from endpoints.domain.counters import Before, GatewaySnapshot, KnownProcess, ProcessReading, known_process
from endpoints.domain.pricing import Slice, Terms
from endpoints.enums import UsagePhase
from endpoints.models import CounterCursor, Usage
from endpoints.models.upserts import Values, upsert
from endpoints.reconcile.billing import Billed

GATEWAY, PROCESSES, BILLING = "gateway", "processes", "billing"
FORGOTTEN = timedelta(hours=2)  # after which a replica that is gone needs no memory: its next process starts later


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    gateway: Before | None = None
    processes: Mapping[str, KnownProcess] = field(default_factory=dict)
    billing: Mapping[str, Billed] = field(default_factory=dict)


def load() -> Known:
    """Inside atomic(): the rows stay as they are until it ends."""
    rows = {row.name: row for row in CounterCursor.objects.select_for_update()}
    return Known(
        gateway=_gateway(rows[GATEWAY]) if GATEWAY in rows else None,
        processes=_processes(rows[PROCESSES]) if PROCESSES in rows else {},
        billing=_billing(rows[BILLING].counters) if BILLING in rows else _billing_of_rows(),
    )


def save(
    known: Known,
    gateway: GatewaySnapshot | None,
    processes: Mapping[str, ProcessReading],
    billed: Mapping[str, Billed],
    *,
    now: datetime,
) -> None:
    """A gateway of None stays as it was known."""
    rows = [
        _row(PROCESSES, now, _remembered(known.processes, processes, now)),
        _row(BILLING, now, {key: _slice(item) for key, item in billed.items() if _matters(item, now)}),
    ]
    if gateway is not None:
        counters = _counters(known.gateway, gateway)
        rows.append(_row(GATEWAY, gateway.at, counters | {"age_ms": gateway.age_ms}, identity=gateway.identity))
    upsert(CounterCursor, rows, keys=["name"], update=["identity", "scraped_at", "counters"])


def _remembered(
    known: Mapping[str, KnownProcess], seen: Mapping[str, ProcessReading], now: datetime
) -> dict[str, list[Any]]:
    """A process that was not seen this once is remembered: seen again, it must not count from its start anew."""
    kept = {key: item for key, item in known.items() if now - item.at < FORGOTTEN}
    kept |= {
        key: known[key].seen(item, now) if key in known else known_process(item, now) for key, item in seen.items()
    }
    return {key: [item.identity, item.cpu_ms, item.at.isoformat(), *_told(item)] for key, item in kept.items()}


def _told(item: KnownProcess) -> list[Mapping[str, Mapping[str, int]]]:
    """Most processes tell nothing more."""
    found = {"energy_mj": dict(item.energy_mj), "tokens": dict(item.tokens)}
    return [{name: counts for name, counts in found.items() if counts}] if any(found.values()) else []


def _row(name: str, at: datetime, counters: Any, *, identity: str = "") -> Values:
    return {"name": name, "identity": identity, "scraped_at": at, "counters": counters}


def _counters(known: Before | None, snapshot: GatewaySnapshot) -> dict[str, Any]:
    """A deployment without a route for a while keeps its place: its counters may still be there when it is back."""
    before = known if known is not None and known.identity == snapshot.identity else None
    counts = {**(before.counts if before else {}), **{k: v.counts for k, v in snapshot.clusters.items()}}
    latency = {**(before.latency if before else {}), **{k: v.latency for k, v in snapshot.clusters.items()}}
    return {"counts": counts, "latency": {name: dict(value) for name, value in latency.items() if value}}


def _gateway(row: CounterCursor) -> Before:
    latency = {
        name: {int(bound): count for bound, count in value.items()} for name, value in row.counters["latency"].items()
    }
    return Before(
        identity=row.identity,
        at=row.scraped_at,
        age_ms=row.counters.get("age_ms"),
        counts=row.counters["counts"],
        latency=latency,
    )


def _processes(row: CounterCursor) -> dict[str, KnownProcess]:
    return {
        replica: KnownProcess(
            identity=identity, at=datetime.fromisoformat(at), cpu_ms=cpu_ms, **(told[0] if told else {})
        )
        for replica, (identity, cpu_ms, at, *told) in row.counters.items()
    }


def _matters(billed: Billed, now: datetime) -> bool:
    return billed.held or now - billed.last.ended_at < FORGOTTEN


def _slice(billed: Billed) -> dict[str, Any]:
    last = billed.last
    return {
        "held": billed.held,
        "started_at": last.started_at.isoformat(),
        "ended_at": last.ended_at.isoformat(),
        "instance_type": last.terms.instance_type,
        "phase": last.terms.phase,
        "price": str(last.terms.unit_price),
    }


def _billing(counters: Mapping[str, Any]) -> dict[str, Billed]:
    return {replica: Billed(last=_read(found), held=found["held"]) for replica, found in counters.items()}


def _read(found: Mapping[str, Any]) -> Slice:
    return Slice(
        started_at=datetime.fromisoformat(found["started_at"]),
        ended_at=datetime.fromisoformat(found["ended_at"]),
        terms=Terms(
            instance_type=found["instance_type"],
            phase=UsagePhase(found["phase"]),
            unit_price=Decimal(found["price"]),
        ),
    )


def _billing_of_rows() -> dict[str, Billed]:
    """The first pass of all, or one after the row was lost: from what was billed. Nothing is open then."""
    ends = Usage.objects.values("replica_id").annotate(ended=Max("ended_at")).values_list("replica_id", "ended")
    nothing = Terms(instance_type="", phase=UsagePhase.RUNNING, unit_price=Decimal(0))
    return {
        replica: Billed(last=Slice(started_at=ended, ended_at=ended, terms=nothing), held=False)
        for replica, ended in ends
    }
