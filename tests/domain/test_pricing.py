"""Every second once, at the price of its time; sums are exact."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from endpoints.domain.meters import Amount, PriceList, cost, microseconds
from endpoints.domain.pricing import (
    HOUR,
    UNSEEN,
    Holding,
    Slice,
    Terms,
    extended,
    forecast,
    hours,
    month_end,
    month_start,
    priced,
)
from endpoints.enums import Meter, UsagePhase

NOON = datetime(2026, 3, 15, 12, tzinfo=UTC)
RUNNING = Terms(instance_type="small", phase=UsagePhase.RUNNING, unit_price=Decimal("0.05"))
DEARER = Terms(instance_type="small", phase=UsagePhase.RUNNING, unit_price=Decimal("0.07"))


CHEAP, DEAR = Decimal("0.05"), Decimal("0.07")


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def seen(
    last: Slice | None,
    *,
    held: bool,
    terms: Terms,
    started_at: datetime,
    now: datetime,
    prices: PriceList | None = None,
) -> list[Slice]:
    """A running replica, at a price that does not change unless `prices` say so."""
    holding = Holding(instance_type=terms.instance_type, phase=terms.phase, started_at=started_at)
    return extended(last, held=held, holding=holding, prices=prices or PriceList(((NOON, terms.unit_price),)), now=now)


def spans(slices: list[Slice]) -> list[tuple[datetime, datetime]]:
    return [(each.started_at, each.ended_at) for each in slices]


def test_a_replica_is_billed_since_it_started() -> None:
    assert spans(seen(None, held=False, terms=RUNNING, started_at=at(1), now=at(3))) == [(at(1), at(3))]
    assert seen(None, held=False, terms=RUNNING, started_at=at(3), now=at(3)) == []


def test_it_grows_and_is_cut_at_the_hour() -> None:
    [open_one] = seen(None, held=False, terms=RUNNING, started_at=at(58), now=at(59))
    [longer] = seen(open_one, held=True, terms=RUNNING, started_at=at(58), now=at(59.5))
    assert spans([longer]) == [(at(58), at(59.5))]
    cut = seen(longer, held=True, terms=RUNNING, started_at=at(58), now=at(60.5))
    assert spans(cut) == [(at(58), at(60)), (at(60), at(60.5))]


def test_a_slice_that_ends_with_the_hour_does_not_go_on() -> None:
    last = Slice(started_at=at(30), ended_at=at(60), terms=RUNNING)
    assert spans(seen(last, held=True, terms=RUNNING, started_at=at(30), now=at(61))) == [(at(60), at(61))]


def test_a_new_price_is_a_new_slice() -> None:
    last = Slice(started_at=at(1), ended_at=at(2), terms=RUNNING)
    [new] = seen(last, held=True, terms=DEARER, started_at=at(1), now=at(2.5))
    assert (spans([new]), new.terms) == ([(at(2), at(2.5))], DEARER)


def test_a_process_that_crashed_and_came_back_held_its_place() -> None:
    last = Slice(started_at=at(1), ended_at=at(2), terms=RUNNING)
    assert spans(seen(last, held=True, terms=RUNNING, started_at=at(2.2), now=at(2.3))) == [(at(1), at(2.3))]


def test_one_that_was_stopped_in_between_did_not() -> None:
    last = Slice(started_at=at(1), ended_at=at(2), terms=RUNNING)
    assert spans(seen(last, held=False, terms=RUNNING, started_at=at(2.2), now=at(2.3))) == [(at(2.2), at(2.3))]


def test_after_a_long_silence_the_process_tells() -> None:
    last = Slice(started_at=at(1), ended_at=at(2), terms=RUNNING)
    same = seen(last, held=True, terms=RUNNING, started_at=at(1), now=at(40))
    assert spans(same) == [(at(1), at(40))]
    other = seen(last, held=True, terms=RUNNING, started_at=at(30), now=at(40))
    assert spans(other) == [(at(30), at(40))]


def test_a_change_of_price_within_the_hour_splits_it_to_the_microsecond() -> None:
    change = at(20.5) + timedelta(microseconds=1)
    prices = PriceList(((NOON - HOUR, CHEAP), (change, DEAR)))
    last = Slice(started_at=at(0), ended_at=at(20), terms=RUNNING)
    found = seen(last, held=True, terms=RUNNING, started_at=at(0), now=at(21), prices=prices)
    assert [(each.started_at, each.ended_at, each.terms.unit_price) for each in found] == [
        (at(0), change, CHEAP),
        (change, at(21), DEAR),
    ]


def test_a_price_that_stays_the_same_cuts_nothing() -> None:
    prices = PriceList(((NOON - HOUR, CHEAP), (at(10), CHEAP)))
    assert priced(at(0), at(30), prices) == [(at(0), at(30), CHEAP)]


def test_the_price_at_its_first_instant_is_the_new_one() -> None:
    prices = PriceList(((NOON - HOUR, CHEAP), (at(60), DEAR)))
    assert priced(at(59), at(61), prices) == [(at(59), at(60), CHEAP), (at(60), at(61), DEAR)]


def test_a_clock_that_jumps_bills_no_second_twice() -> None:
    """Ahead by two hours and back again: what was billed ahead is not billed once more."""
    first = seen(None, held=False, terms=RUNNING, started_at=at(0), now=at(1))
    ahead = seen(first[-1], held=True, terms=RUNNING, started_at=at(0), now=at(121))
    assert spans(ahead) == [(at(0), at(60)), (at(60), at(120)), (at(120), at(121))]
    assert seen(ahead[-1], held=True, terms=RUNNING, started_at=at(0), now=at(2)) == []
    again = seen(ahead[-1], held=True, terms=RUNNING, started_at=at(0), now=at(122))
    assert spans(again) == [(at(120), at(122))]


def test_days_of_daylight_saving_have_24_hours_and_no_leap_second() -> None:
    """UTC knows neither: the last Sunday of March, and the end of 2016 in which a second was inserted."""
    for day in (
        datetime(2026, 3, 29, tzinfo=UTC),
        datetime(2026, 10, 25, tzinfo=UTC),
        datetime(2016, 12, 31, tzinfo=UTC),
    ):
        cuts = hours(day, day + timedelta(days=1))
        assert len(cuts) == 24
        assert {end - start for start, end in cuts} == {HOUR}


seconds = st.integers(1, 400)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(seconds, st.integers(0, 7200), st.integers(1, 5)), max_size=12), seconds)
def test_whatever_prices_do_time_and_money_are_whole(changes: list[tuple[int, int, int]], wait: int) -> None:
    """Passes at any times, prices at any moments: all of the time once, at what it cost in that instant."""
    moments = {NOON + timedelta(seconds=second): Decimal(price) for _, second, price in changes}
    prices = PriceList(((NOON - HOUR, CHEAP), *sorted(moments.items())))
    kept: dict[datetime, Slice] = {}
    last, now, end = None, NOON, NOON + 2 * HOUR
    for step in [*(step for step, _, _ in changes), wait, 7200]:
        now = min(end, now + timedelta(seconds=step))
        for each in seen(last, held=last is not None, terms=RUNNING, started_at=NOON, now=now, prices=prices):
            kept[each.started_at] = last = each
    slices = sorted(kept.values(), key=lambda each: each.started_at)
    assert [slices[0].started_at, slices[-1].ended_at] == [NOON, end]
    assert all(before.ended_at == after.started_at for before, after in pairwise(slices))
    expected = sum((prices.at(NOON + timedelta(seconds=second)) for second in range(7200)), Decimal(0)) / 3600
    amounts = [
        Amount(
            meter=Meter.ONLINE, unit_price=each.terms.unit_price, quantity=microseconds(each.ended_at - each.started_at)
        )
        for each in slices
    ]
    assert abs(cost(amounts) - expected) < Decimal("1e-20")


@given(st.lists(st.tuples(seconds, st.booleans(), st.booleans()), max_size=40))
def test_no_second_twice_and_none_missing(steps: list[tuple[int, bool, bool]]) -> None:
    """Passes at odd times, prices that change, passes that are done twice: one process, all of its time."""
    now, terms, last = NOON, RUNNING, None
    kept: dict[datetime, Slice] = {}
    for wait, dearer, twice in steps:
        now += timedelta(seconds=wait)
        terms = DEARER if dearer else RUNNING
        for _ in range(2 if twice else 1):
            for each in seen(last, held=last is not None, terms=terms, started_at=NOON, now=now):
                kept[each.started_at] = each
                last = each
    slices = sorted(kept.values(), key=lambda each: each.started_at)
    assert sum((each.ended_at - each.started_at for each in slices), timedelta()) == now - NOON
    for before, after in pairwise(slices):
        assert before.ended_at == after.started_at
    for each in slices:
        assert each.started_at.replace(minute=0, second=0) + HOUR >= each.ended_at


@given(seconds, st.integers(0, 10_000), st.lists(st.integers(1, 3599), max_size=10))
def test_the_sum_of_parts_is_the_whole(minutes: int, ten_thousandths: int, cuts: list[int]) -> None:
    price = Decimal(ten_thousandths) / 10_000
    ends = sorted({timedelta(), timedelta(hours=1), *(timedelta(seconds=cut) for cut in cuts)})
    parts = [
        Amount(meter=Meter.ONLINE, unit_price=price, quantity=microseconds(later - earlier))
        for earlier, later in pairwise(ends)
    ]
    assert cost(parts) == price


def test_hours_are_half_open() -> None:
    assert hours(at(0), at(60)) == [(at(0), at(60))]
    assert hours(at(5), at(5)) == []
    assert len(hours(at(-1), at(181))) == 5


def test_months() -> None:
    assert month_start(NOON) == datetime(2026, 3, 1, tzinfo=UTC)
    assert month_end(datetime(2026, 12, 31, 23, tzinfo=UTC)) == datetime(2027, 1, 1, tzinfo=UTC)
    assert month_end(datetime(2024, 2, 1, tzinfo=UTC)) == datetime(2024, 3, 1, tzinfo=UTC)


def steady(days: float, per_hour: str) -> dict[datetime, Decimal]:
    return {NOON - HOUR * back: Decimal(per_hour) for back in range(1, int(days * 24) + 1)}


def test_a_steady_cost_goes_on_and_leaves_no_doubt() -> None:
    found = forecast(Decimal(10), steady(7, "0.5"), NOON)
    rest_hours = (month_end(NOON) - NOON) // HOUR
    assert found.expected == 10 + Decimal("0.5") * rest_hours
    assert found.low == found.expected == found.high


def test_days_that_differ_widen_the_band() -> None:
    uneven = steady(7, "0.5") | {NOON - HOUR * back: Decimal(2) for back in range(30, 40)}
    found = forecast(Decimal(10), uneven, NOON)
    assert found.to_date <= found.low < found.expected < found.high


def test_what_has_ended_does_not_go_on() -> None:
    gone = {hour: amount for hour, amount in steady(7, "1").items() if hour < NOON - 24 * HOUR}
    found = forecast(Decimal(50), gone, NOON)
    assert found.expected == 50


def test_the_first_hour_of_all_is_taken_for_the_rest() -> None:
    now = NOON + timedelta(minutes=30)
    found = forecast(Decimal("0.5"), {NOON: Decimal("0.5")}, now)
    assert found.expected == Decimal("0.5") + Decimal(24) * Decimal(repr((month_end(now) - now) / timedelta(days=1)))
    assert forecast(Decimal(0), {}, now).expected == 0


def test_unseen_is_longer_than_a_pass() -> None:
    assert timedelta(seconds=60) < UNSEEN
