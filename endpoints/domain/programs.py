"""Long-running processes that outlive the worker that asked for them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    name: str  # [a-z0-9-]
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)  # all of it: nothing is inherited
    directory: str = "/"
    log_path: str = ""  # stdout and stderr together
    restart: bool = True  # False: runs once
    stop_seconds: float = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramState:
    name: str
    running: bool
    pid: int | None = None
    exit_code: int | None = None


class Programs(Protocol):
    """The process supervisor, as the rest sees it. Every call is idempotent."""

    def add(self, program: Program) -> None: ...

    def remove(self, name: str) -> None:
        """Stop the program (SIGTERM, then SIGKILL after its stop_seconds) and forget it. Does not wait."""

    def states(self) -> dict[str, ProgramState]: ...
