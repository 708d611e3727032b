"""What the site spends, and on what nobody calls. For its IT."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import Exists, Max, OuterRef, Q, QuerySet

from endpoints.domain.pricing import month_start
from endpoints.enums import DeliveryState, ReplicaState
from endpoints.models import Deployment, Endpoint, Notification, Replica, Sample
from endpoints.selectors.cost import cost_since, site_cost_since
from endpoints.selectors.samples import rolled_up

IDLE = timedelta(days=7)  # without a call
BY_HOUR = timedelta(days=30)
TOP = 10
IDLE_SHOWN = 50
HOUR, MINUTE, DAY = 3600, 60, 86400  # resolutions of samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """`workspace` and `endpoint` by name; no endpoint: all of the workspace's."""

    workspace: str
    amount: Decimal
    endpoint: str = ""
    owner: str = ""
    deleted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSpend:
    since: datetime
    total: Decimal
    workspaces: list[Spent]
    endpoints: list[Spent]  # the dearest


def site_spend(*, now: datetime) -> SiteSpend:
    """Month to date in UTC. Two queries."""
    start = month_start(now)
    amounts = site_cost_since(start)
    found = Deployment.objects.filter(pk__in=amounts).select_related("endpoint__workspace", "endpoint__created_by")
    rows = {row.pk: row for row in found.only(*_NAMED)}
    by_endpoint: dict[UUID, Decimal] = defaultdict(Decimal)
    by_workspace: dict[str, Decimal] = defaultdict(Decimal)
    for pk, amount in amounts.items():
        by_endpoint[rows[pk].endpoint_id] += amount
        by_workspace[rows[pk].endpoint.workspace.name] += amount
    known = {row.endpoint_id: row.endpoint for row in rows.values()}
    dearest = sorted(by_endpoint.items(), key=lambda item: (-item[1], known[item[0]].name))[:TOP]
    return SiteSpend(
        since=start,
        total=sum(amounts.values(), Decimal()),
        workspaces=[
            Spent(workspace=name, amount=amount)
            for name, amount in sorted(by_workspace.items(), key=lambda item: (-item[1], item[0]))
        ],
        endpoints=[_spent(known[pk], amount) for pk, amount in dearest],
    )


_NAMED = (
    "endpoint__name",
    "endpoint__deleted_at",
    "endpoint__workspace__name",
    "endpoint__created_by__email",
    "endpoint__created_by__display_name",
)


def _spent(endpoint: Endpoint, amount: Decimal) -> Spent:
    return Spent(
        workspace=endpoint.workspace.name,
        amount=amount,
        endpoint=endpoint.name,
        owner=str(endpoint.created_by or ""),
        deleted=endpoint.deleted_at is not None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleEndpoint:
    """Present for a week or longer, holding replicas, and not called in all that time."""

    endpoint: Endpoint
    deployments: list[Deployment]  # those that hold replicas
    last_called: datetime | None  # the beginning of the interval; None: as far back as is known, never
    cost: Decimal  # of the last week
    told_at: datetime | None  # when its owner was told of this


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleEndpoints:
    """`count` of all; `dearest` are the first IDLE_SHOWN by cost."""

    count: int
    dearest: list[IdleEndpoint]


def idle_endpoints(*, now: datetime) -> IdleEndpoints:
    """Eight queries."""
    names = dict(_idle(now).values_list("pk", "name"))
    costs = _costs(names, now)
    dearest = sorted(names, key=lambda pk: (-costs[pk], names[pk]))[:IDLE_SHOWN]
    rows = Endpoint.objects.filter(pk__in=dearest).select_related("workspace", "created_by")
    return IdleEndpoints(count=len(names), dearest=_described(rows, costs, now))


def idle_endpoint(name: str, *, now: datetime) -> IdleEndpoint | None:
    """None where it is called, holds nothing, or is not there."""
    found = list(_idle(now).filter(name=name).select_related("workspace", "created_by"))
    return _described(found, _costs([found[0].pk], now), now)[0] if found else None


def _idle(now: datetime) -> QuerySet[Endpoint]:
    """What nobody measured for a week is not called idle."""
    since = now - IDLE
    samples = Sample.objects.filter(deployment__endpoint=OuterRef("pk"))
    by_hour = samples.filter(resolution=HOUR, at__gte=since)
    lately = samples.filter(resolution=MINUTE, at__gte=max(since, rolled_up().get(HOUR, since)))
    old = Endpoint.objects.present().filter(created_at__lt=since)
    idle = old.filter(Exists(_holding()), Exists(by_hour)).exclude(Exists(by_hour.filter(requests__gt=0)))
    return idle.exclude(Exists(lately.filter(requests__gt=0)))


def _holding() -> QuerySet[Replica]:
    return Replica.objects.filter(deployment__endpoint=OuterRef("pk")).exclude(state=ReplicaState.STOPPED)


def _described(endpoints: Iterable[Endpoint], costs: Mapping[UUID, Decimal], now: datetime) -> list[IdleEndpoint]:
    found = list(endpoints)
    deployments: dict[UUID, list[Deployment]] = defaultdict(list)
    replicas = Replica.objects.exclude(state=ReplicaState.STOPPED).filter(deployment=OuterRef("pk"))
    for row in Deployment.objects.present().filter(Exists(replicas), endpoint__in=found).order_by("name"):
        deployments[row.endpoint_id].append(row)
    called, told = _last_called(found, now), _told()
    rows = [
        IdleEndpoint(
            endpoint=each,
            deployments=deployments[each.pk],
            last_called=called.get(each.pk),
            cost=costs[each.pk],
            told_at=told.get(idle_key(each, called.get(each.pk))),
        )
        for each in found
    ]
    return sorted(rows, key=lambda row: (-row.cost, row.endpoint.name))


def idle_key(endpoint: Endpoint, last_called: datetime | None) -> str:
    """Names this time of idleness: an endpoint that is called once more, and then not, begins another."""
    return f"idle:{endpoint.pk}:{last_called:%Y%m%d}" if last_called else f"idle:{endpoint.pk}:never"


def _costs(endpoints: Collection[UUID], now: datetime) -> dict[UUID, Decimal]:
    """By endpoint, of the last week; those of deployments that are gone too."""
    start = (now - IDLE).replace(minute=0, second=0, microsecond=0)
    owner = dict(Deployment.objects.filter(endpoint__in=endpoints).values_list("pk", "endpoint_id"))
    found: dict[UUID, Decimal] = defaultdict(Decimal)
    for deployment, amount in cost_since(owner, start).items():
        found[owner[deployment]] += amount
    return found


def _last_called(endpoints: list[Endpoint], now: datetime) -> Mapping[UUID, datetime]:
    """To the hour; to the day where it was longer ago than BY_HOUR, so that few rows are read."""
    since = (now - BY_HOUR).replace(hour=0, minute=0, second=0, microsecond=0)
    at = Q(resolution=HOUR, at__gte=since) | Q(resolution=DAY, at__lt=since)
    rows = Sample.objects.filter(at, deployment__endpoint__in=endpoints, requests__gt=0)
    return dict(rows.order_by().values_list("deployment__endpoint_id").annotate(last=Max("at")))


def _told() -> dict[str, datetime]:
    """By the key under which it was said; what was given up was not."""
    said = Notification.objects.filter(key__startswith="idle:", channel=None).exclude(state=DeliveryState.FAILED)
    return dict(said.order_by().values_list("key", "created_at"))
