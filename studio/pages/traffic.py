"""The Traffic tab: linked sliders over plain number fields."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils import timezone

from endpoints.domain.errors import Conflict, Invalid, StaleVersion
from endpoints.models import Deployment, Endpoint, Event
from endpoints.selectors import telemetry
from endpoints.selectors.endpoints import events_for
from endpoints.services.traffic import set_traffic
from studio.actors import actor_of, signed_in
from studio.pages.endpoint_frame import endpoint_frame
from studio.pages.forms import whole_number
from studio.pages.mirror import mirror_form, mirror_values, wanted_mirror
from studio.pages.page import is_fragment, page, show, went_to, with_toast
from studio.pages.stale import stale_notice

TEMPLATE = "traffic/edit.html"


@page
def endpoint_traffic(request: HttpRequest, name: str) -> HttpResponse:
    context = endpoint_frame(request, name, "endpoint_traffic")
    if request.method == "POST":
        return _apply(request, context)
    partial = "live" if request.GET.get("part") == "live" else "editor"
    return show(request, TEMPLATE, _editor(request, context), partial=partial)


def _apply(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    endpoint: Endpoint = context["endpoint"]
    wanted, problem = _wanted(request, context["deployments"])
    mirror, odd = wanted_mirror(request)
    problem = problem or odd
    version = whole_number(request.POST.get("version", ""))
    try:
        if problem or version is None:
            raise Invalid({"traffic": problem or "The form is incomplete. Reload the page."})
        changed = set_traffic(
            actor=actor_of(request), endpoint=endpoint, traffic=wanted, mirror=mirror, expected_version=version
        )
    except (Invalid, Conflict) as error:
        return _refused(request, context, wanted, mirror, error)
    url = reverse("endpoint_traffic", args=[endpoint.name])
    if not is_fragment(request):
        return went_to(request, url, "Traffic sent to the gateway.")
    fresh = endpoint_frame(request, endpoint.name, "endpoint_traffic")
    response = show(request, TEMPLATE, _editor(request, fresh), partial="editor")
    values = _values(endpoint.traffic, context["deployments"], changed.traffic_version)
    if changed.mirror_traffic != endpoint.mirror_traffic:
        values |= mirror_values(endpoint.mirror_traffic)
    return with_toast(response, "Traffic sent to the gateway.", undo={"url": url, "values": values})


def _wanted(request: HttpRequest, deployments: list[Deployment]) -> tuple[dict[str, int], str]:
    """The shares that the form asks for; a deployment whose field is disabled posts nothing and gets none."""
    if request.POST.get("offline"):
        return {}, ""
    shares: dict[str, int] = {}
    for item in deployments:
        share = whole_number(request.POST.get(f"traffic-{item.name}", "").strip() or "0")
        if share is None:
            return {}, f"{item.name}: the share must be a whole number from 0 to 100."
        shares[item.name] = share
    return shares, ""


def _refused(
    request: HttpRequest,
    context: dict[str, Any],
    wanted: Mapping[str, int],
    mirror: Mapping[str, int] | None,
    error: Invalid | Conflict,
) -> HttpResponse:
    """The form as it was filled in, over the present shares. 422 also for a conflict, so that htmx shows it."""
    fresh = endpoint_frame(request, context["endpoint"].name, "endpoint_traffic")
    editor = _editor(request, fresh, planned=wanted, mirror=mirror) | {"problem": str(error)}
    if isinstance(error, StaleVersion):
        url = reverse("endpoint_traffic", args=[fresh["endpoint"].name])
        editor |= {"problem": "", "stale": stale_notice(error, url=url, yours={**wanted, **(mirror or {})})}
    status = 409 if isinstance(error, Conflict) and not is_fragment(request) else 422
    return show(request, TEMPLATE, editor, partial="editor", status=status)


def _last_change(request: HttpRequest, endpoint: Endpoint, *verbs: str) -> Event | None:
    return events_for(signed_in(request), endpoint=endpoint).filter(verb__in=verbs).first()


def _values(traffic: Mapping[str, int], deployments: list[Deployment], version: int) -> dict[str, str]:
    shares = {f"traffic-{item.name}": str(traffic.get(item.name, 0)) for item in deployments}
    return {**shares, "version": str(version), **({} if traffic else {"offline": "1"})}


def _editor(
    request: HttpRequest,
    context: dict[str, Any],
    planned: Mapping[str, int] | None = None,
    mirror: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    endpoint: Endpoint = context["endpoint"]
    deployments: list[Deployment] = context["deployments"]
    recent = telemetry.deployment_summaries(deployments, now=timezone.now())
    rates = [summary.requests_per_minute or 0 for summary in recent.values()]
    rate = round(sum(rates), 1)
    previous = _last_change(request, endpoint, "traffic.updated")
    return context | {
        "rows": [_row(item, endpoint, recent.get(item.pk), planned) for item in deployments],
        "rate": rate,
        "mirror_form": mirror_form(endpoint, deployments, rate=rate, planned=mirror),
        "copies": _copies(endpoint, deployments, recent),
        "offline": bool(deployments) and not endpoint.traffic and endpoint.traffic_version > 1,
        "rest": _rest(endpoint),
        "previous": _values(previous.before or {}, deployments, endpoint.traffic_version) if previous else None,
        "previous_event": previous,
    }


def _copies(endpoint: Endpoint, deployments: list[Deployment], recent: Mapping[UUID, telemetry.Summary]) -> Any:
    """Those of the present mirror."""
    found = (recent.get(item.pk) for item in deployments if item.name in endpoint.live_mirror)
    return next((summary.copies for summary in found if summary), None)


def _row(deployment: Deployment, endpoint: Endpoint, recent: Any, planned: Mapping[str, int] | None) -> dict[str, Any]:
    now = endpoint.traffic.get(deployment.name, 0)
    ready = bool(deployment.serving_generation) and deployment.state != "Deleting"
    return {
        "name": deployment.name,
        "slot": deployment.color_slot,
        "percent": now,
        "planned": planned.get(deployment.name, 0) if planned is not None else now,
        "ready": ready,
        "state": deployment.state,
        "reason": "" if ready else f"{deployment.state}: not ready to take traffic",
        "note": _note(deployment, recent),
    }


def _note(deployment: Deployment, recent: Any) -> str:
    parts = [f"{deployment.instance_count} × {deployment.instance_type.name}"]
    if recent is not None and recent.p95_ms is not None:
        parts.append(f"p95 {recent.p95_ms:.1f} ms")
    if recent is not None and recent.error_percent is not None:
        parts.append(f"{recent.error_percent:.1f} % errors")
    return " · ".join(parts)


def _rest(endpoint: Endpoint) -> str:
    mirror = {"mirror_traffic": endpoint.mirror_traffic} if endpoint.mirror_traffic else {}
    body = json.dumps({"traffic": endpoint.traffic, **mirror, "version": endpoint.traffic_version})
    lines = (
        f"curl -X PUT {settings.STUDIO_PUBLIC_URL}/api/v1/endpoints/{endpoint.name}/traffic/",
        '  -H "Authorization: Bearer $STUDIO_TOKEN"',
        "  -H 'Content-Type: application/json'",
        f"  -d '{body}'",
    )
    return " \\\n".join(lines)


urlpatterns = [path("endpoints/<str:name>/traffic/", endpoint_traffic, name="endpoint_traffic")]
