"""A compute target in memory, for tests: replicas do what the test says they do."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from endpoints.domain.replicas import LogChunk, ReplicaObservation, ReplicaSpec
from endpoints.enums import ReplicaState


class FakeCompute:
    """`ready_at_once` replicas are Ready as soon as they start; else a test calls `tell`."""

    def __init__(self, *, ready_at_once: bool = True, drains_at_once: bool = True) -> None:
        self.ready_at_once = ready_at_once
        self.drains_at_once = drains_at_once
        self.specs: dict[str, ReplicaSpec] = {}
        self.seen: dict[str, ReplicaObservation] = {}
        self.started: list[str] = []
        self.stopped: list[str] = []
        self.restarted: list[str] = []
        self.purged: list[str] = []

    def start(self, spec: ReplicaSpec) -> None:
        if spec.id in self.seen:
            return
        self.started.append(spec.id)
        self.specs[spec.id] = spec
        now = datetime.now(UTC)
        self.seen[spec.id] = ReplicaObservation(
            id=spec.id,
            deployment_id=spec.deployment_id,
            generation=spec.generation,
            ordinal=spec.ordinal,
            state=ReplicaState.READY if self.ready_at_once else ReplicaState.STARTING,
            pid=1000 + len(self.started),
            started_at=now,
            ready_at=now if self.ready_at_once else None,
            changed_at=now,
            reason="Ready" if self.ready_at_once else "Started",
        )

    def stop(self, replica_id: str) -> None:
        if replica_id not in self.seen:
            return
        self.stopped.append(replica_id)
        if self.drains_at_once:
            del self.seen[replica_id]
        else:
            self.tell(replica_id, state=ReplicaState.DRAINING)

    def restart(self, replica_id: str) -> None:
        self.restarted.append(replica_id)

    def observe(self) -> list[ReplicaObservation]:
        return list(self.seen.values())

    def read_log(self, replica_id: str, *, start: int | None = None, limit: int = 65536) -> LogChunk:
        text = f"{replica_id} started\n" if replica_id in self.specs else ""
        begin = min(start or 0, len(text))
        return LogChunk(text=text[begin : begin + limit], start=begin, end=len(text), size=len(text))

    def purge(self, deployment_id: str) -> None:
        self.purged.append(deployment_id)
        self.specs = {key: spec for key, spec in self.specs.items() if spec.deployment_id != deployment_id}

    def tell(self, replica_id: str, **changes: Any) -> None:
        """What the replica is seen to do next."""
        self.seen[replica_id] = replace(self.seen[replica_id], changed_at=datetime.now(UTC), **changes)

    def vanish(self, replica_id: str) -> None:
        del self.seen[replica_id]
