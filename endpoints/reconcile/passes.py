"""What the collector tells of itself: how long each pass took, and whether it keeps up."""

import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DatabaseError
from django.utils import timezone

from endpoints.models import CollectorPass

KEPT = timedelta(days=1)
LONGEST_ERROR = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """When a pass began, by the clock and by one that nobody sets."""

    interval: int
    started_at: datetime
    ticks: float

    @classmethod
    def start(cls, interval: int) -> "Clock":
        return cls(interval=interval, started_at=timezone.now(), ticks=time.monotonic())

    @property
    def duration_ms(self) -> int:
        return round((time.monotonic() - self.ticks) * 1000)

    @property
    def late_ms(self) -> int:
        return round(self.started_at.timestamp() % self.interval * 1000)


def record(clock: Clock, *, deployments: int, error: str = "") -> None:
    before = CollectorPass.objects.filter(started_at__lt=clock.started_at).order_by("-started_at").first()
    CollectorPass.objects.create(
        started_at=clock.started_at,
        duration_ms=clock.duration_ms,
        late_ms=clock.late_ms,
        skipped=_skipped(before.started_at, clock) if before else 0,
        deployments=deployments,
        error=error[:LONGEST_ERROR],
    )
    CollectorPass.objects.filter(started_at__lt=clock.started_at - KEPT).delete()


def record_failure(clock: Clock, error: Exception) -> None:
    """Where that is possible: a database that does not answer cannot be told so."""
    with suppress(DatabaseError):
        record(clock, deployments=0, error=f"{type(error).__name__}: {error}".strip(": "))


def _skipped(before: datetime, clock: Clock) -> int:
    """Full intervals between the two passes."""
    return max(0, round((clock.started_at - before).total_seconds() / clock.interval) - 1)
