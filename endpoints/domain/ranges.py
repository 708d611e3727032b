"""Time ranges of charts: which interval a point stands for, and from which rows it is made."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from endpoints.domain.errors import Invalid
from endpoints.domain.rollups import DAY, HOUR, RESOLUTIONS, RETENTION, aligned

MAX_POINTS = 360
SHORTEST = timedelta(minutes=1)
PRESETS = {
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "6h": timedelta(hours=6),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
DEFAULT = "1h"
# Steps of a chart in seconds. Each is made of whole rows of the finest resolution that needs at most some hundreds.
STEPS = (10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 43200, 86400, 172800, 604800, 2592000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """[start, end), cut into points of `step` seconds made from rows of `resolution` seconds.

    `start` is aligned to the step. `end` may lie within the last point: then that one is not over yet.
    """

    start: datetime
    end: datetime
    step: int
    resolution: int
    preset: str = ""  # the name in PRESETS; empty for a range of its own

    def points(self) -> list[datetime]:
        count = -((self.start - self.end) // timedelta(seconds=self.step))
        return [self.start + timedelta(seconds=self.step * index) for index in range(count)]

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    def is_partial(self, point: datetime) -> bool:
        return point + timedelta(seconds=self.step) > self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What there is to read. Days, which are made of hours, are kept as long as these."""

    interval: int  # seconds between two scrapes: no point is shorter
    retention: Mapping[int, timedelta]  # how long samples of each resolution are kept

    @property
    def longest(self) -> timedelta:
        return self.retention[HOUR]

    def finest(self, start: datetime, end: datetime, now: datetime) -> int:
        """The finest rows that are still kept for all of the range and are not too many."""
        for resolution in RESOLUTIONS:
            kept = resolution == DAY or now - start <= self.retention[resolution]
            few = (end - start) / timedelta(seconds=resolution) <= 4 * MAX_POINTS
            if kept and few:
                return resolution
        return DAY


def window(
    *,
    preset: str = "",
    start: str = "",
    end: str = "",
    now: datetime,
    interval: int = 10,
    retention: Mapping[int, timedelta] = RETENTION,
) -> Window:
    """From the words of a URL: a preset, or ISO 8601 times in UTC. Raises Invalid."""
    kept = Kept(interval=interval, retention=retention)
    if start or end:
        return _own(_time("from", start), _time("to", end) if end else now, now, kept)
    length = PRESETS.get(preset or DEFAULT)
    if length is None:
        raise Invalid({"range": f"Choose one of {', '.join(PRESETS)}, or give from and to."})
    return _window(now - length, now, now, kept, preset or DEFAULT)


def _own(start: datetime, end: datetime, now: datetime, kept: Kept) -> Window:
    end = min(end, now)
    if end - start < SHORTEST:
        raise Invalid({"from": "The range must begin at least a minute before it ends, and in the past."})
    if end - start > kept.longest:
        raise Invalid({"from": f"The range may be {kept.longest.days} days at most."})
    return _window(start, end, now, kept, "")


def _time(name: str, text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid({name: f"{text!r} is no time such as 2026-01-31T13:00."}) from None


def _window(start: datetime, end: datetime, now: datetime, kept: Kept, preset: str) -> Window:
    resolution = kept.finest(start, end, now)
    step = next(
        step
        for step in STEPS
        if step >= max(kept.interval, resolution) and (end - start) / timedelta(seconds=step) <= MAX_POINTS
    )
    # The last point may be cut off by now; the first is whole.
    first = aligned(start, step)
    if first < start:
        first += timedelta(seconds=step)
    return Window(start=first, end=end, step=step, resolution=resolution, preset=preset)
