"""Prices with dates, and the instance types that have them: IT's. What was used keeps the price it had."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from endpoints.domain.actor import Actor
from endpoints.domain.errors import Conflict, Invalid
from endpoints.domain.meters import BY_INSTANCE_TYPE, NEAREST, UNITS, next_minute, price_faults
from endpoints.enums import Meter
from endpoints.models import InstanceType, Price
from endpoints.permissions import require_staff
from endpoints.selectors.prices import all_prices
from endpoints.services import events
from endpoints.services.capacity import lock_capacity

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}\Z")
LONGEST_DESCRIPTION = 200
RANGES = {"vcpu": (Decimal("0.1"), 1024), "memory_mib": (64, 16 * 1024 * 1024), "gpu": (0, 64)}


def create_instance_type(*, actor: Actor, name: str, price_per_hour: Decimal, **sizes: Any) -> InstanceType:
    """With what it costs from now on. `sizes`: vcpu, memory_mib, gpu, and a description. Raises Invalid."""
    require_staff(actor.user)
    made = InstanceType(name=name.strip(), price_per_hour=price_per_hour, **sizes)
    now = timezone.now()
    problems = _size_faults(made)
    if not NAME.match(made.name):
        problems["name"] = "From 1 to 40 lower-case letters, digits and hyphens, beginning with a letter or a digit."
    if price_faults(unit_price=made.price_per_hour, valid_from=None, now=now):
        problems["price_per_hour"] = price_faults(unit_price=made.price_per_hour, valid_from=None, now=now)[
            "unit_price"
        ]
    if problems:
        raise Invalid(problems)
    try:
        with transaction.atomic():
            made.save(force_insert=True)
            _write(actor, Meter.ONLINE, made.name, made.price_per_hour, now, now=now)
            events.record(
                actor=actor, verb="instance_type.created", subject=f"instance type {made.name}", after=_described(made)
            )
    except IntegrityError:
        raise Invalid({"name": f"There is an instance type “{made.name}” already."}) from None
    return made


def update_instance_type(
    *, actor: Actor, instance_type: InstanceType, description: str | None = None, enabled: bool | None = None
) -> InstanceType:
    """Its size is what deployments were promised, and stays; another size is another type. One that is not offered
    any more goes on where it is in use."""
    require_staff(actor.user)
    with transaction.atomic():
        locked = InstanceType.objects.select_for_update().get(pk=instance_type.pk)
        before = _described(locked)
        locked.description = locked.description if description is None else description
        locked.enabled = locked.enabled if enabled is None else enabled
        if problems := _size_faults(locked):
            raise Invalid(problems)
        if (after := _described(locked)) != before:
            locked.save(update_fields=["description", "enabled"])
            subject = f"instance type {locked.name}"
            events.record(actor=actor, verb="instance_type.updated", subject=subject, before=before, after=after)
    return locked


def _size_faults(row: InstanceType) -> dict[str, str]:
    problems = {}
    for name, (least, most) in RANGES.items():
        value = getattr(row, name)
        if not least <= value <= most:
            problems[name] = f"From {least} to {most:,}."
    if Decimal(row.vcpu) != round(Decimal(row.vcpu), 2):
        problems["vcpu"] = "With two decimals at most."
    if len(row.description) > LONGEST_DESCRIPTION or not (row.description.isprintable() or not row.description):
        problems["description"] = f"Up to {LONGEST_DESCRIPTION} characters that can be printed."
    return problems


def _described(row: InstanceType) -> dict[str, Any]:
    size = {"vcpu": f"{Decimal(row.vcpu).normalize():f}", "memory_mib": row.memory_mib, "gpu": row.gpu}
    return {**size, "description": row.description, "enabled": row.enabled}


def set_price(
    *, actor: Actor, meter: Meter, item: str = "", unit_price: Decimal, valid_from: datetime | None = None
) -> Price:
    """From then on; without a time, from the next minute on. Whatever was used before keeps its price. Raises
    Invalid."""
    require_staff(actor.user)
    with transaction.atomic():
        lock_capacity()  # prices are changed one after another, too
        now = timezone.now()  # however long that took
        problems = price_faults(unit_price=unit_price, valid_from=valid_from, now=now)
        if not _has(meter, item):
            problems["item"] = f"There is no instance type “{item}”." if item else "Name an instance type."
        if problems:
            raise Invalid(problems)
        begins = valid_from or next_minute(now)
        if all_prices().of(meter, item).prices[-1:] == ((begins, unit_price),):
            raise Conflict(f"It costs {unit_price:f} from then on already.")
        return _write(actor, meter, item, unit_price, begins, now=now)


def withdraw_price(*, actor: Actor, price: Price) -> None:
    """One that does not hold yet: the one before it goes on. What held once is not taken back."""
    require_staff(actor.user)
    with transaction.atomic():
        lock_capacity()
        now = timezone.now()
        if price.valid_from < now + NEAREST:
            raise Conflict("It holds, or held, already, or is about to. Add another one from a time to come.")
        if not _stands(price):
            raise Conflict("It was taken back or replaced already.")
        _write(actor, Meter(price.meter), price.item, None, price.valid_from, now=now)


def _stands(price: Price) -> bool:
    """Nothing newer was said of that moment."""
    same = Price.objects.filter(meter=price.meter, item=price.item, valid_from=price.valid_from)
    newest = same.order_by("-id").first()
    return newest is not None and newest.pk == price.pk and newest.unit_price is not None


def _has(meter: Meter, item: str) -> bool:
    if meter in BY_INSTANCE_TYPE:
        return InstanceType.objects.filter(name=item).exists()
    return not item or NAME.match(item) is not None


def _write(
    actor: Actor, meter: Meter, item: str, unit_price: Decimal | None, valid_from: datetime, *, now: datetime
) -> Price:
    before = all_prices().of(meter, item)
    row = Price.objects.create(
        meter=meter, item=item, unit_price=unit_price, valid_from=valid_from, created_at=now, created_by=actor.name
    )
    told = {"per": UNITS[meter].name, "valid_from": valid_from.isoformat()}
    events.record(
        actor=actor,
        verb="price.withdrawn" if unit_price is None else "price.set",
        subject=f"{meter.label} {item}".strip(),
        before={"unit_price": _number(before.at(valid_from)), **told} if before.prices else None,
        after={"unit_price": None if unit_price is None else _number(unit_price), **told},
    )
    return row


def _number(price: Decimal) -> str:
    return f"{price.normalize():f}"
