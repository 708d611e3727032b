"""A day of traffic, made of a seed, with what is true of it: told to the collector as Envoy tells it, in text."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from endpoints.domain.counters import GatewaySnapshot
from endpoints.domain.rollups import aligned
from endpoints.telemetry.envoy import parse
from endpoints.telemetry.port import TelemetryUnreachable

START = datetime(2026, 3, 14, tzinfo=UTC)
END = START + timedelta(days=1)
PASSES_AFTER = 3  # so that the last hour and the day are rolled up
# What the caller got, how often, and as what Envoy counts it; "as" names in its statistics, all of them by one.
OUTCOMES: Mapping[str, tuple[int, tuple[str, ...]]] = {
    "200": (900, ("upstream_rq_2xx",)),
    "404": (20, ("upstream_rq_4xx",)),
    "424": (30, ("upstream_rq_4xx", "upstream_rq_424")),
    "408": (10, ("upstream_rq_5xx", "upstream_rq_timeout")),
    "429": (20, ("upstream_rq_5xx", "upstream_rq_pending_overflow")),
    "503": (20, ("upstream_rq_5xx",)),
}


@dataclass(frozen=True, slots=True)
class Request:
    outcome: str
    milliseconds: float


@dataclass
class Day:
    """`truth` has the requests of each cluster by the interval of the scrape that told them first."""

    clusters: tuple[str, ...]
    chance: random.Random
    truth: dict[str, dict[datetime, list[Request]]] = field(default_factory=lambda: defaultdict(dict))
    down: bool = False
    waiting: dict[str, list[Request]] = field(default_factory=lambda: defaultdict(list))
    counters: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    bins: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    process: int = 1
    started_at: datetime = START

    def serve(self, seconds: int) -> None:
        """Some requests to each, up to one a second, of a kind and a duration as chance has it."""
        kinds, weights = list(OUTCOMES), [weight for weight, _ in OUTCOMES.values()]
        for number, cluster in enumerate(self.clusters):
            count = self.chance.randrange(min(seconds, 60))
            for kind in self.chance.choices(kinds, weights, k=count):
                took = self.chance.lognormvariate(3 + number, 0.8)
                self.waiting[cluster].append(Request(kind, took))
                self.counters[cluster].update(OUTCOMES[kind][1])
                self.bins[cluster][_bin(int(took))] += 1

    def told(self, slot: datetime) -> None:
        """Of what a scrape has told: that it was in `slot`."""
        for cluster, found in self.waiting.items():
            self.truth[cluster].setdefault(slot, []).extend(found)
        self.waiting.clear()

    def restart(self, at: datetime) -> None:
        """Of Envoy, once everything was told: it begins again at zero."""
        self.counters.clear()
        self.bins.clear()
        self.process, self.started_at = self.process + 1, at

    def scrape(self) -> GatewaySnapshot:
        if self.down:
            raise TelemetryUnreachable("It is down for a while.")
        at = datetime.now(UTC)
        return GatewaySnapshot(
            identity=f"{self.process}", started_at=self.started_at, at=at, clusters=parse("\n".join(self.text()))
        )

    def text(self) -> Iterator[str]:
        for cluster in self.clusters:
            for name, count in self.counters[cluster].items():
                yield f"cluster.{cluster}.{name}: {count}"
            if self.bins[cluster]:
                bins = ", ".join(f"{each}:{count}" for each, count in self.bins[cluster].items())
                yield f"cluster.{cluster}.upstream_rq_time:"
                yield f"  totals={bins}"

    def between(self, cluster: str, start: datetime, end: datetime) -> list[Request]:
        return [each for at, found in self.truth[cluster].items() if start <= at < end for each in found]

    def by_point(self, cluster: str, start: datetime, end: datetime, step: int) -> dict[datetime, list[Request]]:
        points: dict[datetime, list[Request]] = defaultdict(list)
        for at, found in self.truth[cluster].items():
            if start <= at < end:
                points[start + (at - start) // timedelta(seconds=step) * timedelta(seconds=step)] += found
        return {at: found for at, found in points.items() if found}


def _bin(milliseconds: int) -> str:
    """As Envoy has them: two digits of what was rounded down to whole milliseconds."""
    if milliseconds < 10:
        return f"{milliseconds},0.1"
    width = 10 ** (len(str(milliseconds)) - 2)
    return f"{milliseconds // width * width},{width}"


def looks() -> Iterator[tuple[int, int]]:
    """Seconds since the look before, and the interval of the collector: fewer looks where nobody looks closely."""
    yield from [(1200, 60)] * 63
    yield from [(300, 60)] * 30
    yield from [(10, 10)] * 180


def slot_of(now: datetime, interval: int) -> datetime:
    return aligned(now - timedelta(seconds=interval) / 2, 10)


@dataclass
class Bill:
    """What each replica cost: half-open intervals, each at one price. Fractions are exact."""

    amounts: dict[datetime, Fraction] = field(default_factory=lambda: defaultdict(Fraction))

    def add(self, start: datetime, end: datetime, price: Decimal) -> None:
        while start < end:
            hour = aligned(start, 3600)
            until = min(end, hour + timedelta(hours=1))
            self.amounts[hour] += Fraction(price) * Fraction(
                (until - start) // timedelta(microseconds=1), 3_600_000_000
            )
            start = until

    def total(self) -> Fraction:
        return sum(self.amounts.values(), Fraction())


def as_decimal(amount: Fraction, places: int = 10) -> Decimal:
    return (Decimal(amount.numerator) / Decimal(amount.denominator)).quantize(Decimal(1).scaleb(-places))
