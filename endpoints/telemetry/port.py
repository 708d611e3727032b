"""The ports of everything that is measured."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol

from prometheus_client.core import Metric

from endpoints.domain.counters import GatewaySnapshot, ProcessReading
from endpoints.domain.exported import LogRecord, RunSpan
from endpoints.domain.health_readings import CertificateReading, DiskReading, HostReading, ProgramsReading, QueueReading
from endpoints.domain.traffic_log import Part, Position


class TelemetryUnreachable(Exception):
    """What counts does not answer. Counters go on growing meanwhile: nothing is lost but the moment."""


class GatewayStatistics(Protocol):
    def scrape(self) -> GatewaySnapshot:
        """Every deployment's counters at one moment. Raises TelemetryUnreachable."""


class TrafficLog(Protocol):
    def read(self, position: Position) -> Part:
        """What the gateway wrote of requests since, in bounded parts. A position that is not known any more is the
        beginning of all that is kept."""

    def discard(self, part: Part) -> None:
        """What was read to its end, once it is safe elsewhere."""


class TelemetryExport(Protocol):
    """Each tells whether the receiver took it, after a bounded time; none raises because it did not."""

    def metrics(self, families: Iterable[Metric], *, since: datetime, at: datetime) -> bool: ...

    def logs(self, records: Iterable[LogRecord]) -> bool: ...

    def spans(self, spans: Iterable[RunSpan]) -> bool: ...


class ProcessStatistics(Protocol):
    def scrape(self, pids: Mapping[str, int]) -> dict[str, ProcessReading]:
        """By replica id, from the pid of each replica's server, its children included. Who is gone is left out."""


class ServerStatistics(Protocol):
    def scrape(self, addresses: Mapping[str, str]) -> dict[str, Mapping[str, int]]:
        """By replica id, from where each one's server listens: the tokens that it counted since it began, by
        domain.tokens. In a bounded time; who does not tell is left out."""


class SiteParts(Protocol):
    """The studio's own parts. Each answer takes a bounded time; who cannot answer raises TelemetryUnreachable."""

    def programs(self) -> ProgramsReading:
        """Empty where nobody supervises them here."""

    def queue(self) -> QueueReading: ...

    def disk(self) -> DiskReading:
        """Of the data folder."""

    def host(self) -> HostReading:
        """The machine that replicas run on."""

    def folders(self) -> Mapping[str, int]:
        """Bytes of what grows in the data folder, beside what the database knows of."""

    def certificate(self) -> CertificateReading | None:
        """Of the gateway; None where it has no TLS."""
