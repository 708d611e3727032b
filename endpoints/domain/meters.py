"""What is metered, in which units, and what a unit costs from when on. Money is Decimal; nothing is rounded here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from endpoints.enums import Meter

MICROSECOND = timedelta(microseconds=1)
LARGEST_PRICE = Decimal("999999.9999")
DECIMALS = 4
NEAREST = timedelta(seconds=10)  # ahead of now, from which a price may hold: whoever measures now has read the old one
FARTHEST = timedelta(days=5 * 365)
NOTHING = Decimal(0)
ALWAYS = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What a price is for: so many microseconds, or so many of what is counted."""

    name: str
    parts: int
    by_time: bool


HOUR = Unit(name="hour", parts=3_600_000_000, by_time=True)
MILLION_TOKENS = Unit(name="million tokens", parts=1_000_000, by_time=False)
UNITS: Mapping[Meter, Unit] = {
    Meter.ONLINE: HOUR,
    Meter.BATCH: HOUR,
    Meter.ENDPOINT_MINUTES: HOUR,
    Meter.INPUT_TOKENS: MILLION_TOKENS,
    Meter.OUTPUT_TOKENS: MILLION_TOKENS,
}
BY_INSTANCE_TYPE = (Meter.ONLINE, Meter.BATCH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """So much of one meter at one price: microseconds, or what is counted."""

    meter: Meter
    unit_price: Decimal
    quantity: int

    @property
    def exact(self) -> Fraction:
        return Fraction(self.unit_price) * self.quantity / UNITS[self.meter].parts

    @property
    def units(self) -> Decimal:
        return Decimal(self.quantity) / UNITS[self.meter].parts


def cost(amounts: Iterable[Amount]) -> Decimal:
    """Summed exactly, divided once for each kind of unit. 28 digits, not rounded for people."""
    sums: dict[int, Decimal] = {}
    for each in amounts:
        parts = UNITS[each.meter].parts
        sums[parts] = sums.get(parts, NOTHING) + each.unit_price * each.quantity
    return sum((product / parts for parts, product in sums.items()), NOTHING)


def microseconds(duration: timedelta) -> int:
    return duration // MICROSECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Of one unit from `valid_from` on. Without a number it was withdrawn: the one before goes on."""

    valid_from: datetime
    unit_price: Decimal | None


@dataclass(frozen=True, slots=True)
class PriceList:
    """What holds when: in order, each beginning once. What has no price costs nothing."""

    prices: tuple[tuple[datetime, Decimal], ...] = ()

    def at(self, moment: datetime) -> Decimal:
        """Before the first one, the first one's."""
        found = self.prices[0][1] if self.prices else NOTHING
        for valid_from, unit_price in self.prices:
            if valid_from > moment:
                break
            found = unit_price
        return found

    def over(self, general: "PriceList") -> "PriceList":
        """These, and until the first of them the general ones; where there are none, it costs nothing until then."""
        if not self.prices:
            return general
        begins = self.prices[0][0]
        before = [each for each in general.prices if each[0] < begins]
        return PriceList((*(before or [(ALWAYS, general.at(begins))]), *self.prices))

    def since(self, moment: datetime) -> datetime | None:
        """Since when the price of that moment holds."""
        return max((valid_from for valid_from, _ in self.prices if valid_from <= moment), default=None)

    def changes(self, start: datetime, end: datetime) -> list[datetime]:
        """Within (start, end), when it begins to cost something else."""
        return [moment for moment, _ in self.prices if start < moment < end and self._is_new(moment)]

    def _is_new(self, moment: datetime) -> bool:
        return self.at(moment) != self.at(moment - MICROSECOND)


def price_list(entries: Iterable[Price]) -> PriceList:
    """From entries in the order in which they were written: for the same moment the last one counts."""
    last = {entry.valid_from: entry.unit_price for entry in entries}
    return PriceList(tuple((moment, price) for moment, price in sorted(last.items()) if price is not None))


def price_faults(*, unit_price: Decimal, valid_from: datetime | None, now: datetime) -> dict[str, str]:
    """By field, what is wrong with a price that is to hold from then on; None: from the next minute on."""
    problems = {}
    if not (unit_price.is_finite() and 0 <= unit_price <= LARGEST_PRICE and unit_price == round(unit_price, DECIMALS)):
        problems["unit_price"] = f"From 0 to {LARGEST_PRICE:,}, with {DECIMALS} decimals at most."
    if valid_from is not None and valid_from < now + NEAREST:
        problems["valid_from"] = (
            f"A time to come, {NEAREST.seconds} seconds away at least: what was used until now keeps the price it had."
        )
    elif valid_from is not None and valid_from > now + FARTHEST:
        problems["valid_from"] = "Within the next five years."
    return problems


def next_minute(now: datetime) -> datetime:
    """The first full one from which a price may hold."""
    later = now + NEAREST
    full = later.replace(second=0, microsecond=0)
    return full if full == later else full + timedelta(minutes=1)


def shared(quantity: int, parts: Iterable[int]) -> list[int]:
    """What was counted over several stretches of time, in proportion to their lengths: none is lost or doubled."""
    lengths = list(parts)
    whole = sum(lengths)
    shares = [quantity * length // whole for length in lengths]
    rest = sorted(range(len(lengths)), key=lambda index: -(quantity * lengths[index] % whole))
    for index in rest[: quantity - sum(shares)]:
        shares[index] += 1
    return shares
