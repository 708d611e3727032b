"""What was measured, as pages and API show it. Callers hand in what the person may see."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet, Sum

from endpoints.domain.buckets import percentile
from endpoints.domain.ranges import Window
from endpoints.domain.rollups import SampleValues, aligned, merged, together
from endpoints.enums import Source
from endpoints.models import Deployment, Endpoint, Event, Sample
from endpoints.selectors.cost import cost_since
from endpoints.selectors.samples import measured

RECENT = timedelta(minutes=15)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
MARKED = (
    "traffic.live",
    "mirror.live",
    "deployment.create_succeeded",
    "deployment.update_succeeded",
    "deployment.scale_succeeded",
    "replica.ended",
    "replica.lost",
)
MAX_MARKERS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """For a mirror. Those that timed out and those that were dropped are some of the failures."""

    requests: int
    failures: int
    timeouts: int
    dropped: int
    p95_ms: float | None

    @property
    def failed_percent(self) -> float:
        return self.failures * 100 / self.requests


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Of the last 15 minutes; None is unknown, not zero. The sparkline is requests per minute of the last hour,
    "3,4,,5" with nothing for a minute in which nothing was measured. `cost_today` since 00:00 UTC."""

    requests_per_minute: float | None = None
    error_percent: float | None = None
    p95_ms: float | None = None
    cost_today: Decimal | None = None
    sparkline: str = ""
    copies: Copies | None = None


def endpoint_summaries(deployments: Iterable[Deployment], *, now: datetime) -> dict[UUID, Summary]:
    """By endpoint. Three queries, however many deployments."""
    return _summaries({item.pk: item.endpoint_id for item in deployments}, now)


def deployment_summaries(deployments: Iterable[Deployment], *, now: datetime) -> dict[UUID, Summary]:
    """By deployment. Three queries, however many."""
    return _summaries({item.pk: item.pk for item in deployments}, now)


def _summaries(owner_of: Mapping[UUID, UUID], now: datetime) -> dict[UUID, Summary]:
    """`owner_of` tells under whose name a deployment's numbers are put together."""
    recent: dict[UUID, list[SampleValues]] = defaultdict(list)
    minutes: dict[UUID, dict[datetime, int]] = defaultdict(lambda: defaultdict(int))
    costs: dict[UUID, list[Decimal]] = defaultdict(list)
    for deployment, _, values in measured(owner_of, resolution=60, start=now - RECENT):
        recent[deployment].append(values)
    whole = Sample.objects.filter(deployment__in=owner_of, resolution=60, at__gt=now - HOUR)
    for owner, at, requests in _by_minute(whole, by_endpoint=any(key != owner for key, owner in owner_of.items())):
        minutes[owner][at] += requests
    for deployment, amount in cost_since(owner_of, now.replace(hour=0, minute=0, second=0, microsecond=0)).items():
        costs[owner_of[deployment]].append(amount)
    members: dict[UUID, list[SampleValues]] = defaultdict(list)
    for deployment, owner in owner_of.items():
        members[owner].append(merged(recent[deployment]))
    return {
        owner: _summary(parts, costs.get(owner), sparkline(minutes[owner], now)) for owner, parts in members.items()
    }


def _by_minute(rows: QuerySet[Sample], *, by_endpoint: bool) -> Iterable[tuple[UUID, datetime, int]]:
    """Summed by the database: a page of endpoints has an hour of minutes for each of its deployments."""
    owner = "deployment__endpoint" if by_endpoint else "deployment"
    return rows.order_by().values_list(owner, "at").annotate(total=Sum("requests"))


def _summary(parts: list[SampleValues], costs: list[Decimal] | None, spark: str) -> Summary:
    rates = [rate for part in parts if (rate := per_minute(part)) is not None]
    whole = merged(parts)
    return Summary(
        requests_per_minute=sum(rates) if rates else None,
        error_percent=error_percent(whole),
        p95_ms=percentile(whole.latency, 95),
        cost_today=sum(costs, Decimal(0)) if costs else None,
        sparkline=spark,
        copies=copies_of(whole),
    )


def copies_of(values: SampleValues) -> Copies | None:
    """None where no request was copied."""
    if not values.mirror_requests:
        return None
    return Copies(
        requests=values.mirror_requests,
        failures=values.counts.get("mirror_failures", 0),
        timeouts=values.counts.get("mirror_timeouts", 0),
        dropped=values.counts.get("mirror_overflows", 0),
        p95_ms=percentile(values.mirror_latency, 95),
    )


def per_minute(values: SampleValues) -> float | None:
    return values.requests * 60_000 / values.covered_ms if values.covered_ms else None


def copies_per_minute(values: SampleValues) -> float | None:
    return values.mirror_requests * 60_000 / values.covered_ms if values.covered_ms else None


def error_percent(values: SampleValues) -> float | None:
    return values.errors * 100 / values.requests if values.requests else None


def gpu_watts(values: SampleValues) -> float | None:
    """Of a replica on average; None where no GPU tells."""
    used = values.counts.get("gpu_energy_mj", 0)
    return used / values.cpu_covered_ms if used and values.cpu_covered_ms else None


def sparkline(minutes: Mapping[datetime, int], now: datetime) -> str:
    """The last sixty whole minutes; empty when there is nothing at all."""
    last = aligned(now, 60)
    values = [minutes.get(last - MINUTE * back) for back in range(60, 0, -1)]
    return ",".join("" if value is None else str(value) for value in values) if any_known(values) else ""


def any_known(values: Iterable[Any]) -> bool:
    return any(value is not None for value in values)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentSeries:
    """`points` by their start; a point that is missing was not measured."""

    deployment: Deployment
    points: Mapping[datetime, SampleValues]


@dataclass(frozen=True, kw_only=True)
class Series:
    """What is put together of it is so once, however many charts ask."""

    window: Window
    deployments: tuple[DeploymentSeries, ...]

    @cached_property
    def total(self) -> SampleValues:
        return merged(values for item in self.deployments for values in item.points.values())

    @cached_property
    def by_point(self) -> Mapping[datetime, SampleValues]:
        """All deployments together."""
        points = {point for item in self.deployments for point in item.points}
        return {
            point: together(item.points[point] for item in self.deployments if point in item.points) for point in points
        }


def all_deployments(endpoint: Endpoint) -> QuerySet[Deployment]:
    """Those that were deleted too: what they did is still true."""
    return endpoint.deployments.select_related("instance_type", "endpoint").order_by("created_at", "name")


def series(deployments: Iterable[Deployment], window: Window) -> Series:
    """One query; two when hours or days are read. A deleted deployment without samples in the window is left out."""
    deployments = list(deployments)
    parts: dict[UUID, dict[datetime, list[SampleValues]]] = defaultdict(lambda: defaultdict(list))
    step = timedelta(seconds=window.step)
    rows = measured([item.pk for item in deployments], resolution=window.resolution, start=window.start, end=window.end)
    for deployment, at, values in rows:
        parts[deployment][window.start + (at - window.start) // step * step].append(values)
    return Series(
        window=window,
        deployments=tuple(
            DeploymentSeries(
                deployment=item,
                points={at: merged(found) if len(found) > 1 else found[0] for at, found in parts[item.pk].items()},
            )
            for item in deployments
            if item.deleted_at is None or parts[item.pk]
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    at: datetime
    label: str
    kind: str  # "traffic", "deploy", "scale" or "restart"


def markers(endpoint: Endpoint, window: Window, *, deployment: Deployment | None = None) -> list[Marker]:
    """What happened in the window, oldest first; the newest MAX_MARKERS when there is more. One query."""
    found = Event.objects.filter(
        Q(verb__in=MARKED) | Q(verb="deployment.scaled", source=Source.SYSTEM),
        endpoint_id=endpoint.pk,
        created_at__gte=window.start,
        created_at__lt=window.end,
    )
    if deployment is not None:
        found = found.filter(Q(deployment_id=deployment.pk) | Q(verb__in=("traffic.live", "mirror.live")))
    newest = found.order_by("-id")[:MAX_MARKERS]
    return [_marker(event) for event in reversed(newest)]


def _marker(event: Event) -> Marker:
    shares = ", ".join(f"{name} {share} %" for name, share in sorted((event.after or {}).items()) if share)
    if event.verb == "mirror.live":
        return Marker(at=event.created_at, label=f"Mirror: {shares or 'none'}", kind="traffic")
    if event.verb == "traffic.live":
        return Marker(at=event.created_at, label=f"Traffic live: {shares or 'offline'}", kind="traffic")
    if event.verb == "deployment.scaled":
        return Marker(at=event.created_at, label=f"{event.deployment_name} {event.reason}", kind="scale")
    if event.verb.startswith("replica."):
        word = "restarted" if event.verb == "replica.ended" else "was lost"
        return Marker(at=event.created_at, label=f"Replica {event.subject} {word}", kind="restart")
    word = {"create": "created", "update": "updated", "scale": "scaled"}[event.verb.partition(".")[2].split("_")[0]]
    return Marker(at=event.created_at, label=f"Deployment {event.deployment_name} {word}", kind="deploy")
