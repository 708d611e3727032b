"""A month's statement: lines in cents that add up to the exact sum, rounded once.

The total is the exact sum, rounded half up to the cent. Each line is rounded down, and the cents that are missing go to
the lines that lost most by it, one each (largest remainder): so lines, groups of lines and total always agree.
"""

import calendar
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from math import floor

from endpoints.domain.errors import Invalid
from endpoints.domain.meters import BY_INSTANCE_TYPE, HOUR, UNITS, Amount
from endpoints.domain.pricing import month_end, month_start
from endpoints.enums import Meter, UsagePhase

UNALLOCATED = "unallocated"
TAG = "tag:"
MONTH = re.compile(r"(\d{4})-(\d{2})\Z", re.ASCII)
HALF = Fraction(1, 2)
PHASES = tuple(UsagePhase)  # in the order in which they happen


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """[start, end) in UTC."""

    start: datetime
    end: datetime

    def __str__(self) -> str:
        return f"{self.start:%Y-%m}"

    @property
    def words(self) -> str:
        return f"{calendar.month_name[self.start.month]} {self.start.year}"

    def is_over(self, now: datetime) -> bool:
        return self.end <= now


def month_of(moment: datetime) -> Month:
    return Month(start=month_start(moment), end=month_end(moment))


def read_month(text: str, *, now: datetime) -> Month:
    """ "2026-11"; empty: the present one. Raises Invalid."""
    if not text:
        return month_of(now)
    found = MONTH.match(text)
    if not found or not 1 <= int(found[2]) <= 12 or not 2000 <= int(found[1]) <= now.year:
        raise Invalid({"month": "A year and a month as in 2026-11, not in the future."})
    asked = month_of(datetime(int(found[1]), int(found[2]), 1, tzinfo=UTC))
    if asked.start > now:
        raise Invalid({"month": "That month has not begun."})
    return asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Usage of the month that is alike in all that a statement tells apart."""

    workspace: str
    endpoint: str
    deployment: str
    owner: str  # an address; empty: nobody's
    tags: Mapping[str, str] = field(default_factory=dict, hash=False)
    meter: Meter
    item: str  # the instance type, or the model
    phase: UsagePhase
    job: str
    unit_price: Decimal
    quantity: int  # microseconds, or what is counted

    @property
    def amount(self) -> Amount:
        return Amount(meter=self.meter, unit_price=self.unit_price, quantity=self.quantity)

    @property
    def place(self) -> tuple[str | int | Decimal, ...]:
        """Where it stands among the others, whatever they are grouped by."""
        what = (self.meter.value, self.item, self.job, PHASES.index(self.phase))
        return (self.workspace, self.endpoint, self.deployment, *what, self.unit_price)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    entry: Entry
    cents: int

    @property
    def amount(self) -> Decimal:
        return money(self.cents)

    @property
    def units(self) -> Decimal:
        return self.entry.amount.units

    @property
    def unit(self) -> str:
        return UNITS[self.entry.meter].name


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    lines: tuple[Line, ...]
    cents: int

    @property
    def total(self) -> Decimal:
        return money(self.cents)


def money(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)


def statement(entries: Iterable[Entry]) -> Statement:
    """Of one workspace; of several, each is a statement of its own, and the site's total is the sum of theirs."""
    by_workspace: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_workspace[entry.workspace].append(entry)
    parts = [_of_one(found) for _, found in sorted(by_workspace.items())]
    lines = tuple(line for part in parts for line in part.lines)
    return Statement(lines=lines, cents=sum(part.cents for part in parts))


def _of_one(entries: list[Entry]) -> Statement:
    ordered = sorted(entries, key=lambda entry: entry.place)
    exact = [entry.amount.exact * 100 for entry in ordered]
    total = floor(sum(exact, Fraction()) + HALF)
    cents = [floor(each) for each in exact]
    by_loss = sorted(range(len(exact)), key=lambda index: cents[index] - exact[index])
    for index in by_loss[: total - sum(cents)]:
        cents[index] += 1
    lines = (Line(entry=entry, cents=each) for entry, each in zip(ordered, cents, strict=True))
    return Statement(lines=tuple(lines), cents=total)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Lines under one heading; what is nobody's, or has no such tag, stands under "unallocated"."""

    name: str
    lines: tuple[Line, ...]

    @property
    def amount(self) -> Decimal:
        return money(sum(line.cents for line in self.lines))

    @property
    def phases(self) -> dict[str, Decimal]:
        """Hours of instances by what was done with them."""
        found: dict[str, int] = {}
        for line in self.lines:
            if line.entry.meter in BY_INSTANCE_TYPE:
                phase = line.entry.phase.value
                found[phase] = found.get(phase, 0) + line.entry.quantity
        return {phase: Decimal(quantity) / HOUR.parts for phase, quantity in found.items()}


GROUPS: Mapping[str, Callable[[Entry], str]] = {
    "workspace": lambda entry: entry.workspace,
    "endpoint": lambda entry: entry.endpoint,
    "deployment": lambda entry: f"{entry.endpoint}/{entry.deployment}",
    "owner": lambda entry: entry.owner or UNALLOCATED,
    "meter": lambda entry: entry.meter.label,
    "job": lambda entry: entry.job or UNALLOCATED,
}


def grouping(group: str) -> Callable[[Entry], str]:
    """One of GROUPS, or "tag:" and a tag's name. Raises Invalid."""
    if group.startswith(TAG) and len(group) > len(TAG):
        tag = group.removeprefix(TAG)
        return lambda entry: entry.tags.get(tag) or UNALLOCATED
    if group not in GROUPS:
        raise Invalid({"group": f"Use {', '.join(GROUPS)}, or {TAG} and the name of a tag."})
    return GROUPS[group]


def grouped(lines: Iterable[Line], group: str) -> list[Group]:
    """The dearest first, what is unallocated last. Every line stands in one group."""
    name_of = grouping(group)
    together: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        together[name_of(line.entry)].append(line)
    found = [Group(name=name, lines=tuple(each)) for name, each in together.items()]
    return sorted(found, key=lambda each: (each.name == UNALLOCATED, -each.amount, each.name))
