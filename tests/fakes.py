"""Fakes behind the ports, in memory. They move only when they are told to."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from django.utils import timezone

from endpoints.compute.port import ComputeError
from endpoints.domain.environments import EnvironmentSpec
from endpoints.domain.replicas import ContainerEngine, Isolation, LogChunk, ReplicaObservation, ReplicaSpec
from endpoints.enums import BuildState, ReplicaState
from endpoints.environments.port import BuildObservation


def chunk_of(log: str, *, start: int | None, limit: int) -> LogChunk:
    whole = log.encode()
    begin = max(0, len(whole) - limit) if start is None else min(start, len(whole))
    part = whole[begin : begin + limit]
    return LogChunk(text=part.decode(), start=begin, end=begin + len(part), size=len(whole))


@dataclass
class FakeCompute:
    """With every `advance` what starts is ready and what drains is gone, but for what `breaks` names."""

    breaks: dict[str, dict[str, Any]] = field(default_factory=dict)  # deployment -> what is seen instead of ready
    refusal: str = ""  # set: nothing can be reached, and this is why
    boxed: bool = True
    engine: str = "Podman"  # empty: there is none
    specs: dict[str, ReplicaSpec] = field(default_factory=dict)
    seen: dict[str, ReplicaObservation] = field(default_factory=dict)
    logs: dict[str, str] = field(default_factory=dict)
    starts: list[str] = field(default_factory=list)
    stops: list[str] = field(default_factory=list)
    restarted: list[str] = field(default_factory=list)
    purged: list[str] = field(default_factory=list)

    def tail_log(self, replica_id: str, *, lines: int, text: str = "") -> list[str]:
        found = [line for line in self.logs.get(replica_id, "").splitlines() if text.lower() in line.lower()]
        return found[-lines:]

    def whole_log(self, replica_id: str) -> Iterator[bytes]:
        return iter([self.logs.get(replica_id, "").encode()])

    def isolation(self) -> Isolation:
        return Isolation(boxed=self.boxed, own_network=self.boxed, reason="" if self.boxed else "There is no box here.")

    def containers(self) -> ContainerEngine:
        return ContainerEngine(
            available=bool(self.engine), name=self.engine, reason="" if self.engine else "No engine."
        )

    def start(self, spec: ReplicaSpec) -> None:
        self._reach()
        if spec.id in self.seen:
            return
        self.starts.append(spec.id)
        self.specs[spec.id] = spec
        now = timezone.now()
        self.seen[spec.id] = ReplicaObservation(
            id=spec.id,
            deployment_id=spec.deployment_id,
            generation=spec.generation,
            ordinal=spec.ordinal,
            state=ReplicaState.STARTING,
            pid=1000 + len(self.starts),
            started_at=now,
            changed_at=now,
            reason="Started",
        )

    def stop(self, replica_id: str) -> None:
        self._reach()
        if replica_id in self.seen:
            self.stops.append(replica_id)
            self.tell(replica_id, state=ReplicaState.DRAINING)

    def restart(self, replica_id: str) -> None:
        self._reach()
        self.restarted.append(replica_id)
        if replica_id in self.seen:
            self.tell(replica_id, state=ReplicaState.STARTING, ready_at=None)

    def observe(self) -> list[ReplicaObservation]:
        self._reach()
        return list(self.seen.values())

    def read_log(self, replica_id: str, *, start: int | None = None, limit: int = 65536) -> LogChunk:
        return chunk_of(self.logs.get(replica_id, ""), start=start, limit=limit)

    def purge(self, deployment_id: str) -> None:
        self.purged.append(deployment_id)
        for replica_id in [key for key, spec in self.specs.items() if spec.deployment_id == deployment_id]:
            self.logs.pop(replica_id, None)

    def _reach(self) -> None:
        if self.refusal:
            raise ComputeError(self.refusal)

    # What the test makes happen

    def tell(self, replica_id: str, **changes: Any) -> None:
        """What the replica is seen to do from now on."""
        self.seen[replica_id] = replace(self.seen[replica_id], changed_at=timezone.now(), **changes)

    def vanish(self, replica_id: str) -> None:
        """Gone, with whatever watched it."""
        del self.seen[replica_id]

    def advance(self) -> None:
        for seen in list(self.seen.values()):
            if seen.state == ReplicaState.DRAINING:
                self.vanish(seen.id)
            elif seen.state == ReplicaState.STARTING:
                ready = {"state": ReplicaState.READY, "ready_at": timezone.now(), "reason": "Ready"}
                self.tell(seen.id, **self.breaks.get(self.specs[seen.id].deployment, ready))


@dataclass
class FakeBuilder:
    """`advance` finishes what builds, but for what `error` says."""

    error: str = ""
    log: str = ""  # of every build
    seen: dict[str, BuildObservation] = field(default_factory=dict)
    starts: list[str] = field(default_factory=list)

    def start(self, spec: EnvironmentSpec) -> None:
        before = self.seen.get(spec.hash)
        if before and before.state in (BuildState.BUILDING, BuildState.SUCCEEDED):
            return
        self.starts.append(spec.hash)
        self.seen[spec.hash] = BuildObservation(hash=spec.hash, state=BuildState.BUILDING, started_at=timezone.now())

    def observe(self, spec_hash: str) -> BuildObservation:
        return self.seen.get(spec_hash) or BuildObservation(hash=spec_hash, state=BuildState.PENDING)

    def check(self, spec: EnvironmentSpec) -> BuildObservation:
        state = BuildState.FAILED if self.error else BuildState.SUCCEEDED
        return BuildObservation(hash=spec.hash, state=state, error=self.error)

    def cancel(self, spec_hash: str) -> None:
        self.seen.pop(spec_hash, None)

    def read_log(self, spec_hash: str, *, start: int | None = None, limit: int = 65536) -> LogChunk:
        if not spec_hash:
            raise ValueError("'' is no hash")
        return chunk_of(self.log, start=start, limit=limit)

    def advance(self) -> None:
        over: dict[str, object] = {"state": BuildState.SUCCEEDED, "python": Path("/env/bin/python"), "size_bytes": 1}
        if self.error:
            over = {"state": BuildState.FAILED, "error": self.error}
        for spec_hash, build in self.seen.items():
            if build.state == BuildState.BUILDING:
                self.seen[spec_hash] = replace(build, finished_at=timezone.now(), **over)  # type: ignore[arg-type]
