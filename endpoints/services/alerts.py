"""Alert rules and alerts: set, silenced, acknowledged, removed."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from endpoints.domain.actor import Actor
from endpoints.domain.alerts import RULES_PER_WORKSPACE, AlertSpec, checked, condition
from endpoints.domain.errors import Conflict, Invalid, StaleVersion
from endpoints.domain.scaling_rules import Operator
from endpoints.enums import AlertState, Severity
from endpoints.models import Alert, AlertRule, Deployment, Endpoint, NotificationChannel, User, Workspace
from endpoints.permissions import Action, require
from endpoints.selectors.alerts import spec_of
from endpoints.services import events

FORGOTTEN_AT_ONCE = 1000
LONGEST_NAME = 80
LONGEST_SILENCE = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSettings:
    """What a rule says, as a person gives it. `channels` are names of the workspace's."""

    name: str
    signal: str
    operator: str
    threshold: float
    recovery: float | None = None
    window_seconds: int = 300
    fire_after_seconds: int = 0
    resolve_after_seconds: int = 0
    severity: str = Severity.WARNING
    notify_no_data: bool = False
    enabled: bool = True
    channels: Iterable[str] = field(default=())


def create_rule(*, actor: Actor, scope: Workspace | Endpoint | Deployment, settings: RuleSettings) -> AlertRule:
    """Looked at with the collector's next pass. Raises Invalid, Forbidden."""
    workspace, endpoint, deployment = _places(scope)
    require_change(actor.user, workspace, endpoint)
    rule = AlertRule(workspace=workspace, endpoint=endpoint, deployment=deployment, created_by=actor.user)
    channels = _fill(rule, settings)
    try:
        with transaction.atomic():
            Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
            if AlertRule.objects.filter(workspace=workspace).count() >= RULES_PER_WORKSPACE:
                raise Conflict(f"“{workspace}” has {RULES_PER_WORKSPACE} alert rules, as many as it may. Remove one.")
            rule.save(force_insert=True)
            rule.channels.set(channels)
            _record(actor, rule, "created", after=shown(rule))
    except IntegrityError:
        raise _taken(rule) from None
    return rule


def update_rule(
    *, actor: Actor, rule: AlertRule, settings: RuleSettings, expected_version: int | None = None
) -> AlertRule:
    """In place of what it said. It begins anew: an open alert of the old rule is over. Raises Invalid, StaleVersion."""
    require_change(actor.user, rule.workspace, rule.endpoint)
    try:
        with transaction.atomic():
            locked = _locked(rule)
            if expected_version not in (None, locked.version):
                raise StaleVersion(
                    f"“{locked.name}” was changed meanwhile: it is at version {locked.version}, your change was made "
                    f"against {expected_version}."
                )
            before = shown(locked)
            channels = _fill(locked, settings)
            locked.version += 1
            locked.state, locked.since, locked.pending, locked.pending_since = AlertState.OK, timezone.now(), "", None
            locked.save()
            locked.channels.set(channels)
            close_open(locked, ending="The rule was changed", now=timezone.now())
            _record(actor, locked, "updated", before=before, after=shown(locked))
    except IntegrityError:
        raise _taken(rule) from None
    return locked


def remove_rule(*, actor: Actor, rule: AlertRule) -> None:
    """Its past alerts stay."""
    require_change(actor.user, rule.workspace, rule.endpoint)
    with transaction.atomic():
        locked = _locked(rule)
        close_open(locked, ending="The rule was removed", now=timezone.now())
        _record(actor, locked, "removed", before=shown(locked))
        locked.delete()


def silence_rule(*, actor: Actor, rule: AlertRule, until: datetime | None, reason: str = "") -> AlertRule:
    """It is still looked at, and nobody is told until then. Who is still concerned afterwards is told then.

    `until` None ends a silence.
    """
    require_change(actor.user, rule.workspace, rule.endpoint)
    now = timezone.now()
    if until is not None and not now < until <= now + LONGEST_SILENCE:
        raise Invalid({"until": f"A time from now on, within {LONGEST_SILENCE.days} days."})
    with transaction.atomic():
        locked = _locked(rule)
        locked.silenced_until, locked.silence_reason = until, reason.strip()[:200] if until else ""
        locked.save(update_fields=["silenced_until", "silence_reason"])
        verb = "silenced" if until else "unsilenced"
        _record(
            actor, locked, verb, after={"until": until.isoformat()} if until else None, reason=locked.silence_reason
        )
    return locked


def acknowledge(*, actor: Actor, alert: Alert) -> Alert:
    """Says to the others that somebody is at it. Twice is once: the first one stays."""
    require_change(actor.user, alert.workspace, alert.endpoint)
    with transaction.atomic():
        present = Alert.objects.filter(pk=alert.pk, acknowledged_at=None)
        if present.update(acknowledged_at=timezone.now(), acknowledged_by=actor.user):
            events.record(
                actor=actor,
                verb="alert.acknowledged",
                workspace=alert.workspace,
                endpoint=alert.endpoint,
                subject=alert.name,
            )
    alert.refresh_from_db()
    return alert


def require_change(user: User | None, workspace: Workspace, endpoint: Endpoint | None) -> None:
    """Who changes the endpoint sets its rules; those of the whole workspace belong to its Contributors."""
    if endpoint is not None:
        require(user, Action.WRITE, endpoint)
    else:
        require(user, Action.MANAGE_WORKSPACE, workspace)


def close_open(rule: AlertRule, *, ending: str, now: datetime) -> None:
    Alert.objects.filter(rule=rule, ended_at=None).update(ended_at=now, ending=ending)


def shown(rule: AlertRule) -> dict[str, Any]:
    """For the history."""
    return {
        "name": rule.name,
        "about": rule.subject,
        "condition": condition(spec_of(rule)),
        "recovery": rule.recovery,
        "severity": Severity(rule.severity).label,
        "enabled": rule.enabled,
        "channels": sorted(rule.channels.values_list("name", flat=True)) if rule.pk else [],
    }


def _places(scope: Workspace | Endpoint | Deployment) -> tuple[Workspace, Endpoint | None, Deployment | None]:
    if isinstance(scope, Deployment):
        return scope.endpoint.workspace, scope.endpoint, scope
    if isinstance(scope, Endpoint):
        return scope.workspace, scope, None
    return scope, None, None


def _fill(rule: AlertRule, settings: RuleSettings) -> list[NotificationChannel]:
    """Raises Invalid with everything that is wrong."""
    problems: dict[str, str] = {}
    try:
        checked(_spec(settings), rule.scope)
    except Invalid as error:
        problems |= error.fields
    name = settings.name.strip()
    if not 0 < len(name) <= LONGEST_NAME:
        problems["name"] = f"A name of up to {LONGEST_NAME} characters."
    if settings.severity not in Severity.values:
        problems["severity"] = f"Use {', '.join(Severity.values)}: 0 is critical."
    wanted = set(settings.channels)
    channels = list(rule.workspace.notification_channels.filter(name__in=wanted))
    if unknown := sorted(wanted - {channel.name for channel in channels}):
        problems["channels"] = f"“{rule.workspace}” has no channel {', '.join(unknown)}."
    if problems:
        raise Invalid(problems)
    rule.name, rule.signal, rule.operator = name, settings.signal, settings.operator
    for field_name in _PLAIN:
        setattr(rule, field_name, getattr(settings, field_name))
    return channels


_PLAIN = (
    *("threshold", "recovery", "window_seconds", "fire_after_seconds", "resolve_after_seconds"),
    *("severity", "notify_no_data", "enabled"),
)


def _spec(settings: RuleSettings) -> AlertSpec:
    if settings.operator not in set(Operator):
        raise Invalid({"operator": f"Use {', '.join(Operator)}."})
    return AlertSpec(
        signal=settings.signal,
        operator=Operator(settings.operator),
        threshold=settings.threshold,
        recovery=settings.recovery,
        window=timedelta(seconds=settings.window_seconds),
        fire_after=timedelta(seconds=settings.fire_after_seconds),
        resolve_after=timedelta(seconds=settings.resolve_after_seconds),
    )


def _locked(rule: AlertRule) -> AlertRule:
    """Raises Conflict when it was removed meanwhile."""
    found = (
        AlertRule.objects.select_for_update(of=("self",), no_key=True)
        .select_related("workspace", "endpoint__workspace", "deployment__endpoint")
        .filter(pk=rule.pk)
        .first()
    )
    if found is None:
        raise Conflict(f"“{rule.name}” was removed meanwhile.")
    return found


def _taken(rule: AlertRule) -> Invalid:
    return Invalid({"name": f"“{rule.workspace}” has an alert rule of this name already."})


def _record(actor: Actor, rule: AlertRule, verb: str, **fields: Any) -> None:
    events.record(
        actor=actor,
        verb=f"alert_rule.{verb}",
        workspace=rule.workspace,
        endpoint=rule.endpoint,
        deployment=rule.deployment,
        subject=rule.name,
        **fields,
    )


def forget_ended(*, now: datetime, kept: timedelta) -> None:
    """Alerts that ended longer ago, with their notifications; a bounded part at a time. One that is open stays."""
    old = Alert.objects.filter(ended_at__lt=now - kept).order_by("ended_at").values_list("pk", flat=True)
    Alert.objects.filter(pk__in=list(old[:FORGOTTEN_AT_ONCE])).delete()
