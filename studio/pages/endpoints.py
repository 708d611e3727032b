"""The list of endpoints, and an endpoint's Overview."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone

from endpoints.domain.errors import Forbidden, NotFound
from endpoints.enums import ProvisioningState
from endpoints.models import Deployment, Endpoint
from endpoints.permissions import Action, can
from endpoints.selectors import telemetry
from endpoints.selectors.endpoints import (
    deployments_of,
    endpoints_for,
    events_for,
    search_endpoints,
    tombstone_for,
)
from studio.actors import signed_in
from studio.pages.endpoint_frame import endpoint_frame, traffic_segments
from studio.pages.page import page, show
from studio.workspaces import current_workspace

PAGE_SIZE = 50


@page
def endpoint_list(request: HttpRequest) -> HttpResponse:
    """`?q=`, `?state=` and `?page=` narrow and turn the pages."""
    user, workspace = signed_in(request), current_workspace(request)
    if workspace is None:
        return show(request, "endpoints/no_workspace.html")
    found = search_endpoints(endpoints_for(user, workspace=workspace), request.GET.get("q", ""))
    state = request.GET.get("state", "")
    if state in ProvisioningState.values:
        found = found.filter(state=state)
    shown = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "rows": _rows(list(shown.object_list)),
        "page_obj": shown,
        "query": request.GET.get("q", ""),
        "state": state,
        "states": ProvisioningState.values,
        "may_write": can(user, Action.WRITE, workspace),
        "filtered": bool(state or request.GET.get("q")),
        **_turning(request, shown),
    }
    return show(request, "endpoints/list.html", context, partial="rows")


def _turning(request: HttpRequest, shown: Any) -> dict[str, str]:
    query = request.GET.copy()
    urls = {}
    for name, there in (("previous_url", shown.has_previous()), ("next_url", shown.has_next())):
        query["page"] = str(shown.number + (1 if name == "next_url" else -1))
        urls[name] = f"?{query.urlencode()}" if there else ""
    return urls


def _rows(endpoints: list[Endpoint]) -> list[dict[str, Any]]:
    deployments = [item for endpoint in endpoints for item in _deployments(endpoint)]
    summaries = telemetry.endpoint_summaries(deployments, now=timezone.now())
    return [
        {"endpoint": endpoint, "segments": traffic_segments(endpoint), "summary": summaries.get(endpoint.pk)}
        for endpoint in endpoints
    ]


def _deployments(endpoint: Endpoint) -> list[Deployment]:
    return endpoint.live_deployments  # type: ignore[attr-defined, no-any-return]


@page
def endpoint_detail(request: HttpRequest, name: str) -> HttpResponse:
    try:
        context = endpoint_frame(request, name, "endpoint_detail")
    except NotFound:
        return _tombstone(request, name)
    except Forbidden:  # a mere caller's home is how to call it
        return redirect("endpoint_consume", name)
    endpoint: Endpoint = context["endpoint"]
    now = timezone.now()
    detailed = list(deployments_of(endpoint))
    summary = telemetry.endpoint_summaries(detailed, now=now).get(endpoint.pk)
    context |= {
        "cards": [_card(item, endpoint) for item in detailed],
        "summary": summary,
        "copies": summary.copies if summary else None,
        "events": list(events_for(signed_in(request), endpoint=endpoint)[:6]),
    }
    return show(request, "endpoints/detail.html", context, partial="overview")


def _tombstone(request: HttpRequest, name: str) -> HttpResponse:
    event = tombstone_for(signed_in(request), name)
    if event is None:
        raise NotFound(f"There is no endpoint “{name}”.")
    return render(request, "endpoints/tombstone.html", {"name": name, "event": event}, status=410)


def _card(deployment: Deployment, endpoint: Endpoint) -> dict[str, Any]:
    replicas = [replica for replica in deployment.replicas.all() if replica.stopping_at is None]
    return {
        "deployment": deployment,
        "share": endpoint.live_traffic.get(deployment.name, 0),
        "mirrored": endpoint.live_mirror.get(deployment.name, 0),
        "ready": sum(replica.state == "Ready" for replica in replicas),
        "replicas": replicas,
    }


urlpatterns = [
    path("endpoints/", endpoint_list, name="endpoint_list"),
    path("endpoints/<str:name>/", endpoint_detail, name="endpoint_detail"),
]
