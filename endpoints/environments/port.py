"""The port of what builds Python environments."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from endpoints.domain.environments import EnvironmentSpec
from endpoints.domain.replicas import LogChunk
from endpoints.enums import BuildState


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildObservation:
    hash: str
    state: BuildState
    python: Path | None = None  # the environment's interpreter, once built
    error: str = ""  # the first line that matters, quoted from the log
    started_at: datetime | None = None
    finished_at: datetime | None = None
    size_bytes: int | None = None


class EnvironmentBuilder(Protocol):
    """Builds environments in the background, one per hash, cached for ever. Every call is idempotent."""

    def start(self, spec: EnvironmentSpec) -> None:
        """Start the build, unless it is built or building. A failed one is built again."""

    def observe(self, spec_hash: str) -> BuildObservation: ...

    def check(self, spec: EnvironmentSpec) -> BuildObservation:
        """Whether the requirements can be resolved, without building: SUCCEEDED, FAILED with the error, or BUILDING
        while it is being found out; then ask again."""

    def cancel(self, spec_hash: str) -> None: ...

    def read_log(self, spec_hash: str, *, start: int | None = None, limit: int = 65536) -> LogChunk: ...
