"""The history: of the workspace, and of one endpoint."""

import csv
from collections.abc import Iterable
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import path

from endpoints.models import Event
from endpoints.selectors.endpoints import events_for
from studio.actors import signed_in
from studio.pages.endpoint_frame import endpoint_frame
from studio.pages.forms import whole_number
from studio.pages.page import page, show
from studio.workspaces import current_workspace

PAGE_SIZE = 50
CSV_ROWS = 20_000
COLUMNS = ("created_at", "actor_name", "source", "verb", "subject", "before", "after", "reason", "request_id")


@page
def activity(request: HttpRequest) -> HttpResponse:
    found = events_for(signed_in(request), workspace=current_workspace(request))
    return _shown(request, found, "activity/list.html", {}, filename="activity.csv")


@page
def endpoint_activity(request: HttpRequest, name: str) -> HttpResponse:
    context = endpoint_frame(request, name, "endpoint_activity")
    found = events_for(signed_in(request), endpoint=context["endpoint"])
    return _shown(request, found, "activity/endpoint.html", context, filename=f"{name}-activity.csv")


def _shown(
    request: HttpRequest, found: QuerySet[Event], template: str, context: dict[str, Any], *, filename: str
) -> HttpResponse:
    """`?q=` narrows, `?before=` is the cursor (an event's id), `?format=csv` downloads."""
    query = request.GET.get("q", "").strip()
    if query:
        found = found.filter(Q(verb__icontains=query) | Q(subject__icontains=query) | Q(actor_name__icontains=query))
    if request.GET.get("format") == "csv":
        return _csv(found[:CSV_ROWS], filename)
    before = whole_number(request.GET.get("before", ""))
    if before is not None:
        found = found.filter(pk__lt=before)
    events = list(found[: PAGE_SIZE + 1])
    older = events[PAGE_SIZE - 1].pk if len(events) > PAGE_SIZE else None
    rows = [{"event": event, "changes": changes(event)} for event in events[:PAGE_SIZE]]
    return show(request, template, context | {"rows": rows, "query": query, "older": older}, partial="rows")


def changes(event: Event) -> list[dict[str, Any]]:
    """What is different between before and after, field by field."""
    before, after = event.before or {}, event.after or {}
    return [
        {"field": field, "before": before.get(field), "after": after.get(field)}
        for field in sorted(before.keys() | after.keys())
        if before.get(field) != after.get(field)
    ]


def _csv(events: Iterable[Event], filename: str) -> HttpResponse:
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    writer = csv.writer(response)
    writer.writerow(COLUMNS)
    writer.writerows([_cell(getattr(event, name)) for name in COLUMNS] for event in events)
    return response


def _cell(value: Any) -> str:
    """Text that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


urlpatterns = [
    path("activity/", activity, name="activity"),
    path("endpoints/<str:name>/activity/", endpoint_activity, name="endpoint_activity"),
]
