"""The port of everything that runs replicas."""

from collections.abc import Iterator
from typing import Protocol

from endpoints.domain.replicas import ContainerEngine, Isolation, LogChunk, ReplicaObservation, ReplicaSpec


class ComputeError(Exception):
    """The target could not do it; the message says why and what to do, for people."""


class Compute(Protocol):
    """Runs replicas. Every call is idempotent and returns quickly; the truth comes from `observe`."""

    def start(self, spec: ReplicaSpec) -> None:
        """Start the replica, unless one of this id is there already."""

    def stop(self, replica_id: str) -> None:
        """Drain for at most the spec's drain_seconds, stop, and forget. The log stays."""

    def restart(self, replica_id: str) -> None:
        """Drain, stop, start again."""

    def observe(self) -> list[ReplicaObservation]:
        """Every replica that this target holds, draining ones too, whoever started it."""

    def read_log(self, replica_id: str, *, start: int | None = None, limit: int = 65536) -> LogChunk:
        """From byte `start`, or the last `limit` bytes when it is None. An unknown replica has an empty log."""

    def tail_log(self, replica_id: str, *, lines: int, text: str = "") -> list[str]:
        """The last lines that hold `text`, oldest first, of all that is kept; letters of either case."""

    def whole_log(self, replica_id: str) -> Iterator[bytes]:
        """All that is kept, oldest first."""

    def isolation(self) -> Isolation: ...

    def containers(self) -> ContainerEngine:
        """Whether it runs container images. Asked anew every few seconds, so that it is cheap to ask."""

    def purge(self, deployment_id: str) -> None:
        """Remove the logs and scratch folders of a deployment whose replicas are gone."""
