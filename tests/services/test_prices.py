"""Prices with dates: only from a time to come, in order, on record; and nobody alters the past."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError, connection, transaction

from endpoints.domain.actor import SYSTEM, Actor
from endpoints.domain.errors import Conflict, Forbidden, Invalid
from endpoints.enums import Meter
from endpoints.models import AppendOnly, Event, InstanceType, Price
from endpoints.selectors.prices import PriceState, all_prices, price_history
from endpoints.services import prices
from endpoints.services.capacity import lock_capacity
from endpoints.services.prices import create_instance_type, set_price, update_instance_type, withdraw_price
from tests.people import People

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 15, 12, 0, 5, tzinfo=UTC)
LATER, DAY = NOW + timedelta(hours=1), timedelta(days=1)
SIZE: dict[str, Any] = {"vcpu": Decimal(2), "memory_mib": 4096, "gpu": 0}


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOW, tick=False) as moved:
        yield moved


@pytest.fixture
def small(db: None) -> InstanceType:
    return create_instance_type(actor=SYSTEM, name="small", price_per_hour=Decimal("0.05"), **SIZE)


def price(unit_price: str, valid_from: datetime | None = None, **others: Any) -> Price:
    given = {"actor": SYSTEM, "meter": Meter.ONLINE, "item": "small", **others}
    return set_price(unit_price=Decimal(unit_price), valid_from=valid_from, **given)


def at(moment: datetime, meter: Meter = Meter.ONLINE, item: str = "small") -> Decimal:
    return all_prices().of(meter, item).at(moment)


def test_a_new_type_costs_something_from_the_start(small: InstanceType) -> None:
    assert at(NOW) == at(NOW - DAY) == Decimal("0.05")
    events = Event.objects.order_by("id").values_list("verb", "subject")
    assert list(events) == [("price.set", "Online instances small"), ("instance_type.created", "instance type small")]


def test_a_price_holds_from_its_date_and_not_before(small: InstanceType) -> None:
    price("0.08", LATER)
    assert [at(LATER - timedelta(microseconds=1)), at(LATER)] == [Decimal("0.05"), Decimal("0.08")]
    event = Event.objects.latest("id")
    assert event.before
    assert event.after
    assert (event.before["unit_price"], event.after["unit_price"], event.after["per"]) == ("0.05", "0.08", "hour")


def test_without_a_date_it_is_the_next_minute(small: InstanceType) -> None:
    assert price("0.08").valid_from == NOW + timedelta(seconds=55)
    with pytest.raises(Conflict, match="already"):
        price("0.08")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"unit_price": "-1"}, "unit_price"),
        ({"unit_price": "0.00001"}, "unit_price"),
        ({"unit_price": "NaN"}, "unit_price"),
        ({"valid_from": NOW}, "valid_from"),
        ({"valid_from": NOW - DAY}, "valid_from"),
        ({"valid_from": NOW + timedelta(seconds=9)}, "valid_from"),
        ({"valid_from": NOW + 5000 * DAY}, "valid_from"),
        ({"item": "huge"}, "item"),
        ({"item": ""}, "item"),
        ({"meter": Meter.INPUT_TOKENS, "item": "Of Whom?"}, "item"),
    ],
)
def test_what_cannot_be_a_price_changes_nothing(small: InstanceType, given: dict[str, Any], field: str) -> None:
    before = Price.objects.count(), Event.objects.count()
    with pytest.raises(Invalid) as refused:
        price(**{"unit_price": "1", **given})
    assert refused.value.fields.keys() == {field}
    assert (Price.objects.count(), Event.objects.count()) == before


def test_a_price_to_come_is_taken_back_or_replaced_and_both_stay_on_record(small: InstanceType, clock: Any) -> None:
    first, second = price("0.08", LATER), price("0.09", LATER)
    with pytest.raises(Conflict, match="replaced"):
        withdraw_price(actor=SYSTEM, price=first)
    withdraw_price(actor=SYSTEM, price=second)
    assert at(LATER) == Decimal("0.05")
    assert Event.objects.latest("id").verb == "price.withdrawn"
    states = [(entry.price.unit_price, entry.state) for entry in price_history(Meter.ONLINE, "small", now=NOW)]
    taken_back = [(Decimal(each), PriceState.TAKEN_BACK) for each in ("0.09", "0.08")]
    assert states == [*taken_back, (Decimal("0.05"), PriceState.CURRENT)]
    third = price("0.07", LATER)
    clock.move_to(LATER)
    with pytest.raises(Conflict, match="holds, or held"):
        withdraw_price(actor=SYSTEM, price=third)
    states = [(entry.price.unit_price, entry.state) for entry in price_history(Meter.ONLINE, "small", now=LATER)]
    assert states[0] == (Decimal("0.07"), PriceState.CURRENT)
    assert states[-1] == (Decimal("0.05"), PriceState.PAST)


def test_now_is_when_it_is_its_turn(small: InstanceType, clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for the lock is told by then whether the moment is still to come."""
    first = price("0.08", LATER)

    def locked() -> Any:
        clock.move_to(LATER - timedelta(seconds=9))
        return lock_capacity()

    monkeypatch.setattr(prices, "lock_capacity", locked)
    with pytest.raises(Conflict, match="is about to"):
        withdraw_price(actor=SYSTEM, price=first)
    clock.move_to(NOW)
    with pytest.raises(Invalid):
        price("0.09", LATER)
    assert at(LATER) == Decimal("0.08")


def test_nobody_alters_the_past_not_even_the_database(small: InstanceType) -> None:
    row = Price.objects.get()
    with pytest.raises(AppendOnly):
        row.save()
    with pytest.raises(AppendOnly):
        Price.objects.all().delete()
    for sql in ("UPDATE endpoints_price SET unit_price = 0", "DELETE FROM endpoints_price"):
        with pytest.raises(DatabaseError, match="only ever added to"), transaction.atomic():
            connection.cursor().execute(sql)
    assert at(NOW) == Decimal("0.05")


def test_jobs_cost_what_instances_do_until_they_have_a_price(small: InstanceType) -> None:
    assert at(NOW, Meter.BATCH) == Decimal("0.05")
    price("0.01", LATER, meter=Meter.BATCH)
    price("0.06", NOW + timedelta(minutes=30))
    price("0.07", LATER + DAY)
    found = [at(moment, Meter.BATCH) for moment in (NOW - DAY, NOW, NOW + timedelta(minutes=30), LATER, LATER + DAY)]
    assert found == [Decimal(each) for each in ("0.05", "0.05", "0.06", "0.01", "0.01")]
    assert at(LATER) == Decimal("0.06")


def test_a_model_without_a_price_of_its_own_costs_what_all_do(db: None) -> None:
    assert at(LATER, Meter.OUTPUT_TOKENS, "phi") == 0
    price("0.60", LATER, meter=Meter.OUTPUT_TOKENS, item="")
    price("1.20", LATER + DAY, meter=Meter.OUTPUT_TOKENS, item="big")
    assert [at(NOW, Meter.OUTPUT_TOKENS, item) for item in ("", "phi", "big")] == [0, 0, 0]
    assert at(LATER, Meter.OUTPUT_TOKENS, "big") == Decimal("0.60")
    found = [at(LATER + DAY, Meter.OUTPUT_TOKENS, item) for item in ("phi", "big")]
    assert found == [Decimal("0.60"), Decimal("1.20")]


def test_it_alone_sets_prices(small: InstanceType, people: People) -> None:
    for person in (people.owner, people.stranger):
        actor = Actor(user=person)
        with pytest.raises(Forbidden):
            price("0.08", LATER, actor=actor)
        with pytest.raises(Forbidden):
            withdraw_price(actor=actor, price=Price.objects.get())
        with pytest.raises(Forbidden):
            create_instance_type(actor=actor, name="mine", price_per_hour=Decimal(0), **SIZE)
        with pytest.raises(Forbidden):
            update_instance_type(actor=actor, instance_type=small, enabled=False)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": "Small Ones"}, "name"),
        ({"name": "small"}, "name"),
        ({"vcpu": Decimal(0)}, "vcpu"),
        ({"vcpu": Decimal("0.123")}, "vcpu"),
        ({"memory_mib": 1}, "memory_mib"),
        ({"gpu": 65}, "gpu"),
        ({"price_per_hour": Decimal("-1")}, "price_per_hour"),
        ({"description": "two\nlines"}, "description"),
    ],
)
def test_what_cannot_be_an_instance_type(small: InstanceType, given: dict[str, Any], field: str) -> None:
    fields = {"name": "other", "price_per_hour": Decimal(1), **SIZE, **given}
    with pytest.raises(Invalid) as refused:
        create_instance_type(actor=SYSTEM, **fields)
    assert refused.value.fields.keys() == {field}
    assert InstanceType.objects.count() == 1


def test_a_type_is_not_offered_any_more(small: InstanceType) -> None:
    update_instance_type(actor=SYSTEM, instance_type=small, enabled=False)
    small.refresh_from_db()
    assert not small.enabled
    event = Event.objects.latest("id")
    assert event.before
    assert event.after
    assert (event.verb, event.before["enabled"], event.after["enabled"]) == ("instance_type.updated", True, False)
    update_instance_type(actor=SYSTEM, instance_type=small, enabled=False)
    assert Event.objects.latest("id") == event
