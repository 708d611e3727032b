"""The history: of the workspace, and of one endpoint."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.urls import path

from endpoints.enums import Source
from endpoints.models import Event
from endpoints.selectors.endpoints import events_for
from endpoints.selectors.events import EventSearch
from studio.actors import signed_in
from studio.event_export import csv_of
from studio.pages.endpoint_frame import endpoint_frame
from studio.pages.forms import whole_number
from studio.pages.page import page, show
from studio.workspaces import current_workspace

PAGE_SIZE = 50
# What a browser's own picker of date and time sends, and what people write.
TIMES = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d"]


class SearchForm(forms.Form):
    q = forms.CharField(required=False, max_length=200)
    actor = forms.CharField(required=False, max_length=254, label="Who", help_text="Part of an address, or system.")
    verb = forms.CharField(
        required=False, max_length=60, label="Action", help_text="Such as traffic.updated; keys. for all about keys."
    )
    resource = forms.CharField(
        required=False, max_length=200, help_text="An endpoint, endpoint/deployment, or part of another name."
    )
    source = forms.ChoiceField(required=False, choices=[("", "Any"), *Source.choices], label="Through")
    since = forms.DateTimeField(
        required=False,
        input_formats=TIMES,
        help_text="In UTC.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=TIMES[0]),
    )
    until = forms.DateTimeField(
        required=False,
        input_formats=TIMES,
        help_text="In UTC, not included.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=TIMES[0]),
    )
    request_id = forms.CharField(required=False, max_length=64, help_text="From an answer's header X-Request-Id.")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and until <= since:
            self.add_error("until", "This is not after “since”.")
        return cleaned

    @property
    def narrowed(self) -> int:
        """By how many filters, besides the text."""
        return sum(bool(value) for name, value in self.cleaned_data.items() if name != "q")


@page
def activity(request: HttpRequest) -> HttpResponseBase:
    found = events_for(signed_in(request), workspace=current_workspace(request))
    return shown(request, found, "activity/list.html", {}, filename="activity.csv")


@page
def endpoint_activity(request: HttpRequest, name: str) -> HttpResponseBase:
    context = endpoint_frame(request, name, "endpoint_activity")
    found = events_for(signed_in(request), endpoint=context["endpoint"])
    return shown(request, found, "activity/endpoint.html", context, filename=f"{name}-activity.csv")


def shown(
    request: HttpRequest, found: QuerySet[Event], template: str, context: Mapping[str, Any], *, filename: str
) -> HttpResponseBase:
    """The form's fields narrow, `?before=` is the cursor (an event's id), `?format=csv` downloads."""
    form = SearchForm(request.GET)
    if not form.is_valid():
        return show(request, template, {**context, "form": form, "rows": []}, partial="rows", status=422)
    found = found.filter(_search(form.cleaned_data).condition())
    if request.GET.get("format") == "csv":
        return csv_of(found, filename)
    before = whole_number(request.GET.get("before", ""))
    if before is not None:
        found = found.filter(pk__lt=before)
    events = list(found[: PAGE_SIZE + 1])
    older = events[PAGE_SIZE - 1].pk if len(events) > PAGE_SIZE else None
    rows = [{"event": event, "changes": changes(event)} for event in events[:PAGE_SIZE]]
    narrowing = {"form": form, "rows": rows, "older": older, "asked": _asked(request), "before": before}
    return show(request, template, {**context, **narrowing}, partial="rows")


def _search(given: Mapping[str, Any]) -> EventSearch:
    return EventSearch(text=given["q"], **{name: value for name, value in given.items() if name != "q"})


def _asked(request: HttpRequest) -> str:
    """The filters, for links to the same search elsewhere in it."""
    given = request.GET.copy()
    for name in [name for name in given if name not in SearchForm.base_fields or not given[name]]:
        del given[name]
    return given.urlencode()


def changes(event: Event) -> list[dict[str, Any]]:
    """What is different between before and after, field by field."""
    before, after = event.before or {}, event.after or {}
    return [
        {"field": field, "before": before.get(field), "after": after.get(field)}
        for field in sorted(before.keys() | after.keys())
        if before.get(field) != after.get(field)
    ]


urlpatterns = [
    path("activity/", activity, name="activity"),
    path("endpoints/<str:name>/activity/", endpoint_activity, name="endpoint_activity"),
]
