"""What things cost, and from when on. Everybody may know."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import Count, Q, QuerySet

from endpoints.domain.errors import NotFound
from endpoints.domain.meters import ALWAYS, PriceList, price_list
from endpoints.domain.meters import Price as Dated
from endpoints.enums import Meter
from endpoints.models import InstanceType, Price

Key = tuple[Meter, str]


class Prices:
    """All of them, read at once."""

    def __init__(self, lists: Mapping[Key, PriceList]) -> None:
        self._lists = lists

    def of(self, meter: Meter, item: str) -> PriceList:
        """Until an item has a price of its own, it has its meter's; an instance of a job costs what one online does."""
        if meter == Meter.ONLINE:
            return self._own(meter, item)
        general = self._own(Meter.ONLINE, item) if meter == Meter.BATCH else self._own(meter, "").over(PriceList())
        return self._own(meter, item).over(general)

    def _own(self, meter: Meter, item: str) -> PriceList:
        return self._lists.get((meter, item), PriceList())

    def of_instances(self, instance_type: InstanceType, meter: Meter = Meter.ONLINE) -> PriceList:
        """One whose price was never dated costs what it says."""
        found = self.of(meter, instance_type.name)
        return found if found.prices else PriceList(((ALWAYS, instance_type.price_per_hour),))


def all_prices() -> Prices:
    """One query."""
    entries: dict[Key, list[Dated]] = defaultdict(list)
    rows = Price.objects.order_by("id").values_list("meter", "item", "valid_from", "unit_price")
    for meter, item, valid_from, unit_price in rows:
        entries[Meter(meter), item].append(Dated(valid_from=valid_from, unit_price=unit_price))
    return Prices({key: price_list(found) for key, found in entries.items()})


class PriceState(StrEnum):
    """Of an entry, now."""

    FUTURE = "future"
    CURRENT = "current"
    PAST = "past"
    TAKEN_BACK = "taken back"


@dataclass(frozen=True, slots=True)
class PriceEntry:
    price: Price
    state: PriceState


def price_history(meter: Meter, item: str, *, now: datetime) -> list[PriceEntry]:
    """Every entry with a number, the latest moment first: also what was taken back, or replaced before it held."""
    rows = list(Price.objects.filter(meter=meter, item=item).order_by("id"))
    standing = {row.valid_from: row.pk for row in rows}
    since = price_list(Dated(valid_from=row.valid_from, unit_price=row.unit_price) for row in rows).since(now)
    found = [
        PriceEntry(row, _state(row, standing[row.valid_from], since, now)) for row in rows if row.unit_price is not None
    ]
    return sorted(found, key=lambda entry: (entry.price.valid_from, entry.price.pk), reverse=True)


def _state(row: Price, standing: int, since: datetime | None, now: datetime) -> PriceState:
    if row.pk != standing:
        return PriceState.TAKEN_BACK
    if row.valid_from > now:
        return PriceState.FUTURE
    return PriceState.CURRENT if row.valid_from == since else PriceState.PAST


def every_instance_type() -> QuerySet[InstanceType]:
    """Those that are not offered any more, too."""
    return InstanceType.objects.annotate(
        in_use=Count("deployments", filter=Q(deployments__deleted_at=None), distinct=True)
    ).order_by("-enabled", "vcpu", "memory_mib", "name")


def price_for(price_id: int) -> Price:
    found: Price | None = Price.objects.filter(pk=price_id).first()
    if found is None:
        raise NotFound("There is no such price.")
    return found
