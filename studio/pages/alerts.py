"""Alerts: what fires and what did, the rules, and where people are told."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_POST

from endpoints.domain.alerts import condition, told
from endpoints.domain.errors import Invalid, NotFound, StaleVersion, Unavailable
from endpoints.models import Alert, AlertRule, Endpoint, Workspace
from endpoints.permissions import Action, can
from endpoints.selectors.alerts import (
    alert_for,
    alerts_for,
    channel_of,
    channels_of,
    deliveries_of,
    rule_for,
    rules_for,
    spec_of,
)
from endpoints.services.alerts import acknowledge, create_rule, remove_rule, silence_rule, update_rule
from endpoints.services.channels import create_channel, remove_channel, send_test, switch_channel
from studio.actors import actor_of, signed_in
from studio.pages.alert_forms import SILENCES, USUAL, ChannelForm, RuleForm, initial_of, places_of
from studio.pages.forms import add_problems, whole_number
from studio.pages.page import page, show, went_to
from studio.workspaces import current_workspace

PAGE_SIZE = 50
DELIVERIES = 20


@page
def alert_list(request: HttpRequest) -> HttpResponse:
    """What is open, then what is over. `?endpoint=` narrows, `?before=` (a time) pages the past."""
    workspace = _open(request)
    found = alerts_for(signed_in(request), workspace=workspace)
    asked = request.GET.get("endpoint", "")
    found = found.filter(endpoint__name=asked) if asked else found
    before = parse_datetime(request.GET.get("before", "")) if request.GET.get("before") else None
    past = found.exclude(ended_at=None)
    past = past.filter(started_at__lt=before) if before and before.tzinfo else past
    rows = list(past[: PAGE_SIZE + 1])
    context = {
        **_tabs(request, workspace),
        "open": [_shown(alert) for alert in found.filter(ended_at=None)],
        "past": [_shown(alert) for alert in rows[:PAGE_SIZE]],
        "older": rows[PAGE_SIZE - 1].started_at.isoformat() if len(rows) > PAGE_SIZE else "",
        "endpoint_asked": asked,
        "rules": rules_for(signed_in(request), workspace=workspace).count(),
    }
    return show(request, "alerts/list.html", context, partial="rows")


def _shown(alert: Alert) -> dict[str, Any]:
    value = told(alert.rule.signal, alert.value) if alert.rule else ""
    return {"alert": alert, "value": value}


@page
def alert_detail(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    alert = alert_for(signed_in(request), alert_id)
    context = {
        "alert": alert,
        "value": told(alert.rule.signal, alert.value) if alert.rule else "",
        "now": told(alert.rule.signal, alert.rule.value) if alert.rule and alert.ended_at is None else "",
        "deliveries": alert.notifications.select_related("channel").order_by("created_at"),
        "may_write": _may_write(request, alert.workspace, alert.endpoint),
        "silences": SILENCES,
        "silenced": _silenced(alert.rule),
        "crumbs": [{"label": "Alerts", "url": reverse("alert_list")}, {"label": alert.name}],
    }
    return show(request, "alerts/detail.html", context, partial="live")


@page
@require_POST
def alert_acknowledge(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    alert = acknowledge(actor=actor_of(request), alert=alert_for(signed_in(request), alert_id))
    by = alert.acknowledged_by or "somebody"
    return went_to(request, reverse("alert_detail", args=[alert.pk]), f"Acknowledged by {by}.")


@page
def alert_rules(request: HttpRequest) -> HttpResponse:
    workspace = _open(request)
    found = rules_for(signed_in(request), workspace=workspace)
    asked = request.GET.get("endpoint", "")
    found = found.filter(endpoint__name=asked) if asked else found
    rows = [
        {
            "rule": rule,
            "condition": condition(spec_of(rule)),
            "value": told(rule.signal, rule.value) if rule.evaluated_at else "not yet",
            "silenced": _silenced(rule),
        }
        for rule in found
    ]
    context = {**_tabs(request, workspace), "rows": rows, "endpoint_asked": asked}
    return show(request, "alerts/rules.html", context, partial="rows")


def _silenced(rule: AlertRule | None) -> bool:
    return bool(rule and rule.silenced_until and rule.silenced_until > timezone.now())


@page
def alert_rule_create(request: HttpRequest) -> HttpResponse:
    """`?about=` an endpoint, or endpoint/deployment, to begin with."""
    workspace = _open(request)
    places = places_of(signed_in(request), workspace)
    initial = {**USUAL, "about": request.GET.get("about", "workspace")}
    form = RuleForm(request.POST or None, initial=initial, workspace=workspace, places=places)
    if request.method == "POST" and form.is_valid():
        try:
            rule = create_rule(actor=actor_of(request), scope=form.place(), settings=form.settings())
        except Invalid as error:
            add_problems(form, error)
        else:
            return went_to(request, reverse("alert_rules"), f"“{rule.name}” is looked at from now on.")
    crumbs = [{"label": "Alert rules", "url": reverse("alert_rules")}, {"label": "New"}]
    context = {"form": form, "crumbs": crumbs, "channels": channels_of(workspace).exists(), "rule": None}
    return show(request, "alerts/rule.html", context, status=422 if form.errors else 200)


@page
def alert_rule(request: HttpRequest, rule_id: int) -> HttpResponse:
    rule = rule_for(signed_in(request), rule_id)
    about = rule.subject if rule.endpoint_id else "workspace"
    places = {about: rule.deployment or rule.endpoint or rule.workspace}
    form = RuleForm(request.POST or None, initial=initial_of(rule), workspace=rule.workspace, places=places)
    form.fields["about"].help_text = "Make another rule to watch something else."
    if request.method == "POST" and form.is_valid():
        try:
            version = whole_number(request.POST.get("version", ""))
            update_rule(actor=actor_of(request), rule=rule, settings=form.settings(), expected_version=version)
        except Invalid as error:
            add_problems(form, error)
        except StaleVersion as error:
            form.add_error(None, f"{error} Reload the page to see it.")
        else:
            return went_to(request, reverse("alert_rules"), "Saved: it begins anew.")
    past = alerts_for(signed_in(request)).filter(rule=rule)[:10]
    context = {
        "form": form,
        "rule": rule,
        "condition": condition(spec_of(rule)),
        "value": told(rule.signal, rule.value) if rule.evaluated_at else "not looked at yet",
        "past": [_shown(alert) for alert in past],
        "silenced": _silenced(rule),
        "silences": SILENCES,
        "may_write": _may_write(request, rule.workspace, rule.endpoint),
        "channels": channels_of(rule.workspace).exists(),
        "crumbs": [{"label": "Alert rules", "url": reverse("alert_rules")}, {"label": rule.name}],
    }
    return show(request, "alerts/rule.html", context, status=422 if form.errors else 200)


@page
@require_POST
def alert_rule_silence(request: HttpRequest, rule_id: int) -> HttpResponse:
    """`hours` from now; 0 ends it."""
    rule = rule_for(signed_in(request), rule_id)
    hours = whole_number(request.POST.get("hours", "")) or 0
    until = timezone.now() + timedelta(hours=min(hours, 10_000)) if hours else None
    silence_rule(actor=actor_of(request), rule=rule, until=until, reason=request.POST.get("reason", ""))
    said = "Nobody is told until the silence is over." if until else "The silence is over."
    return went_to(request, reverse("alert_rule", args=[rule.pk]), said)


@page
@require_POST
def alert_rule_remove(request: HttpRequest, rule_id: int) -> HttpResponse:
    rule = rule_for(signed_in(request), rule_id)
    remove_rule(actor=actor_of(request), rule=rule)
    return went_to(request, reverse("alert_rules"), f"“{rule.name}” is removed. Its past alerts stay.")


@page
def alert_channels(request: HttpRequest) -> HttpResponse:
    """A webhook's secret is in the answer that made it, this once."""
    workspace = _open(request)
    form = ChannelForm(request.POST or None)
    made = None
    if request.method == "POST" and form.is_valid():
        try:
            made = create_channel(actor=actor_of(request), workspace=workspace, **form.cleaned_data)
        except Invalid as error:
            add_problems(form, error)
    context = {
        **_tabs(request, workspace),
        "form": ChannelForm() if made else form,
        "made": made,
        "channels": list(channels_of(workspace)),
        "deliveries": list(deliveries_of(workspace)[:DELIVERIES]),
        "may_manage": can(signed_in(request), Action.MANAGE_WORKSPACE, workspace),
    }
    response = show(request, "alerts/channels.html", context, status=422 if form.errors else 200)
    response["Cache-Control"] = "no-store"
    return response


@page
@require_POST
def alert_channel_test(request: HttpRequest, name: str) -> HttpResponse:
    channel = channel_of(_open(request), name)
    try:
        send_test(actor=actor_of(request), channel=channel)
    except Unavailable as error:
        return went_to(request, reverse("alert_channels"), str(error), level=messages.ERROR)
    return went_to(request, reverse("alert_channels"), f"“{name}” took the test.")


@page
@require_POST
def alert_channel_switch(request: HttpRequest, name: str) -> HttpResponse:
    """`enabled=1` or `enabled=0`."""
    enabled = request.POST.get("enabled") == "1"
    switch_channel(actor=actor_of(request), channel=channel_of(_open(request), name), enabled=enabled)
    return went_to(request, reverse("alert_channels"), f"“{name}” is {'on' if enabled else 'off'}.")


@page
@require_POST
def alert_channel_remove(request: HttpRequest, name: str) -> HttpResponse:
    remove_channel(actor=actor_of(request), channel=channel_of(_open(request), name))
    return went_to(request, reverse("alert_channels"), f"“{name}” is removed.")


def _open(request: HttpRequest) -> Workspace:
    workspace = current_workspace(request)
    if workspace is None:
        raise NotFound("You are in no workspace yet. An Owner of one can add you.")
    return workspace


def _may_write(request: HttpRequest, workspace: Workspace, endpoint: Endpoint | None) -> bool:
    action, scope = (Action.WRITE, endpoint) if endpoint else (Action.MANAGE_WORKSPACE, workspace)
    return can(signed_in(request), action, scope)


def _tabs(request: HttpRequest, workspace: Workspace) -> dict[str, Any]:
    firing = alerts_for(signed_in(request), workspace=workspace, open_only=True).count()
    tabs = [
        ("Alerts", "alert_list", "bell", firing or ""),
        ("Rules", "alert_rules", "list", ""),
        ("Channels", "alert_channels", "send", ""),
    ]
    current = request.resolver_match.url_name if request.resolver_match else ""
    return {
        "workspace_shown": workspace,
        "tabs": [
            {"label": label, "url": reverse(name), "icon": icon, "count": count, "current": name == current}
            for label, name, icon, count in tabs
        ],
    }


_RULE = "alerts/rules/<int:rule_id>/"
_CHANNEL = "alerts/channels/<str:name>/"
urlpatterns = [
    path("alerts/", alert_list, name="alert_list"),
    path("alerts/rules/", alert_rules, name="alert_rules"),
    path("alerts/rules/create/", alert_rule_create, name="alert_rule_create"),
    path(_RULE, alert_rule, name="alert_rule"),
    path(f"{_RULE}silence/", alert_rule_silence, name="alert_rule_silence"),
    path(f"{_RULE}remove/", alert_rule_remove, name="alert_rule_remove"),
    path("alerts/channels/", alert_channels, name="alert_channels"),
    path(f"{_CHANNEL}test/", alert_channel_test, name="alert_channel_test"),
    path(f"{_CHANNEL}switch/", alert_channel_switch, name="alert_channel_switch"),
    path(f"{_CHANNEL}remove/", alert_channel_remove, name="alert_channel_remove"),
    path("alerts/<uuid:alert_id>/", alert_detail, name="alert_detail"),
    path("alerts/<uuid:alert_id>/acknowledge/", alert_acknowledge, name="alert_acknowledge"),
]
