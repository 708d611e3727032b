"""What it cost, from the usage rows. Callers hand in what the person may see."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from django.db.models import DurationField, ExpressionWrapper, F, Q, QuerySet, Sum
from django.db.models.functions import Trunc

from endpoints.domain.meters import BY_INSTANCE_TYPE, UNITS, Amount, cost, microseconds
from endpoints.domain.pricing import HOUR, Forecast, forecast, midnights, month_end, month_start, sums, total
from endpoints.enums import Meter, UsagePhase
from endpoints.models import Deployment, Endpoint, Usage, Workspace

By = Literal["hour", "day"]
_DURATION = ExpressionWrapper(F("ended_at") - F("started_at"), output_field=DurationField())
_TIME = Sum(_DURATION)
_HELD = Sum(_DURATION, filter=Q(meter__in=BY_INSTANCE_TYPE) & ~Q(phase=UsagePhase.BUILDING))
Summed = tuple[tuple[Any, ...], Amount, timedelta]


def usage_of(scope: Endpoint | Workspace | Iterable[Deployment]) -> QuerySet[Usage]:
    """What was deleted since is part of it."""
    if isinstance(scope, Endpoint):
        return Usage.objects.filter(deployment__endpoint=scope)
    if isinstance(scope, Workspace):
        return Usage.objects.filter(deployment__endpoint__workspace=scope)
    return Usage.objects.filter(deployment__in=list(scope))


def summed(usage: QuerySet[Usage], *by: str, **annotations: Any) -> Iterator[Summed]:
    """What is alike in `by`, at one price: how much of it, and for how long instances were held. Summed where the rows
    are; money is made of it here, with Decimal. One query."""
    keys = (*annotations, *by)
    rows = (
        usage.order_by()
        .annotate(**annotations)
        .values(*keys, "meter", "unit_price")
        .annotate(time=_TIME, held=_HELD, count=Sum("quantity"))
        .values_list(*keys, "meter", "unit_price", "time", "held", "count")
    )
    for *key, meter, unit_price, time, held, count in rows:
        by_time = UNITS[Meter(meter)].by_time
        quantity = microseconds(time) if by_time else count or 0
        yield tuple(key), Amount(meter=Meter(meter), unit_price=unit_price, quantity=quantity), held or timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class CostWindow:
    """Whole hours or days in UTC; the last one holds `now` and is not over."""

    start: datetime
    end: datetime
    by: By

    def points(self) -> list[datetime]:
        step = timedelta(hours=1 if self.by == "hour" else 24)
        return [self.start + step * index for index in range(-((self.start - self.end) // step))]

    def is_partial(self, point: datetime) -> bool:
        return point + timedelta(hours=1 if self.by == "hour" else 24) > self.end


PRESETS: dict[str, tuple[By, int]] = {
    "24h": ("hour", 24),
    "7d": ("day", 7),
    "30d": ("day", 30),
    "month": ("day", 0),  # since the first
    "90d": ("day", 90),
}
DEFAULT = "7d"


def cost_window(preset: str, *, by: str = "", now: datetime) -> CostWindow:
    """An unknown preset is the default. `by` "hour" cuts a week finer; a month has days."""
    usual, count = PRESETS.get(preset, PRESETS[DEFAULT])
    if usual == "day" and by == "hour" and 0 < count <= 7:
        usual, count = "hour", count * 24
    count = count or now.day
    if usual == "hour":
        start = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=count - 1)
    else:
        start = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=count - 1)
    return CostWindow(start=start, end=now, by=usual)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentCost:
    """Money and replica time by the start of hour or day; what is missing cost nothing."""

    deployment: Deployment
    amounts: Mapping[datetime, Decimal]
    time: timedelta

    @property
    def total(self) -> Decimal:
        return total(self.amounts.values())


def costs(usage: QuerySet[Usage], window: CostWindow) -> list[DeploymentCost]:
    """Per deployment, the dearest first. Two queries."""
    parts: dict[UUID, dict[datetime, list[Amount]]] = defaultdict(lambda: defaultdict(list))
    times: dict[UUID, timedelta] = defaultdict(timedelta)
    for (at, deployment), amount, time in _by_time(usage, window.start, window.end, window.by):
        parts[deployment][at].append(amount)
        times[deployment] += time
    rows = Deployment.objects.filter(pk__in=parts).select_related("endpoint__created_by", "instance_type")
    found = [
        DeploymentCost(
            deployment=row,
            amounts={at: cost(each) for at, each in sorted(parts[row.pk].items())},
            time=times[row.pk],
        )
        for row in rows
    ]
    return sorted(found, key=lambda item: (-item.total, item.deployment.endpoint.name, item.deployment.name))


def _by_time(usage: QuerySet[Usage], start: datetime, end: datetime, by: By) -> Iterator[Summed]:
    """No row spans an hour, so none is cut."""
    within = usage.filter(started_at__gte=start, started_at__lt=end)
    return summed(within, "deployment_id", at=Trunc("started_at", by, tzinfo=UTC))


def cost_since(deployments: Iterable[UUID], start: datetime) -> dict[UUID, Decimal]:
    """By deployment; one that used nothing is missing. `start` is a full hour. One query."""
    return _by_deployment(Usage.objects.filter(deployment__in=list(deployments), started_at__gte=start))


def site_cost_since(start: datetime) -> dict[UUID, Decimal]:
    """As `cost_since`, of whatever used something."""
    return _by_deployment(Usage.objects.filter(started_at__gte=start))


def _by_deployment(usage: QuerySet[Usage]) -> dict[UUID, Decimal]:
    parts: dict[UUID, list[Amount]] = defaultdict(list)
    for (deployment,), amount, _ in summed(usage, "deployment_id"):
        parts[deployment].append(amount)
    return {deployment: cost(each) for deployment, each in parts.items()}


def spent_between(usage: QuerySet[Usage], start: datetime, end: datetime) -> Decimal:
    """All of what began in [start, end), a full hour or now. One query."""
    return cost(amount for _, amount, _ in summed(usage.filter(started_at__gte=start, started_at__lt=end)))


def month(usage: QuerySet[Usage], *, now: datetime) -> Forecast:
    """Month to date in UTC, and what the whole month should cost. Two queries."""
    return forecast(spent_between(usage, month_start(now), now), _last_week(usage, now), now)


def _last_week(usage: QuerySet[Usage], now: datetime) -> dict[datetime, Decimal]:
    """By the hour. One query."""
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    return _by(usage, this_hour - 7 * 24 * HOUR, now, "hour")


def _by(usage: QuerySet[Usage], start: datetime, end: datetime, by: By) -> dict[datetime, Decimal]:
    within = usage.filter(started_at__gte=start, started_at__lt=end)
    parts: dict[datetime, list[Amount]] = defaultdict(list)
    for (at,), amount, _ in summed(within, at=Trunc("started_at", by, tzinfo=UTC)):
        parts[at].append(amount)
    return {at: cost(each) for at, each in parts.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthCourse:
    """How the month has gone, and how it should go on: at each midnight in UTC, what will have been spent."""

    start: datetime
    end: datetime
    spent: list[tuple[datetime, Decimal]]
    coming: list[tuple[datetime, Forecast]]


def month_course(usage: QuerySet[Usage], *, now: datetime) -> MonthCourse:
    """Two queries. It begins where what was spent ends."""
    start, end = month_start(now), month_end(now)
    spent = sums(_by(usage, start, now, "day"), start, now)
    to_date, lately = spent[-1][1], _last_week(usage, now)
    coming = [(moment, forecast(to_date, lately, now, until=moment)) for moment in (now, *midnights(now, end))]
    return MonthCourse(start=start, end=end, spent=spent, coming=coming)
