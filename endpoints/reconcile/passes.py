"""What the collector tells of itself: how long each pass took, whether it keeps up, and which of its steps failed."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import DatabaseError
from django.utils import timezone

from endpoints.models import CollectorPass
from endpoints.telemetry.port import TelemetryUnreachable

logger = logging.getLogger(__name__)

KEPT = timedelta(days=1)
LONGEST_ERROR = 500
FORESEEN = (DatabaseError, OSError, TelemetryUnreachable)  # what a traceback would tell no more of


@dataclass(slots=True, kw_only=True)
class Pass:
    """One that runs: when it began, by the clock and by one that nobody sets, and what became of it so far."""

    interval: int
    started_at: datetime
    ticks: float
    deployments: int = 0
    failures: list[str] = field(default_factory=list)

    @classmethod
    def start(cls, interval: int) -> "Pass":
        return cls(interval=interval, started_at=timezone.now(), ticks=time.monotonic())

    @property
    def duration_ms(self) -> int:
        return round((time.monotonic() - self.ticks) * 1000)

    @property
    def late_ms(self) -> int:
        return round(self.started_at.timestamp() % self.interval * 1000)

    @property
    def error(self) -> str:
        """Of several steps, each has its part."""
        each = LONGEST_ERROR // max(1, len(self.failures)) - 1
        return "\n".join(item if len(item) <= each else f"{item[: each - 1]}…" for item in self.failures)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Fails by itself: what comes after it goes on."""
        try:
            yield
        except Exception as error:
            self.failed(name, _reason(error), error=error)

    def failed(self, name: str, reason: str, *, error: Exception | None = None) -> None:
        self.failures.append(f"{name}: {reason}")
        logger.warning("%s: %s", name, reason, exc_info=None if isinstance(error, FORESEEN) else error)


def _reason(error: Exception) -> str:
    words = " ".join(str(error).split())
    return words if isinstance(error, TelemetryUnreachable) else f"{type(error).__name__}: {words}".strip(": ")


def record(done: Pass) -> None:
    before = CollectorPass.objects.filter(started_at__lt=done.started_at).order_by("-started_at").first()
    CollectorPass.objects.create(
        started_at=done.started_at,
        duration_ms=done.duration_ms,
        late_ms=done.late_ms,
        skipped=_skipped(before.started_at, done) if before else 0,
        deployments=done.deployments,
        error=done.error,
    )
    CollectorPass.objects.filter(started_at__lt=done.started_at - KEPT).delete()


def record_failure(done: Pass) -> None:
    """Where that is possible: a database that does not answer cannot be told so."""
    with suppress(DatabaseError):
        record(done)


def _skipped(before: datetime, done: Pass) -> int:
    """Full intervals between the two passes."""
    return max(0, round((done.started_at - before).total_seconds() / done.interval) - 1)
