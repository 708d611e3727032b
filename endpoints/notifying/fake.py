"""Keeps what it was asked to send."""

from dataclasses import dataclass, field

from endpoints.domain.notices import Destination, Notice
from endpoints.notifying.port import Undelivered


@dataclass
class FakeNotifier:
    sent: list[tuple[str, Notice, Destination]] = field(default_factory=list)
    failure: Undelivered | None = None  # of every attempt, until it is taken away

    def send(self, notice: Notice, destination: Destination, *, id: str) -> None:
        if self.failure:
            raise self.failure
        self.sent.append((id, notice, destination))

    def check(self, destination: Destination) -> str:
        return str(self.failure) if self.failure and self.failure.final else ""
