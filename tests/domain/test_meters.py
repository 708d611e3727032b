"""Units, prices with dates, and amounts that are exact."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endpoints.domain.meters import (
    FARTHEST,
    MICROSECOND,
    NEAREST,
    UNITS,
    Amount,
    Price,
    PriceList,
    cost,
    next_minute,
    price_faults,
    price_list,
    shared,
)
from endpoints.enums import Meter

NOON = datetime(2026, 3, 15, 12, tzinfo=UTC)
ONE, TWO, THREE = Decimal(1), Decimal(2), Decimal(3)
SECOND = timedelta(seconds=1)


def dated(hours: int, price: Decimal | None) -> Price:
    return Price(valid_from=NOON + timedelta(hours=hours), unit_price=price)


def test_every_meter_has_a_unit() -> None:
    assert set(UNITS) == set(Meter)


def test_a_price_holds_from_its_moment_on() -> None:
    prices = price_list([dated(0, ONE), dated(2, THREE), dated(1, TWO)])
    at = [prices.at(NOON + timedelta(hours=hours)) for hours in (-5, 0, 1, 2, 99)]
    assert at == [ONE, ONE, TWO, THREE, THREE]
    assert prices.at(NOON + timedelta(hours=1) - timedelta(microseconds=1)) == ONE
    assert prices.since(NOON + timedelta(hours=1.5)) == NOON + timedelta(hours=1)
    assert prices.since(NOON - SECOND) is None


def test_of_the_same_moment_the_later_word_counts_and_nothing_is_forgotten() -> None:
    assert price_list([dated(0, ONE), dated(1, TWO), dated(1, THREE)]).at(NOON + timedelta(hours=1)) == THREE
    assert price_list([dated(0, ONE), dated(1, TWO), dated(1, None)]).prices == ((NOON, ONE),)
    assert price_list([dated(0, ONE), dated(1, None), dated(1, TWO)]).at(NOON + timedelta(hours=1)) == TWO


def test_what_has_no_price_costs_nothing() -> None:
    assert PriceList().at(NOON) == 0
    assert PriceList().changes(NOON, NOON + timedelta(days=9)) == []


def test_tokens_are_priced_by_the_million_and_endpoints_by_the_hour() -> None:
    tokens = Amount(meter=Meter.INPUT_TOKENS, unit_price=Decimal("0.15"), quantity=1_234_567)
    minutes = Amount(meter=Meter.ENDPOINT_MINUTES, unit_price=Decimal("0.60"), quantity=60_000_000)
    assert tokens.exact == Fraction(15, 100) * Fraction(1_234_567, 1_000_000)
    assert (tokens.units, cost([minutes])) == (Decimal("1.234567"), Decimal("0.01"))
    assert cost([tokens, minutes]) == Decimal("0.18518505") + Decimal("0.01")


@pytest.mark.parametrize("price", ["-0.0001", "0.00001", "1000000", "NaN", "Infinity"])
def test_a_price_that_cannot_be(price: str) -> None:
    assert price_faults(unit_price=Decimal(price), valid_from=None, now=NOON).keys() == {"unit_price"}


def test_the_past_has_its_prices() -> None:
    for at in (NOON, NOON - SECOND, NOON + NEAREST - MICROSECOND, NOON + FARTHEST + SECOND):
        assert price_faults(unit_price=ONE, valid_from=at, now=NOON).keys() == {"valid_from"}
    assert price_faults(unit_price=Decimal(0), valid_from=NOON + NEAREST, now=NOON) == {}


def test_from_now_on_is_the_next_minute_that_nobody_has_measured_yet() -> None:
    assert next_minute(NOON) == NOON + timedelta(minutes=1)
    assert next_minute(NOON + timedelta(seconds=50)) == NOON + timedelta(minutes=1)
    assert next_minute(NOON + timedelta(seconds=51)) == NOON + timedelta(minutes=2)


@given(st.integers(0, 10**9), st.lists(st.integers(1, 3600), min_size=1, max_size=30))
def test_what_is_shared_out_stays_whole(quantity: int, lengths: list[int]) -> None:
    parts = shared(quantity, lengths)
    assert sum(parts) == quantity
    assert all(
        abs(part - quantity * length / sum(lengths)) < 1.001 for part, length in zip(parts, lengths, strict=True)
    )
