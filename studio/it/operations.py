"""IT's switches for the whole site, and the operations that are stuck."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from endpoints.domain.errors import Invalid
from endpoints.enums import BannerLevel
from endpoints.models import Operation, SiteState
from endpoints.selectors.site import site_state, stuck_operations
from endpoints.services.site import LONGEST_TEXT, set_banner, set_read_only
from endpoints.services.stuck import fail_stuck, retry_stuck
from studio.actors import actor_of
from studio.pages.activity import TIMES
from studio.pages.forms import add_problems
from studio.pages.identity import it_page
from studio.pages.page import show, went_to

SHOWN = 100


def _time(label: str, help_text: str) -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=TIMES[0])
    return forms.DateTimeField(required=False, label=label, help_text=help_text, input_formats=TIMES, widget=widget)


class ReadOnlyForm(forms.Form):
    read_only_reason = forms.CharField(
        required=False, max_length=LONGEST_TEXT, label="Why", help_text="Everybody who is refused reads it."
    )
    read_only_until = _time("Until", "In UTC. Empty: until you end it.")


class BannerForm(forms.Form):
    banner = forms.CharField(
        required=False, max_length=LONGEST_TEXT, label="Text", help_text="Empty: there is no banner."
    )
    banner_level = forms.ChoiceField(choices=BannerLevel.choices, label="Level")
    banner_from = _time("From", "In UTC. Empty: from now on.")
    banner_until = _time("Until", "In UTC. Empty: until you take it away.")


@it_page
def it_operations(request: HttpRequest) -> HttpResponse:
    """A POST's `change` says which of the switches: open, read_only or banner."""
    now, state = timezone.now(), site_state()
    initial = {name: getattr(state, name) for name in (*ReadOnlyForm.base_fields, *BannerForm.base_fields)}
    change = request.POST.get("change", "")
    read_only = ReadOnlyForm(request.POST if change == "read_only" else None, initial=initial)
    banner = BannerForm(request.POST if change == "banner" else None, initial=initial)
    if request.method == "POST" and (done := _switch(request, change, read_only, banner, now)):
        return went_to(request, reverse("it_operations"), done)
    context = {
        "state": state,
        "closed": state.closed(now=now),
        "banner_shown": state.banner_shown(now=now),
        "read_only": read_only,
        "banner": banner,
        "stuck": list(stuck_operations(now=now)[:SHOWN]),
    }
    return show(request, "it/operations.html", context, status=422 if read_only.errors or banner.errors else 200)


def _switch(request: HttpRequest, change: str, read_only: ReadOnlyForm, banner: BannerForm, now: datetime) -> str:
    """What was done, in words; empty where a form says what is wrong."""
    actor = actor_of(request)
    form = {"read_only": read_only, "banner": banner}.get(change)
    if change == "open":
        set_read_only(actor=actor, read_only=False, now=now)
        return "People can write again."
    if form is None or not form.is_valid():
        return ""
    try:
        if change == "read_only":
            return _closed(set_read_only(actor=actor, read_only=True, now=now, **_named(form, "reason", "until")))
        given = form.cleaned_data
        times = {"begins": given["banner_from"], "ends": given["banner_until"]}
        set_banner(actor=actor, text=given["banner"], level=given["banner_level"], now=now, **times)
    except Invalid as error:
        add_problems(form, error)
        return ""
    return "The banner is set." if given["banner"] else "The banner is taken away."


def _named(form: forms.Form, *names: str) -> dict[str, Any]:
    return {name: form.cleaned_data[f"read_only_{name}"] for name in names}


def _closed(state: SiteState) -> str:
    until = f"until {state.read_only_until:%Y-%m-%d %H:%M} UTC" if state.read_only_until else "until you end it"
    return f"The studio is read-only {until}."


@it_page
@require_POST
def it_operation_retry(request: HttpRequest, operation_id: UUID) -> HttpResponse:
    operation = get_object_or_404(Operation, pk=operation_id)
    retry_stuck(actor=actor_of(request), operation=operation, now=timezone.now())
    return went_to(request, reverse("it_operations"), "It is taken up again.")


@it_page
@require_POST
def it_operation_fail(request: HttpRequest, operation_id: UUID) -> HttpResponse:
    operation = get_object_or_404(Operation, pk=operation_id)
    fail_stuck(actor=actor_of(request), operation=operation, now=timezone.now())
    return went_to(request, reverse("it_operations"), "It has failed: its deployment can be changed again.")


_OPERATION = "it/operations/<uuid:operation_id>/"
urlpatterns = [
    path("it/operations/", it_operations, name="it_operations"),
    path(f"{_OPERATION}retry/", it_operation_retry, name="it_operation_retry"),
    path(f"{_OPERATION}fail/", it_operation_fail, name="it_operation_fail"),
]
