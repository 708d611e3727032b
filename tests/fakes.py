"""A small world behind the ports, in memory. It moves only when it is told to."""

import hashlib
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

from django.utils import timezone

from endpoints.artifacts.port import ArtifactFile, StoredArtifact
from endpoints.compute.port import ComputeError
from endpoints.domain.environments import EnvironmentSpec
from endpoints.domain.replicas import LogChunk, ReplicaObservation, ReplicaSpec
from endpoints.domain.routing import RouteTable
from endpoints.enums import BuildState, ReplicaState
from endpoints.environments.port import BuildObservation
from endpoints.gateway.port import GatewayObservation, RouteTableRefused


@dataclass
class FakeCompute:
    """`advance` makes what starts ready and what drains gone, but for what `breaks` names."""

    specs: dict[str, ReplicaSpec] = field(default_factory=dict)
    seen: dict[str, ReplicaObservation] = field(default_factory=dict)
    breaks: dict[str, dict[str, object]] = field(default_factory=dict)  # deployment -> what is seen instead of ready
    starts: list[str] = field(default_factory=list)
    stops: list[str] = field(default_factory=list)
    purged: list[str] = field(default_factory=list)
    restarted: list[str] = field(default_factory=list)
    logs: dict[str, str] = field(default_factory=dict)
    refusal: str = ""

    def start(self, spec: ReplicaSpec) -> None:
        if self.refusal:
            raise ComputeError(self.refusal)
        if spec.id in self.specs:
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
        )

    def stop(self, replica_id: str) -> None:
        if replica_id in self.seen:
            self.stops.append(replica_id)
            self.see(replica_id, state=ReplicaState.DRAINING)

    def restart(self, replica_id: str) -> None:
        self.restarted.append(replica_id)
        if replica_id in self.seen:
            self.see(replica_id, state=ReplicaState.STARTING, ready_at=None)

    def observe(self) -> list[ReplicaObservation]:
        return list(self.seen.values())

    def read_log(self, replica_id: str, *, start: int | None = None, limit: int = 65536) -> LogChunk:
        whole = self.logs.get(replica_id, "").encode()
        begin = max(0, len(whole) - limit) if start is None else start
        part = whole[begin : begin + limit]
        return LogChunk(text=part.decode(), start=begin, end=begin + len(part), size=len(whole))

    def purge(self, deployment_id: str) -> None:
        self.purged.append(deployment_id)

    def see(self, replica_id: str, **changes: object) -> None:
        """What is observed of the replica from now on."""
        self.seen[replica_id] = replace(self.seen[replica_id], changed_at=timezone.now(), **changes)  # type: ignore[arg-type]

    def vanish(self, replica_id: str) -> None:
        """Killed from outside, with whatever watched it."""
        del self.seen[replica_id], self.specs[replica_id]

    def advance(self) -> None:
        for observation in list(self.seen.values()):
            if observation.state == ReplicaState.DRAINING:
                self.vanish(observation.id)
            elif observation.state == ReplicaState.STARTING:
                ready: dict[str, object] = {"state": ReplicaState.READY, "ready_at": timezone.now()}
                self.see(observation.id, **self.breaks.get(self.specs[observation.id].deployment, ready))


@dataclass
class FakeGateway:
    live: bool = True
    refusal: str = ""
    unhealthy: int = 0  # upstreams of each cluster that are out of rotation
    tables: list[RouteTable] = field(default_factory=list)
    holds_back: bool = False  # takes a table, but goes on serving the one before
    in_force: RouteTable | None = None

    def publish(self, table: RouteTable) -> None:
        if self.refusal:
            raise RouteTableRefused(self.refusal)
        self.tables.append(table)
        if not self.holds_back:
            self.in_force = table

    def observe(self) -> GatewayObservation:
        if not self.live:
            return GatewayObservation(live=False)
        routes = self.in_force.endpoints if self.in_force else ()
        healthy = {
            deployment.cluster: max(0, len(deployment.sockets) - self.unhealthy)
            for endpoint in routes
            for deployment in endpoint.deployments
        }
        return GatewayObservation(live=True, version=self.in_force.version if self.in_force else None, healthy=healthy)


class FakeStore:
    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, folder: Path) -> StoredArtifact:
        files = _files(folder)
        digest = hashlib.sha256(repr(files).encode()).hexdigest()
        if (self.root / digest).exists():
            shutil.rmtree(folder)
        else:
            shutil.move(folder, self.root / digest)
        return StoredArtifact(digest=digest, size_bytes=sum(f.size_bytes for f in files), file_count=len(files))

    def path(self, digest: str) -> Path:
        if not (self.root / digest).is_dir():
            raise KeyError(digest)
        return self.root / digest

    def files(self, digest: str) -> list[ArtifactFile]:
        return _files(self.path(digest))

    def delete(self, digest: str) -> None:
        shutil.rmtree(self.root / digest, ignore_errors=True)


def _files(folder: Path) -> list[ArtifactFile]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return [
        ArtifactFile(
            path=path.relative_to(folder).as_posix(),
            size_bytes=path.stat().st_size,
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in found
    ]


@dataclass
class FakeBuilder:
    """`advance` finishes what builds, but for what `error` says."""

    error: str = ""
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

    def cancel(self, spec_hash: str) -> None:
        self.seen.pop(spec_hash, None)

    def read_log(self, spec_hash: str, *, start: int | None = None, limit: int = 65536) -> LogChunk:
        return LogChunk(text="", start=0, end=0, size=0)

    def advance(self) -> None:
        over: dict[str, object] = {"state": BuildState.SUCCEEDED, "python": Path("/env/bin/python"), "size_bytes": 1}
        if self.error:
            over = {"state": BuildState.FAILED, "error": self.error}
        for spec_hash, build in self.seen.items():
            if build.state == BuildState.BUILDING:
                self.seen[spec_hash] = replace(build, finished_at=timezone.now(), **over)  # type: ignore[arg-type]
