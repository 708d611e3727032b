"""Telling people outside of the studio."""

from typing import Protocol

from endpoints.domain.notices import Destination, Notice


class Undelivered(Exception):
    """In words for the channel's owner, without its address. `final`: to try again is of no use."""

    def __init__(self, message: str, *, final: bool = False) -> None:
        super().__init__(message)
        self.final = final


class Notifier(Protocol):
    def send(self, notice: Notice, destination: Destination, *, id: str) -> None:
        """Returns once the other side has taken it. The same `id` is the same message, however often it is sent.

        Raises Undelivered. Takes SECONDS at most.
        """

    def check(self, destination: Destination) -> str:
        """Why it can never be delivered; empty when it might. Asks nobody but the name service."""


SECONDS = 10.0
