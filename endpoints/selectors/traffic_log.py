"""Requests that were kept one by one, as those may see them who may read the endpoint."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from endpoints.domain.traffic_log import TrafficLogging
from endpoints.enums import TrafficLogMode
from endpoints.models import Endpoint, TrafficLogEntry, TrafficLogState

CLASSES: Mapping[str, Q] = {
    "2xx": Q(status__gte=200, status__lt=300),
    "3xx": Q(status__gte=300, status__lt=400),
    "4xx": Q(status__gte=400, status__lt=500),
    "5xx": Q(status__gte=500),
    "0": Q(status__lt=100),  # the caller went away first
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is looked for; what is left out is not asked about."""

    deployment: str = ""
    status_class: str = ""  # of CLASSES
    model_status: int | None = None
    request_id: str = ""
    client_request_id: str = ""
    caller: str = ""
    start: datetime | None = None
    end: datetime | None = None
    min_ms: int | None = None


def logging_of(endpoint: Endpoint) -> TrafficLogging:
    return TrafficLogging(mode=TrafficLogMode(endpoint.traffic_log), percent=endpoint.traffic_log_percent)


def traffic_log(endpoint: Endpoint, wanted: Wanted) -> QuerySet[TrafficLogEntry]:
    """The newest first. Of an endpoint that its reader was given by `selectors.endpoints`."""
    lookups = {
        "deployment": wanted.deployment,
        "model_status": wanted.model_status,
        "x_request_id": wanted.request_id,
        "x_ms_client_request_id": wanted.client_request_id,
        "caller": wanted.caller,
        "at__gte": wanted.start,
        "at__lt": wanted.end,
        "total_ms__gte": wanted.min_ms,
    }
    asked = {name: value for name, value in lookups.items() if value not in (None, "")}
    found = TrafficLogEntry.objects.filter(endpoint=endpoint, **asked).order_by("-at", "-id")
    return found.filter(CLASSES[wanted.status_class]) if wanted.status_class else found


def older_than(found: QuerySet[TrafficLogEntry], at: datetime, pk: int) -> QuerySet[TrafficLogEntry]:
    """The next page, after the row that was the last of this one."""
    return found.filter(Q(at__lt=at) | Q(at=at, pk__lt=pk), at__lte=at)


def state() -> TrafficLogState:
    """How far the log was read; not saved where nothing was read yet."""
    return TrafficLogState.objects.filter(id=1).first() or TrafficLogState(id=1)
