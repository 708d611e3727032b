"""The Scaling tab of a deployment: what autoscale sees, what it did and why, and its rules."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from endpoints.domain.errors import Conflict, Invalid, StaleVersion
from endpoints.domain.scaling import instances_needed
from endpoints.domain.scaling_presets import Bounds, Simple, simple_document, simple_of
from endpoints.models import AutoscaleSetting, Deployment, Event
from endpoints.selectors import telemetry
from endpoints.selectors.autoscale import autoscale_of, decisions_of, spec_of
from endpoints.selectors.autoscale_status import status_of
from endpoints.selectors.endpoints import events_for
from endpoints.services import autoscale as services
from studio.actors import actor_of, signed_in
from studio.pages.autoscale_forms import AutoscaleForm, SizingForm, simple_initial, times_formset
from studio.pages.autoscale_text import Unreadable, as_text, problems_in, read_text
from studio.pages.endpoint_frame import deployment_frame
from studio.pages.forms import whole_number
from studio.pages.page import page, show, went_to

TEMPLATE = "autoscale/tab.html"
PAGE_SIZE = 20


@page
def deployment_autoscale(request: HttpRequest, name: str, deployment: str) -> HttpResponse:
    """`?mode=advanced` for the rules as text, `?before=` (a decision's id) for older decisions."""
    context = deployment_frame(request, name, deployment, "deployment_autoscale")
    if request.method == "POST":
        save = _save_text if request.POST.get("mode") == "advanced" else _save_simple
        return save(request, context)
    partial = "live" if request.GET.get("part") == "live" else ""
    return show(request, TEMPLATE, _shown(request, context), partial=partial)


def _shown(request: HttpRequest, context: dict[str, Any], **edited: Any) -> dict[str, Any]:
    """The whole tab; `edited` takes the place of what the forms would show."""
    deployment: Deployment = context["deployment"]
    row = autoscale_of(deployment)
    simple = simple_of(spec_of(row)) if row else _suggested(deployment)
    version = row.version if row else 0
    advanced = (edited.get("mode") or request.GET.get("mode") or ("" if simple else "advanced")) == "advanced"
    return {
        **context,
        "row": row,
        "status": status_of(row, deployment, now=timezone.now()) if row else None,
        "ready": sum(replica.state == "Ready" and replica.routed for replica in deployment.replicas.all()),
        "version": version,
        "simple": simple,
        "advanced": advanced,
        "form": AutoscaleForm(initial=simple_initial(simple, version)) if simple else None,
        "times": times_formset(simple=simple) if simple else None,
        "text": as_text(row.setting if row else simple_document(_suggested(deployment))),
        **_history(request, deployment),
        **_sizing(request, deployment),
        **edited,
    }


def _suggested(deployment: Deployment) -> Simple:
    """To begin with: what it has now is the least."""
    count = deployment.instance_count
    return Simple(bounds=Bounds(minimum=count, maximum=min(50, max(count * 2, count + 3)), default=count))


def _history(request: HttpRequest, deployment: Deployment) -> dict[str, Any]:
    before = whole_number(request.GET.get("before", ""))
    found = decisions_of(deployment)
    found = found.filter(pk__lt=before) if before is not None else found
    rows = list(found[: PAGE_SIZE + 1])
    older = rows[PAGE_SIZE - 1].pk if len(rows) > PAGE_SIZE else None
    return {"decisions": rows[:PAGE_SIZE], "older": older, "is_older": before is not None}


def _sizing(request: HttpRequest, deployment: Deployment) -> dict[str, Any]:
    """Begins with what was measured in the last quarter of an hour."""
    asked = "requests_per_second" in request.GET
    form = SizingForm(request.GET if asked else _measured(deployment))
    if not form.is_valid():
        return {"sizing": form, "needed": None}
    cleaned = form.cleaned_data
    concurrency = deployment.max_concurrent_requests_per_instance
    needed = instances_needed(
        requests_per_second=cleaned["requests_per_second"],
        seconds_per_request=cleaned["seconds_per_request"],
        concurrency=concurrency,
        utilization=cleaned["utilization"] / 100,
    )
    return {"sizing": form, "needed": needed, "is_measured": not asked}


def _measured(deployment: Deployment) -> dict[str, Any]:
    summary = telemetry.deployment_summaries([deployment], now=timezone.now())[deployment.pk]
    rate, latency = summary.requests_per_minute or 0, summary.p95_ms or 100
    return {
        "requests_per_second": round(rate / 60, 2),
        "seconds_per_request": round(max(latency, 0.1) / 1000, 4),
        "utilization": 70,
    }


def _save_simple(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    form, times = AutoscaleForm(request.POST), times_formset(request.POST)
    if form.is_valid() and times.is_valid():
        document = simple_document(form.simple(times))
        try:
            return _saved(request, context, document, form.cleaned_data["version"])
        except (Invalid, Conflict) as error:
            form.add_error(None, _told(request, context, error))
    return _refused(request, context, form=form, times=times, mode="simple")


def _save_text(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """What cannot be saved comes back as it was written, with the lines that are wrong."""
    text = request.POST.get("document", "").replace("\r\n", "\n")
    version = whole_number(request.POST.get("version", ""))
    try:
        return _saved(request, context, read_text(text), version)
    except Unreadable as error:
        problems = [{"line": error.line, "field": "", "message": str(error)}]
    except Invalid as error:
        problems = problems_in(text, error)
    except Conflict as error:
        problems = [{"line": 0, "field": "", "message": _told(request, context, error)}]
    return _refused(request, context, text=text, problems=problems, mode="advanced")


def _saved(request: HttpRequest, context: dict[str, Any], document: Any, version: int | None) -> HttpResponse:
    deployment: Deployment = context["deployment"]
    row = services.set_autoscale(
        actor=actor_of(request), deployment=deployment, document=document, expected_version=version
    )
    words = "Autoscale is on." if row.enabled else "Saved; autoscale is off."
    return went_to(request, _url(deployment), words)


def _refused(request: HttpRequest, context: dict[str, Any], **edited: Any) -> HttpResponse:
    return show(request, TEMPLATE, _shown(request, context, **edited), status=422)


def _told(request: HttpRequest, context: dict[str, Any], error: Invalid | Conflict) -> str:
    if not isinstance(error, StaleVersion):
        return str(error)
    change: Event | None = (
        events_for(signed_in(request), endpoint=context["endpoint"]).filter(verb__startswith="autoscale.").first()
    )
    return f"{error} {change.actor_name} changed it." if change else str(error)


def _url(deployment: Deployment) -> str:
    return reverse("deployment_autoscale", args=[deployment.endpoint.name, deployment.name])


@page
@require_POST
def deployment_autoscale_switch(request: HttpRequest, name: str, deployment: str) -> HttpResponse:
    """On or off; the rules stay."""
    found: Deployment = deployment_frame(request, name, deployment, "deployment_autoscale")["deployment"]
    enabled = request.POST.get("enabled") == "1"
    row: AutoscaleSetting = services.switch_autoscale(actor=actor_of(request), deployment=found, enabled=enabled)
    words = "Autoscale is on." if row.enabled else "Autoscale is off; the number of instances stays as it is."
    return went_to(request, _url(found), words)


@page
@require_POST
def deployment_autoscale_remove(request: HttpRequest, name: str, deployment: str) -> HttpResponse:
    found: Deployment = deployment_frame(request, name, deployment, "deployment_autoscale")["deployment"]
    services.remove_autoscale(actor=actor_of(request), deployment=found)
    words = "Removed. The number of instances stays as it is."
    return went_to(request, _url(found), words, level=messages.SUCCESS)


_BASE = "endpoints/<str:name>/deployments/<str:deployment>/autoscale/"
urlpatterns = [
    path(_BASE, deployment_autoscale, name="deployment_autoscale"),
    path(f"{_BASE}switch/", deployment_autoscale_switch, name="deployment_autoscale_switch"),
    path(f"{_BASE}remove/", deployment_autoscale_remove, name="deployment_autoscale_remove"),
]
