"""The requests of an endpoint one by one: searched, followed, downloaded; and which of them are kept."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from endpoints.domain.traffic_log import LONGEST_MS
from endpoints.models import Endpoint, TrafficLogEntry
from endpoints.selectors.traffic_log import CLASSES, Wanted, logging_of, older_than, state, traffic_log
from endpoints.services.traffic_log import set_traffic_log
from studio.pages.endpoint_frame import endpoint_frame
from studio.pages.figures import changed, csv_file
from studio.pages.limits import saved_settings
from studio.pages.logs import log_tabs
from studio.pages.page import page, show
from studio.pages.traffic_log_forms import traffic_log_form

PAGE_SIZE = 50
CSV_ROWS = 20_000
FOLLOWED_SECONDS = 3
DROPPED_LATELY = timedelta(days=1)
RANGES = {"15m": "last 15 minutes", "1h": "last hour", "24h": "last 24 hours", "7d": "last 7 days"}
_LENGTHS = {
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
}
COLUMNS = (
    "at",
    "deployment",
    "method",
    "path",
    "protocol",
    "status",
    "status_reason",
    "model_status",
    "model_reason",
    "request_bytes",
    "response_bytes",
    "total_ms",
    "request_ms",
    "response_ms",
    "model_ms",
    "request_throttling_delay_ms",
    "response_throttling_delay_ms",
    "auth_mode",
    "caller",
    "user_agent",
    "x_request_id",
    "x_ms_client_request_id",
    "traceparent",
)


_MOMENTS: dict[str, Any] = {
    "required": False,
    "input_formats": ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
}


def moment(label: str) -> forms.DateTimeField:
    """In UTC, as every time here."""
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    return forms.DateTimeField(label=label, widget=widget, **_MOMENTS)


class FilterForm(forms.Form):
    deployment = forms.CharField(required=False, max_length=32)
    status = forms.ChoiceField(required=False, choices=[(each, each) for each in CLASSES])
    model_status = forms.IntegerField(required=False, min_value=0, max_value=999)
    request_id = forms.CharField(required=False, max_length=100, label="Request id")
    client_request_id = forms.CharField(required=False, max_length=100, label="Client request id")
    caller = forms.CharField(required=False, max_length=200)
    range = forms.ChoiceField(required=False, choices=list(RANGES.items()))
    start = moment("From (UTC)")
    end = moment("To (UTC)")
    min_ms = forms.IntegerField(required=False, min_value=0, max_value=LONGEST_MS, label="At least (ms)")

    def wanted(self, now: datetime) -> Wanted:
        given = self.cleaned_data
        length = _LENGTHS.get(given["range"])
        return Wanted(
            deployment=given["deployment"].strip(),
            status_class=given["status"],
            model_status=given["model_status"],
            request_id=given["request_id"].strip(),
            client_request_id=given["client_request_id"].strip(),
            caller=given["caller"].strip(),
            start=given["start"] or (now - length if length else None),
            end=given["end"],
            min_ms=given["min_ms"],
        )


@page
def endpoint_traffic_log(request: HttpRequest, name: str) -> HttpResponse:
    """Everything that narrows is in the URL; `?before=` is the cursor, `?follow=1` looks again, `?format=csv` keeps."""
    context = endpoint_frame(request, name, "endpoint_logs")
    endpoint: Endpoint = context["endpoint"]
    form = FilterForm(request.GET)
    context |= _around(request, endpoint, form)
    if not form.is_valid():
        return show(request, "traffic_log/endpoint.html", context, status=422)
    found = traffic_log(endpoint, form.wanted(timezone.now()))
    if request.GET.get("format") == "csv":
        return csv_file(list(COLUMNS), _lines(found[:CSV_ROWS]), f"{endpoint.name}-traffic")
    cursor = _cursor(request.GET.get("before", ""))
    shown = list((older_than(found, *cursor) if cursor else found)[: PAGE_SIZE + 1])
    rows = [_row(endpoint, entry) for entry in shown[:PAGE_SIZE]]
    older = _cursor_of(shown[PAGE_SIZE - 1]) if len(shown) > PAGE_SIZE else ""
    context |= {
        "rows": rows,
        "older_url": changed(request, before=older, follow="") if older else "",
        "newest_url": changed(request, before="") if cursor else "",
    }
    return show(request, "traffic_log/endpoint.html", context, partial="rows")


def _around(request: HttpRequest, endpoint: Endpoint, form: FilterForm) -> dict[str, Any]:
    given = {name: value for name, value in request.GET.items() if name in form.fields and value}
    follows = request.GET.get("follow") == "1" and not request.GET.get("before")
    seen = state()
    return {
        "log_tabs": log_tabs(endpoint, "endpoint_traffic_log"),
        "form": form,
        "given": given,
        "more": any(
            name in given for name in ("client_request_id", "caller", "start", "end", "min_ms", "model_status")
        ),
        "classes": [(name, "no answer" if name == "0" else name) for name in CLASSES],
        "ranges": RANGES.items(),
        "logging": logging_of(endpoint),
        "follows": follows,
        "follow_url": changed(request, follow="" if follows else "1", before=""),
        "every": FOLLOWED_SECONDS,
        "csv_url": changed(request, format="csv", before="", follow=""),
        "dropped": seen.dropped if seen.dropped_at and timezone.now() - seen.dropped_at < DROPPED_LATELY else 0,
    }


def _row(endpoint: Endpoint, entry: TrafficLogEntry) -> dict[str, Any]:
    lines = urlencode({"deployment": entry.deployment, "replica": "all", "q": entry.x_request_id})
    tones = {2: "ok", 3: "idle", 4: "warn", 5: "bad"}
    return {
        "entry": entry,
        "tone": tones.get(entry.status // 100, "idle"),
        "lines_url": f"{reverse('endpoint_logs', args=[endpoint.name])}?{lines}" if entry.deployment else "",
    }


def _cursor_of(entry: TrafficLogEntry) -> str:
    return f"{entry.at.astimezone(UTC):%Y%m%d%H%M%S%f}-{entry.pk}"


def _cursor(text: str) -> tuple[datetime, int] | None:
    """None for what is no cursor: then the list begins at its beginning."""
    at, _, pk = text.partition("-")
    try:
        return datetime.strptime(at, "%Y%m%d%H%M%S%f").replace(tzinfo=UTC), int(pk[:18])
    except ValueError:
        return None


def _lines(found: Iterable[TrafficLogEntry]) -> Iterable[list[str]]:
    for entry in found:
        yield [_told(getattr(entry, name)) for name in COLUMNS]


def _told(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    return "" if value is None else str(value)


@page
@require_POST
def endpoint_traffic_log_settings(request: HttpRequest, name: str) -> HttpResponse:
    return saved_settings(request, name, "traffic_log_form", traffic_log_form, set_traffic_log)


urlpatterns = [
    path("endpoints/<str:name>/logs/traffic/", endpoint_traffic_log, name="endpoint_traffic_log"),
    path(
        "endpoints/<str:name>/settings/traffic-log/",
        endpoint_traffic_log_settings,
        name="endpoint_traffic_log_settings",
    ),
]
