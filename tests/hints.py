"""Wake-up calls without a broker."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection


@dataclass(frozen=True)
class Hint:
    task: str
    kwargs: Mapping[str, Any]
    delay: float


class Hints:
    """What was sent after a commit; in a test that is one transaction, what would be."""

    def __init__(self) -> None:
        self._sent: list[Hint] = []

    def send(self, task: str, *, delay: float, kwargs: dict[str, Any]) -> None:
        self._sent.append(Hint(task.removeprefix("endpoints.tasks."), kwargs, delay))

    def take(self) -> list[Hint]:
        """All since the last time, in order."""
        if connection.in_atomic_block:
            due, connection.run_on_commit = connection.run_on_commit, []
            for entry in due:
                entry[1]()
        taken, self._sent = self._sent, []
        return taken
