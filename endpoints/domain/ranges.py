"""Time ranges of charts: which interval a point stands for, and from which rows it is made."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

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

    @property
    def before(self) -> "Window":
        """As many points, right before this one: point by point the same time of another period."""
        back = timedelta(seconds=self.step * len(self.points()))
        return replace(self, start=self.start - back, end=self.end - back, preset="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What there is to read. Days, which are made of hours, are kept as long as these."""

    interval: int  # seconds between two scrapes: no point is shorter
    retention: Mapping[int, timedelta]  # how long samples of each resolution are kept

    @property
    def longest(self) -> timedelta:
        return self.retention[HOUR]

    def finest(self, start: datetime, end: datetime, now: datetime, periods: int = 1) -> int:
        """The finest rows that are still kept for all of the range, and for those before it, and are not too many."""
        oldest = end - (end - start) * periods
        for resolution in RESOLUTIONS:
            kept = resolution == DAY or now - oldest <= self.retention[resolution]
            few = (end - start) / timedelta(seconds=resolution) <= 4 * MAX_POINTS
            if kept and few:
                return resolution
        return DAY


def window(
    *,
    preset: str = "",
    start: str = "",
    end: str = "",
    zone: str = "",
    periods: int = 1,
    now: datetime,
    interval: int = 10,
    retention: Mapping[int, timedelta] = RETENTION,
) -> Window:
    """From the words of a URL: a preset, or ISO 8601 times, on the clock of `zone` where they name no offset.

    `periods` of 2: the one before is shown too. Raises Invalid."""
    kept = Kept(interval=interval, retention=retention)
    if start or end:
        clock = zone_of(zone)
        first = moment("from", start, clock)
        return _own(first, moment("to", end, clock, last=True) if end else now, now, kept, periods)
    length = PRESETS.get(preset or DEFAULT)
    if length is None:
        raise Invalid({"range": f"Choose one of {', '.join(PRESETS)}, or give from and to."})
    return _window(now - length, now, now, kept, preset or DEFAULT, periods)


def zone_of(name: str) -> ZoneInfo:
    """Of a name such as Europe/Berlin; UTC unless one is given. Raises Invalid."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid({"zone": f"{name!r} is no time zone such as UTC or Europe/Berlin."}) from None


def moment(name: str, text: str, zone: ZoneInfo, *, last: bool = False) -> datetime:
    """In UTC. Of an hour that the clock shows twice it is the first, or the last. Raises Invalid for `name`."""
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
        found = at.replace(tzinfo=zone, fold=int(last)).astimezone(UTC)
        skipped = found.astimezone(zone).replace(tzinfo=None, fold=0) != at
    except (ValueError, OverflowError):
        raise Invalid({name: f"{text!r} is no time such as 2026-01-31T13:00."}) from None
    if skipped:
        raise Invalid({name: f"The clock of {zone.key} goes forward past {text}: that time does not exist."})
    return found


def has_one_offset(times: Iterable[datetime], zone: tzinfo) -> bool:
    """Whether the zone's clock goes on evenly over all of them, without a jump to or from daylight-saving time."""
    return len({at.astimezone(zone).utcoffset() for at in times}) < 2


def _own(start: datetime, end: datetime, now: datetime, kept: Kept, periods: int) -> Window:
    end = min(end, now)
    if end - start < SHORTEST:
        raise Invalid({"from": "The range must begin at least a minute before it ends, and in the past."})
    if end < now - kept.longest:
        raise Invalid({"from": f"Nothing is kept for longer than {kept.longest.days} days: choose a later time."})
    if end - start > kept.longest:
        raise Invalid({"from": f"The range may be {kept.longest.days} days at most."})
    return _window(start, end, now, kept, "", periods)


def _window(start: datetime, end: datetime, now: datetime, kept: Kept, preset: str, periods: int) -> Window:
    resolution = kept.finest(start, end, now, periods)
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
