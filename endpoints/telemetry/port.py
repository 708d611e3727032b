"""The ports of everything that is measured."""

from collections.abc import Mapping
from typing import Protocol

from endpoints.domain.counters import GatewaySnapshot, ProcessReading


class TelemetryUnreachable(Exception):
    """What counts does not answer. Counters go on growing meanwhile: nothing is lost but the moment."""


class GatewayStatistics(Protocol):
    def scrape(self) -> GatewaySnapshot:
        """Every deployment's counters at one moment. Raises TelemetryUnreachable."""


class ProcessStatistics(Protocol):
    def scrape(self, pids: Mapping[str, int]) -> dict[str, ProcessReading]:
        """By replica id, from the pid of each replica's server, its children included. Who is gone is left out."""
