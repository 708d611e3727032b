"""IT's page of what things cost: instance types and other meters, with present, future and past prices."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from endpoints.domain.errors import Conflict, Invalid, NotFound
from endpoints.domain.meters import BY_INSTANCE_TYPE, UNITS, PriceList
from endpoints.enums import Meter
from endpoints.models import InstanceType
from endpoints.selectors.prices import all_prices, every_instance_type, price_for, price_history
from endpoints.services.prices import create_instance_type, set_price, update_instance_type, withdraw_price
from studio.actors import actor_of
from studio.it.price_forms import InstanceTypeForm, PriceForm, offer_form
from studio.pages.forms import add_problems
from studio.pages.identity import it_page
from studio.pages.page import show, went_to

ABOUT = {
    Meter.BATCH: "What a job's instances are held for. Without a price of its own, one costs what it does online.",
    Meter.INPUT_TOKENS: "Tokens that standard endpoints are sent.",
    Meter.OUTPUT_TOKENS: "Tokens that standard endpoints answer with.",
    Meter.ENDPOINT_MINUTES: "How long a standard endpoint is there.",
}


@it_page
def it_prices(request: HttpRequest) -> HttpResponse:
    """A POST creates an instance type."""
    form = InstanceTypeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = create_instance_type(actor=actor_of(request), **form.cleaned_data)
        except Invalid as error:
            add_problems(form, error)
        else:
            return went_to(request, reverse("it_prices"), f"“{made.name}” is offered from now on.")
    now, prices = timezone.now(), all_prices()
    context = {
        "types": [{"type": row, **_now(prices.of_instances(row), now)} for row in every_instance_type()],
        "meters": [_meter(meter, prices.of(meter, ""), now) for meter in Meter if meter not in BY_INSTANCE_TYPE],
        "form": form,
    }
    return show(request, "it/prices.html", context, status=422 if form.errors else 200)


def _now(prices: PriceList, now: datetime) -> dict[str, Any]:
    """What it costs, and what it will cost next."""
    coming = next(((moment, price) for moment, price in prices.prices if moment > now), None)
    return {"price": prices.at(now), "next": {"at": coming[0], "price": coming[1]} if coming else None}


def _meter(meter: Meter, prices: PriceList, now: datetime) -> dict[str, Any]:
    told = {"meter": meter.value, "label": meter.label, "unit": UNITS[meter].name, "about": ABOUT[meter]}
    return {**told, "priced": bool(prices.prices), **_now(prices, now)}


@it_page
def it_price(request: HttpRequest, meter: str, item: str = "") -> HttpResponse:
    """Of one thing. A POST's `change` says what is changed: price, or (of an instance type) offer."""
    metered = _known(meter)
    row = InstanceType.objects.filter(name=item).first() if metered in BY_INSTANCE_TYPE else None
    if (row is None) == (metered in BY_INSTANCE_TYPE) or (row is None and item):
        raise NotFound("There is nothing of this name that has a price.")
    change, now = request.POST.get("change", ""), timezone.now()
    form = PriceForm(request.POST if change == "price" else None, meter=metered)
    offer = offer_form(row, request.POST if change == "offer" else None) if row else None
    if request.method == "POST" and (done := _changed(request, metered, row, form, offer)):
        return went_to(request, request.path, done)
    context = {
        "meter": metered,
        "unit": UNITS[metered].name,
        "about": ABOUT.get(metered, ""),
        "type": row,
        "title": row.name if row else metered.label,
        "entries": price_history(metered, item, now=now),
        "form": form,
        "offer": offer,
        **_now(all_prices().of_instances(row, metered) if row else all_prices().of(metered, item), now),
    }
    return show(request, "it/price.html", context, status=422 if form.errors or (offer and offer.errors) else 200)


def _known(meter: str) -> Meter:
    if meter not in Meter.values:
        raise NotFound("There is nothing of this name that has a price.")
    return Meter(meter)


def _changed(request: HttpRequest, meter: Meter, row: InstanceType | None, form: Any, offer: Any) -> str:
    """What was done, in words; empty where a form says what is wrong."""
    try:
        if form.is_valid():
            made = set_price(actor=actor_of(request), meter=meter, item=row.name if row else "", **form.cleaned_data)
            since = f"{made.valid_from:%Y-%m-%d %H:%M}"
            return f"It costs {made.unit_price:f} USD per {UNITS[meter].name} from {since} UTC on."
        if row is not None and offer.is_valid():
            update_instance_type(actor=actor_of(request), instance_type=row, **offer.cleaned_data)
            return "Saved."
    except Invalid as error:
        add_problems(form if form.is_bound else offer, error)
    except Conflict as error:
        form.add_error(None, str(error))
    return ""


@it_page
@require_POST
def it_price_withdraw(request: HttpRequest, price_id: int) -> HttpResponse:
    price = price_for(price_id)
    back = reverse("it_price", args=[price.meter, price.item] if price.item else [price.meter])
    try:
        withdraw_price(actor=actor_of(request), price=price)
    except Conflict as error:
        return went_to(request, back, str(error), level=messages.ERROR)
    return went_to(request, back, "It is taken back: the price before it goes on.")


urlpatterns = [
    path("it/prices/", it_prices, name="it_prices"),
    path("it/prices/<int:price_id>/withdraw/", it_price_withdraw, name="it_price_withdraw"),
    path("it/prices/<slug:meter>/", it_price, name="it_price"),
    path("it/prices/<slug:meter>/<slug:item>/", it_price, name="it_price"),
]
