"""IT's page of prices: what it shows, what it takes, what it refuses, and that it is IT's alone."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client

from endpoints.domain.actor import SYSTEM
from endpoints.enums import Meter
from endpoints.models import Event, InstanceType, Price
from endpoints.services.prices import create_instance_type, set_price
from tests.people import People

pytestmark = pytest.mark.django_db
SignedIn = Callable[[str], Client]
PAGE, SMALL, TOKENS = "/it/prices/", "/it/prices/online/small/", "/it/prices/input_tokens/"
NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
TOMORROW = NOW + timedelta(days=1)
NEW = {"name": "big", "description": "", "vcpu": "4", "memory_mib": "8192", "gpu": "0", "price_per_hour": "0.2"}


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def small(db: None) -> InstanceType:
    made = create_instance_type(
        actor=SYSTEM, name="small", price_per_hour=Decimal("0.05"), vcpu=Decimal(1), memory_mib=1024, gpu=0
    )
    set_price(actor=SYSTEM, meter=Meter.ONLINE, item="small", unit_price=Decimal("0.08"), valid_from=TOMORROW)
    return made


def test_present_and_next_price_of_everything(signed_in: SignedIn, small: InstanceType) -> None:
    context = signed_in("staff").get(PAGE).context
    [row] = context["types"]
    assert (row["price"], row["next"]) == (Decimal("0.05"), {"at": TOMORROW, "price": Decimal("0.08")})
    assert [(each["meter"], each["priced"]) for each in context["meters"]] == [
        ("input_tokens", False),
        ("output_tokens", False),
        ("endpoint_minutes", False),
    ]


def test_a_price_from_a_date_and_back(signed_in: SignedIn, small: InstanceType, people: People) -> None:
    it = signed_in("staff")
    later = {"change": "price", "unit_price": "0.09", "valid_from": "2026-04-01T00:00"}
    assert it.post(SMALL, later).status_code == 303
    row = Price.objects.latest("id")
    assert (row.unit_price, row.valid_from, row.created_by) == (
        Decimal("0.09"),
        datetime(2026, 4, 1, tzinfo=UTC),
        people.staff.email,
    )
    event = Event.objects.latest("id")
    assert (event.verb, event.actor, event.source) == ("price.set", people.staff, "ui")
    states = [entry.state for entry in it.get(SMALL).context["entries"]]
    assert states == ["future", "future", "current"]
    assert it.post(f"/it/prices/{row.pk}/withdraw/").status_code == 303
    assert [entry.state for entry in it.get(SMALL).context["entries"]] == ["taken back", "future", "current"]
    answer = it.post(f"/it/prices/{Price.objects.earliest('id').pk}/withdraw/", follow=True)
    assert b"It holds, or held, already" in answer.content
    assert it.post("/it/prices/999999/withdraw/").status_code == 404


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"unit_price": "-1"}, "unit_price"),
        ({"unit_price": "cheap"}, "unit_price"),
        ({"valid_from": "2026-03-15T11:00"}, "valid_from"),
        ({"valid_from": "soon"}, "valid_from"),
    ],
)
def test_what_cannot_be_is_told_at_its_field(
    signed_in: SignedIn, small: InstanceType, given: dict[str, str], field: str
) -> None:
    before = Price.objects.count()
    answer = signed_in("staff").post(SMALL, {"change": "price", "unit_price": "1", "valid_from": "", **given})
    assert (answer.status_code, answer.context["form"].errors.keys()) == (422, {field})
    assert Price.objects.count() == before


def test_an_instance_type_is_created_and_withdrawn_from_sale(signed_in: SignedIn, small: InstanceType) -> None:
    it = signed_in("staff")
    assert it.post(PAGE, NEW).status_code == 303
    big = InstanceType.objects.get(name="big")
    assert (big.vcpu, big.memory_mib, big.price_per_hour) == (Decimal(4), 8192, Decimal("0.2"))
    answer = it.post(PAGE, NEW)
    assert (answer.status_code, answer.context["form"].errors.keys()) == (422, {"name"})
    assert it.post("/it/prices/online/big/", {"change": "offer", "description": "Eight GiB"}).status_code == 303
    big.refresh_from_db()
    assert (big.enabled, big.description) == (False, "Eight GiB")


def test_tokens_have_prices_too(signed_in: SignedIn, db: None) -> None:
    it = signed_in("staff")
    assert b"costs nothing" in it.get(TOKENS).content
    assert it.post(TOKENS, {"change": "price", "unit_price": "0.15"}).status_code == 303
    assert it.get(TOKENS).context["next"]["price"] == Decimal("0.15")


def test_a_price_to_come_is_next_and_not_now(signed_in: SignedIn, small: InstanceType) -> None:
    later = TOMORROW - timedelta(hours=1)
    it, price = signed_in("staff"), Decimal("5.00")
    set_price(actor=SYSTEM, meter=Meter.BATCH, item="small", unit_price=price, valid_from=later)
    set_price(actor=SYSTEM, meter=Meter.INPUT_TOKENS, unit_price=price, valid_from=later)
    for url, now in (("/it/prices/batch/small/", Decimal("0.05")), (TOKENS, 0)):
        context = it.get(url).context
        assert (context["price"], context["next"]) == (now, {"at": later, "price": price})


@pytest.mark.parametrize("url", ["/it/prices/online/huge/", "/it/prices/gold/", "/it/prices/online/", f"{TOKENS}x/"])
def test_what_is_not_there(signed_in: SignedIn, small: InstanceType, url: str) -> None:
    assert signed_in("staff").get(url).status_code == 404


@pytest.mark.parametrize("who", ["owner", "reader", "stranger"])
def test_it_is_its_alone(signed_in: SignedIn, small: InstanceType, who: str) -> None:
    before = Price.objects.count(), InstanceType.objects.count()
    client = signed_in(who)
    for url in (PAGE, SMALL, TOKENS):
        assert client.get(url).status_code == 403
        assert client.post(url, {**NEW, "change": "price", "unit_price": "1"}).status_code == 403
    assert client.post(f"/it/prices/{Price.objects.latest('id').pk}/withdraw/").status_code == 403
    assert (Price.objects.count(), InstanceType.objects.count()) == before


@pytest.mark.parametrize("count", [1, 3])
def test_query_count(signed_in: SignedIn, count: int, django_assert_num_queries: Any) -> None:
    for number in range(count):
        sizes = {"vcpu": Decimal(1), "memory_mib": 1024, "gpu": 0}
        create_instance_type(actor=SYSTEM, name=f"size-{number}", price_per_hour=Decimal(1), **sizes)
    it = signed_in("staff")
    it.get(PAGE)
    with django_assert_num_queries(13):
        it.get(PAGE)
