"""How far a budget is used up, and what may still start under it. Money is Decimal; the month is UTC's."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from endpoints.domain.pricing import month_end, month_start

HOUR = timedelta(hours=1)
MOST_THRESHOLDS, HIGHEST_PERCENT, LONGEST_AHEAD = 10, 1000, 744
LARGEST_AMOUNT = Decimal(10) ** 9


def crossed(spent: Decimal, amount: Decimal, percents: Iterable[int]) -> list[int]:
    """The thresholds that are reached, the lowest first."""
    return sorted(percent for percent in set(percents) if spent * 100 >= amount * percent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """How a budget stood when it was looked at last."""

    period_start: datetime | None
    amount: Decimal
    thresholds: tuple[int, ...]  # that are told, and the one at which it acts
    acts_at: int | None  # percent; None: it never does
    acts: bool
    told: frozenset[int]  # of these, what was told of this amount this month


def has_news(seen: Seen, spent: Decimal, now: datetime) -> bool:
    """Whether there is more to do than to note what is spent: a new month, a threshold to tell, or to act or not."""
    due = seen.acts_at is not None and bool(crossed(spent, seen.amount, [seen.acts_at]))
    untold = set(crossed(spent, seen.amount, seen.thresholds)) - seen.told
    return seen.period_start != period(now)[0] or bool(untold) or due != seen.acts


def used_percent(spent: Decimal, amount: Decimal) -> Decimal:
    return spent * 100 / amount if amount else Decimal(0)


def hours_ahead(hours: int, now: datetime) -> Decimal:
    """What a start reserves of the cost to come: so many hours, and none beyond the period's end."""
    rest = min(timedelta(hours=hours), month_end(now) - now)
    return Decimal(rest // timedelta(microseconds=1)) / Decimal(HOUR // timedelta(microseconds=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Commitment:
    """What a start would make of a budget."""

    name: str
    limit: Decimal  # at which the budget acts
    spent: Decimal
    committed: Decimal  # the cost to come of what runs already
    asked: Decimal  # and of what would start
    resets_at: datetime

    @property
    def fits(self) -> bool:
        return self.spent + self.committed + self.asked <= self.limit

    def told(self) -> str:
        return (
            f"Budget “{self.name}”: {money(self.spent)} spent, {money(self.committed)} to come of what runs, and "
            f"{money(self.asked)} asked for make {money(self.spent + self.committed + self.asked)}; it acts at "
            f"{money(self.limit)}. {resets(self.resets_at)}"
        )


def resets(at: datetime) -> str:
    return f"It resets on {at:%Y-%m-%d at %H:%M} UTC."


def money(amount: Decimal) -> str:
    """Cents; of less than a dollar, hundredths of them."""
    return f"{amount:,.4f}" if 0 < amount < 1 else f"{amount:,.2f}"


def period(now: datetime) -> tuple[datetime, datetime]:
    """[start, end) of the month in UTC."""
    return month_start(now), month_end(now)


def faults(*, amount: Decimal, thresholds: Iterable[int], action_percent: int, committed_hours: int) -> dict[str, str]:
    """By field, what is wrong with it."""
    problems, percents = {}, list(thresholds)
    if not (amount.is_finite() and 0 < amount <= LARGEST_AMOUNT and amount == round(amount, 4)):
        problems["amount"] = f"More than 0 and at most {LARGEST_AMOUNT:,}, with four decimals at most."
    if len(percents) > MOST_THRESHOLDS or not all(1 <= percent <= HIGHEST_PERCENT for percent in percents):
        problems["thresholds"] = f"At most {MOST_THRESHOLDS} whole numbers of percent, from 1 to {HIGHEST_PERCENT}."
    if not 1 <= action_percent <= HIGHEST_PERCENT:
        problems["action_percent"] = f"A whole number of percent, from 1 to {HIGHEST_PERCENT}."
    if not 0 <= committed_hours <= LONGEST_AHEAD:
        problems["committed_hours"] = f"A whole number of hours, from 0 to {LONGEST_AHEAD}."
    return problems
