"""Every second once, at the price of its time; sums are exact."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from endpoints.domain.pricing import HOUR, UNSEEN, Slice, Terms, cost, extended, forecast, hours, month_end, month_start
from endpoints.enums import UsagePhase

NOON = datetime(2026, 3, 15, 12, tzinfo=UTC)
RUNNING = Terms(instance_type="small", phase=UsagePhase.RUNNING, price_per_hour=Decimal("0.05"))
DEARER = Terms(instance_type="small", phase=UsagePhase.RUNNING, price_per_hour=Decimal("0.07"))


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def spans(slices: list[Slice]) -> list[tuple[datetime, datetime]]:
    return [(each.started_at, each.ended_at) for each in slices]


def test_a_replica_is_billed_since_it_started() -> None:
    assert spans(extended(None, held=False, terms=RUNNING, started_at=at(1), now=at(3))) == [(at(1), at(3))]
    assert extended(None, held=False, terms=RUNNING, started_at=at(3), now=at(3)) == []


def test_it_grows_and_is_cut_at_the_hour() -> None:
    [open_one] = extended(None, held=False, terms=RUNNING, started_at=at(58), now=at(59))
    [longer] = extended(open_one, held=True, terms=RUNNING, started_at=at(58), now=at(59.5))
    assert spans([longer]) == [(at(58), at(59.5))]
    cut = extended(longer, held=True, terms=RUNNING, started_at=at(58), now=at(60.5))
    assert spans(cut) == [(at(58), at(60)), (at(60), at(60.5))]


def test_a_slice_that_ends_with_the_hour_does_not_go_on() -> None:
    last = Slice(started_at=at(30), ended_at=at(60), terms=RUNNING)
    assert spans(extended(last, held=True, terms=RUNNING, started_at=at(30), now=at(61))) == [(at(60), at(61))]


def test_a_new_price_is_a_new_slice() -> None:
    last = Slice(started_at=at(1), ended_at=at(2), terms=RUNNING)
    [new] = extended(last, held=True, terms=DEARER, started_at=at(1), now=at(2.5))
    assert (spans([new]), new.terms) == ([(at(2), at(2.5))], DEARER)


def test_a_process_that_crashed_and_came_back_held_its_place() -> None:
    last = Slice(started_at=at(1), ended_at=at(2), terms=RUNNING)
    assert spans(extended(last, held=True, terms=RUNNING, started_at=at(2.2), now=at(2.3))) == [(at(1), at(2.3))]


def test_one_that_was_stopped_in_between_did_not() -> None:
    last = Slice(started_at=at(1), ended_at=at(2), terms=RUNNING)
    assert spans(extended(last, held=False, terms=RUNNING, started_at=at(2.2), now=at(2.3))) == [(at(2.2), at(2.3))]


def test_after_a_long_silence_the_process_tells() -> None:
    last = Slice(started_at=at(1), ended_at=at(2), terms=RUNNING)
    same = extended(last, held=True, terms=RUNNING, started_at=at(1), now=at(40))
    assert spans(same) == [(at(1), at(40))]
    other = extended(last, held=True, terms=RUNNING, started_at=at(30), now=at(40))
    assert spans(other) == [(at(30), at(40))]


seconds = st.integers(1, 400)


@given(st.lists(st.tuples(seconds, st.booleans(), st.booleans()), max_size=40))
def test_no_second_twice_and_none_missing(steps: list[tuple[int, bool, bool]]) -> None:
    """Passes at odd times, prices that change, passes that are done twice: one process, all of its time."""
    now, terms, last = NOON, RUNNING, None
    kept: dict[datetime, Slice] = {}
    for wait, dearer, twice in steps:
        now += timedelta(seconds=wait)
        terms = DEARER if dearer else RUNNING
        for _ in range(2 if twice else 1):
            for each in extended(last, held=last is not None, terms=terms, started_at=NOON, now=now):
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
    parts = [(later - earlier, price) for earlier, later in pairwise(ends)]
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
