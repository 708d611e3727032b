"""From two scrapes to what one interval adds to each deployment's sample. Pure: rows come in, values go out."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from endpoints.domain.counters import (
    ClusterCounters,
    GatewaySnapshot,
    Growth,
    KnownProcess,
    ProcessReading,
    cpu_growth,
    energy_growth,
    tokens_growth,
)
from endpoints.domain.rollups import CLASSES, Gauge, SampleValues, merged
from endpoints.enums import ReplicaState
from endpoints.models import Replica

Measured = dict[UUID, SampleValues]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Of a deployment: how many replicas, and how many requests each takes at once."""

    replicas: int
    at_once: int


def measured(
    deployments: Mapping[UUID, Wanted],
    replicas: Iterable[Replica],
    processes: Mapping[str, ProcessReading],
    known: Mapping[str, KnownProcess],
    gateway: GatewaySnapshot | None,
    grown: Growth | None,
    *,
    now: datetime,
) -> Measured:
    """Of every deployment that has replicas or had requests; of the others there is nothing to say."""
    rows: dict[UUID, list[Replica]] = defaultdict(list)
    for replica in replicas:
        rows[replica.deployment_id].append(replica)
    clusters = gateway.clusters if gateway else {}
    sharers = Counter(gpu for reading in processes.values() for gpu in reading.energy_mj)
    values = {
        deployment: (
            _requests(f"d-{deployment.hex}", clusters, grown),
            _copies(f"m-{deployment.hex}", grown),
            *_replicas(rows[deployment], wanted),
            *(
                _process(processes[row.pk], known.get(row.pk), sharers, now)
                for row in rows[deployment]
                if row.pk in processes
            ),
        )
        for deployment, wanted in deployments.items()
    }
    return {
        deployment: found
        for deployment, parts in values.items()
        if rows[deployment] or parts[0].counts or parts[1].counts
        for found in [merged(parts)]
    }


def _requests(cluster: str, clusters: Mapping[str, ClusterCounters], grown: Growth | None) -> SampleValues:
    """Without a route there is no cluster: then nothing was counted, and the rate is unknown."""
    counters = clusters.get(cluster)
    if counters is None or grown is None:
        return SampleValues()
    return SampleValues(
        covered_ms=grown.covered_ms,
        counts=as_answered(grown.counts.get(cluster, {})),
        latency=grown.latency.get(cluster, {}),
        active=Gauge.of(counters.active),
        open_connections=Gauge.of(counters.open_connections),
    )


def _copies(cluster: str, grown: Growth | None) -> SampleValues:
    """Copies for a mirror. The time in which they were counted is that of the requests."""
    counts = grown.counts.get(cluster, {}) if grown else {}
    if grown is None or not counts:
        return SampleValues()
    return SampleValues(
        counts={
            "mirror_requests": sum(counts.get(name, 0) for name in CLASSES),
            "mirror_failures": counts.get("4xx", 0) + counts.get("5xx", 0),
            "mirror_timeouts": counts.get("timeouts", 0),
            "mirror_overflows": counts.get("overflows", 0),
        },
        mirror_latency=grown.latency.get(cluster, {}),
    )


def as_answered(counts: Mapping[str, int]) -> dict[str, int]:
    """The gateway counts a time-out as its own 504 and a refusal as 503 before it answers 408 and 429. Of what was
    added since the last scrape only: the cumulative counters do not all restart together."""
    moved = min(counts.get("5xx", 0), counts.get("timeouts", 0) + counts.get("overflows", 0))
    classes = {"4xx": counts.get("4xx", 0) + moved, "5xx": counts.get("5xx", 0) - moved} if moved else {}
    return {**counts, **classes}


def _replicas(rows: Iterable[Replica], wanted: Wanted) -> list[SampleValues]:
    rows = list(rows)
    if not rows:
        return []
    ready = sum(row.state == ReplicaState.READY and row.stopping_at is None for row in rows)
    limit = Gauge.of(ready * wanted.at_once)
    return [SampleValues(ready=Gauge.of(ready), wanted=Gauge.of(wanted.replicas), concurrency_limit=limit)]


def _process(
    reading: ProcessReading, known: KnownProcess | None, sharers: Mapping[str, int], now: datetime
) -> SampleValues:
    cpu_ms, covered_ms = cpu_growth(known, reading, now)
    counts = {"gpu_energy_mj": energy_growth(known, reading, sharers), **tokens_growth(known, reading)}
    return SampleValues(
        counts={name: count for name, count in counts.items() if count},
        cpu_ms=cpu_ms,
        cpu_covered_ms=covered_ms,
        memory_bytes=Gauge.of(reading.memory_bytes),
        disk=_known(reading.disk),
        gpu=_known(reading.gpu),
        gpu_memory=_known(reading.gpu_memory),
    )


def _known(value: int | None) -> Gauge | None:
    return None if value is None else Gauge.of(value)
