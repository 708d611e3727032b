"""What is billed: time of replicas that hold resources, at the price of that time. Money is Decimal and exact."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from endpoints.domain.meters import PriceList
from endpoints.enums import UsagePhase

HOUR = timedelta(hours=1)
# How long a replica may go unseen and still count as held all the time, although its process has started anew.
UNSEEN = timedelta(seconds=90)
BAND_80 = 1.2816  # standard deviations: four of five outcomes lie within


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a second costs, and why."""

    instance_type: str
    phase: UsagePhase
    unit_price: Decimal  # per hour


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """[started_at, ended_at) in UTC, within one hour, under the same terms."""

    started_at: datetime
    ended_at: datetime
    terms: Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What holds an instance: of which type, what it does with it, and since when."""

    instance_type: str
    phase: UsagePhase
    started_at: datetime


def extended(last: Slice | None, *, held: bool, holding: Holding, prices: PriceList, now: datetime) -> list[Slice]:
    """The slices that are new or longer, once it was seen to hold at `now`; the last one goes on.

    `last` is the newest that is known of this replica, `held` whether it held resources when it was looked at last.
    No second before the end of `last` is billed again.
    """
    start = _since(last, held, holding.started_at, now)
    if start >= now:
        return []
    found = [
        Slice(
            started_at=begin,
            ended_at=end,
            terms=Terms(instance_type=holding.instance_type, phase=holding.phase, unit_price=unit_price),
        )
        for begin, end, unit_price in priced(start, now, prices)
    ]
    return _joined(last, found)


def _joined(last: Slice | None, found: list[Slice]) -> list[Slice]:
    """The first goes on where the last one ended, if nothing but time has passed."""
    first = found[0]
    if last and last.ended_at == first.started_at < hour_after(last.started_at) and last.terms == first.terms:
        return [replace(first, started_at=last.started_at), *found[1:]]
    return found


def _since(last: Slice | None, held: bool, started_at: datetime, now: datetime) -> datetime:
    if last is None:
        return started_at
    if held and now - last.ended_at <= UNSEEN:
        return last.ended_at
    return max(last.ended_at, started_at)


def hours(start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """[start, end) cut at every full hour."""
    cuts = []
    while start < end:
        cut = min(end, hour_after(start))
        cuts.append((start, cut))
        start = cut
    return cuts


def hour_after(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0) + HOUR


def priced(start: datetime, end: datetime, prices: PriceList) -> list[tuple[datetime, datetime, Decimal]]:
    """[start, end) cut at every full hour, and at each moment from which it costs something else."""
    cuts = []
    for begin, stop in hours(start, end):
        moments = [begin, *prices.changes(begin, stop), stop]
        cuts += [(one, other, prices.at(one)) for one, other in pairwise(moments)]
    return cuts


def total(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Of the whole month. Four of five times it should end between low and high."""

    to_date: Decimal
    expected: Decimal
    low: Decimal
    high: Decimal


def month_start(now: datetime) -> datetime:
    return now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def month_end(now: datetime) -> datetime:
    return month_start(month_start(now) + timedelta(days=32))


def forecast(
    to_date: Decimal, by_hour: Mapping[datetime, Decimal], now: datetime, *, until: datetime | None = None
) -> Forecast:
    """To date, and the rest of the month (or the time until then) as the last 24 hours went; the band comes from how
    days differed lately.

    `by_hour` holds the cost of the last days by the hour's start; an hour that is missing after the first cost nothing.
    """
    rest = ((until or month_end(now)) - now) / timedelta(days=1)
    days = _days(by_hour, now)
    if not days:
        return Forecast(to_date=to_date, expected=to_date, low=to_date, high=to_date)
    expected = to_date + days[0] * _decimal(rest)
    spread = _decimal(BAND_80 * _deviation(days) * math.sqrt(rest + rest * rest / len(days)))
    return Forecast(to_date=to_date, expected=expected, low=max(to_date, expected - spread), high=expected + spread)


def midnights(start: datetime, end: datetime) -> list[datetime]:
    """Of (start, end], in UTC."""
    first = start.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return [first + timedelta(days=day) for day in range((end - first) // timedelta(days=1) + 1)]


def sums(by_day: Mapping[datetime, Decimal], start: datetime, now: datetime) -> list[tuple[datetime, Decimal]]:
    """What was spent since `start`, at each midnight since and now."""
    found, spent = [(start, Decimal(0))], Decimal(0)
    for midnight in midnights(start, now):
        spent += by_day.get(midnight - timedelta(days=1), Decimal(0))
        found.append((midnight, spent))
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return [*found, (now, spent + by_day.get(today, Decimal(0)))] if now > found[-1][0] else found


def _days(by_hour: Mapping[datetime, Decimal], now: datetime) -> list[Decimal]:
    """Cost per day of up to seven blocks of 24 hours, the newest first. The present hour is not over and not counted.

    With less than a day of history, the hours there are stand for the day.
    """
    this_hour = hour_after(now) - HOUR
    past = {hour: amount for hour, amount in by_hour.items() if hour < this_hour}
    if not past:
        return [amount * 24 * 3600 / _seconds(now - this_hour) for amount in by_hour.values()][:1]
    length = (this_hour - min(past)) // HOUR
    if length < 24:
        return [total(past.values()) * 24 / length]
    blocks = [total(())] * min(7, length // 24)
    for hour, amount in past.items():
        block = (this_hour - hour - HOUR) // (24 * HOUR)
        if block < len(blocks):
            blocks[block] += amount
    return blocks


def _seconds(duration: timedelta) -> Decimal:
    return Decimal(max(60, int(duration.total_seconds())))


def _decimal(value: float) -> Decimal:
    return Decimal(repr(value))


def _deviation(days: Sequence[Decimal]) -> float:
    """With a single day nothing is known of the spread: a fifth of it, for want of better."""
    if len(days) < 2:
        return float(days[0]) / 5
    mean = float(total(days)) / len(days)
    return math.sqrt(sum((float(day) - mean) ** 2 for day in days) / (len(days) - 1))
