"""The port through which the history leaves the studio."""

from collections.abc import Sequence
from typing import Protocol


class ForwardError(Exception):
    """Nothing says that it arrived; the message says why. What was sent is sent again."""


class Forwarder(Protocol):
    @property
    def address(self) -> str:
        """Where to, without secrets."""

    def send(self, lines: Sequence[str]) -> None:
        """Returns once the lines, each a JSON document, are taken on there. Raises ForwardError."""
