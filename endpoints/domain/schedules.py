"""When a profile of autoscale holds: weekly, from a time of day on, or between two dates, as in Azure Monitor."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tzlocal.windows_tz import win_tz

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
LONGEST = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence:
    """Begins at each of these local times of each of these days, and lasts until another one begins."""

    time_zone: str = "UTC"
    days: tuple[str, ...]
    hours: tuple[int, ...] = (0,)
    minutes: tuple[int, ...] = (0,)

    def last_start(self, now: datetime) -> datetime:
        """The latest begin that is not after `now`, in UTC."""
        zone = zone_of(self.time_zone)
        today = now.astimezone(zone).date()
        dates = [today - timedelta(days=back) for back in range(8)]
        starts = (
            datetime.combine(date, time(hour, minute), zone).astimezone(UTC)
            for date in dates
            if DAYS[date.weekday()] in self.days
            for hour in self.hours
            for minute in self.minutes
        )
        return max(start for start in starts if start <= now)


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedDate:
    """Half-open, [start, end). Local times of the zone, without an offset."""

    time_zone: str = "UTC"
    start: datetime
    end: datetime

    def holds(self, now: datetime) -> bool:
        zone = zone_of(self.time_zone)
        return self.start.replace(tzinfo=zone) <= now < self.end.replace(tzinfo=zone)


def zone_of(name: str) -> tzinfo:
    """By its IANA name (Europe/Vilnius) or Windows' (Pacific Standard Time), as Azure has it. Raises ValueError."""
    words = " ".join(name.split())
    if words.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(win_tz.get(words, words))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"“{name[:60]}” is no time zone. Write one as Europe/Berlin, or as Windows does: Pacific Standard Time."
        ) from None
