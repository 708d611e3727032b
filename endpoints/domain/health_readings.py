"""What is seen of the studio's own parts, and how it is kept until somebody looks."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, TypeVar


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueReading:
    """The broker, and the workers behind it."""

    workers: int
    waiting: int
    in_hand: int
    oldest_at: datetime | None = None  # when the task was sent that waits the longest
    version: str = ""
    memory_bytes: int = 0
    memory_limit: int = 0  # 0: none


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseReading:
    """What only one of the databases tells is None on the other."""

    vendor: str
    version: str
    size_bytes: int
    round_trip_ms: float
    wal_bytes: int | None = None
    connections: int | None = None
    connection_limit: int | None = None
    slowest_seconds: float | None = None  # of the query that runs the longest


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskReading:
    total_bytes: int
    free_bytes: int
    free_files_percent: float | None = None  # None: the file system has no such limit


@dataclass(frozen=True, slots=True, kw_only=True)
class HostReading:
    """The machine that replicas run on, everything on it included."""

    name: str
    cpus: int
    cpu_percent: float  # of all of them together
    memory_bytes: int
    memory_used_bytes: int
    gpus: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SizesReading:
    """By the name of a table or a folder: bytes; and of tables, about how many rows."""

    bytes_of: Mapping[str, int]
    rows_of: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateReading:
    names: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayReading:
    live: bool
    version: str = ""  # of the routes that are in force


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramReading:
    """One of the studio's own processes, as whoever supervises it says."""

    name: str
    running: bool
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramsReading:
    programs: tuple[ProgramReading, ...] = ()

    def named(self, name: str) -> ProgramReading | None:
        return next((program for program in self.programs if program.name == name), None)

    def down(self, name: str) -> bool:
        """It is known here, and does not run. What is not supervised here may run elsewhere."""
        found = self.named(name)
        return found is not None and not found.running


R = TypeVar("R")


def to_json(reading: Any) -> dict[str, Any]:
    return {name: _plain(value) for name, value in asdict(reading).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [{name: _plain(each) for name, each in item.items()} for item in value]
    return value


def from_json(kind: type[R], values: dict[str, Any]) -> R | None:
    """None where nothing of it was kept, or where another version of the studio kept something else."""
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    given = {name: _read(name, value) for name, value in values.items() if name in names}
    try:
        return kind(**given)
    except TypeError:
        return None


def _read(name: str, value: Any) -> Any:
    if name.endswith("_at") and value is not None:
        return datetime.fromisoformat(value)
    if name == "programs":
        return tuple(found for item in value if (found := from_json(ProgramReading, item)) is not None)
    return value
