"""The look at all alert rules: read, decide, and write what changed with what is to be said of it."""

import logging
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from endpoints.domain.actor import SYSTEM
from endpoints.domain.alerts import Standing, condition, look, told
from endpoints.domain.notices import Notice
from endpoints.domain.scaling_rules import Reading
from endpoints.enums import AlertState, Severity
from endpoints.models import Alert, AlertRule
from endpoints.reconcile.leases import lease
from endpoints.selectors.alert_readings import alert_readings
from endpoints.selectors.alerts import spec_of
from endpoints.services import events
from endpoints.services.notifications import announce

logger = logging.getLogger(__name__)

LEASE_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looked:
    """A rule as it was read, what it read, and how it stands now."""

    rule: AlertRule
    reading: Reading
    standing: Standing

    @property
    def changed(self) -> bool:
        return self.standing.state != self.rule.state


def look_at_alerts(*, now: datetime | None = None) -> None:
    """One look. The number of queries depends on what changes, not on how many rules there are."""
    with lease("alerts", seconds=LEASE_SECONDS) as held:
        if held is None:
            return
        now = now or timezone.now()
        rules = list(_at_work())
        read = alert_readings(rules, now=now)
        looked = [_look(rule, read[rule.pk], now) for rule in rules]
        for each in looked:
            if each.changed:
                _turn(each, now)
        _keep([each for each in looked if not each.changed], now)
        _speak_after_silence(now)


def _at_work() -> list[AlertRule]:
    rows = AlertRule.objects.filter(enabled=True, endpoint__deleted_at=None, deployment__deleted_at=None)
    return list(
        rows.select_related("workspace", "endpoint__workspace", "deployment__endpoint__workspace").order_by("pk")
    )


def _look(rule: AlertRule, reading: Reading, now: datetime) -> _Looked:
    standing = Standing(
        state=AlertState(rule.state),
        since=rule.since,
        pending=AlertState(rule.pending) if rule.pending else None,
        pending_since=rule.pending_since,
    )
    return _Looked(rule=rule, reading=reading, standing=look(spec_of(rule), standing, reading, now=now))


def _turn(looked: _Looked, now: datetime) -> None:
    """The new state, the alert, its event and its notifications: all or nothing, and only of a rule as it was read."""
    rule, standing = looked.rule, looked.standing
    as_read = AlertRule.objects.filter(pk=rule.pk, version=rule.version, state=rule.state, enabled=True)
    with transaction.atomic():
        fields = {"state": standing.state, "since": now, "pending": "", "pending_since": None}
        if not as_read.update(**fields, value=looked.reading.value, evaluated_at=now):
            logger.info("The alert rule “%s” was changed during the look; the next one decides anew.", rule.name)
            return
        ended = _end(looked, now)
        begun = _begin(looked, now)
        if ended is not None and ended.notified_at and standing.state == AlertState.OK:
            _announce(ended, rule, "resolved", now)
        if begun is not None:
            _announce_begun(begun, rule, now)


def _end(looked: _Looked, now: datetime) -> Alert | None:
    alert = Alert.objects.filter(rule=looked.rule, ended_at=None).first()
    if alert is None:
        return None
    alert.ended_at = now
    alert.ending = (
        "Resolved" if looked.standing.state == AlertState.OK else f"Then: {looked.standing.state.label.lower()}"
    )
    alert.save(update_fields=["ended_at", "ending"])
    if looked.standing.state == AlertState.OK:
        _record(looked, "alert.resolved")
    return alert


def _begin(looked: _Looked, now: datetime) -> Alert | None:
    rule, state = looked.rule, looked.standing.state
    if state == AlertState.OK:
        return None
    _record(looked, f"alert.{state.value}")
    return Alert.objects.create(
        workspace=rule.workspace,
        rule=rule,
        endpoint=rule.endpoint,
        name=rule.name,
        subject=rule.subject,
        severity=rule.severity,
        state=state,
        condition=condition(spec_of(rule)),
        value=looked.reading.value,
        started_at=now,
    )


def _record(looked: _Looked, verb: str) -> None:
    rule = looked.rule
    reason = f"{condition(spec_of(rule))}: {told(rule.signal, looked.reading.value)}"
    events.record(
        actor=SYSTEM,
        verb=verb,
        workspace=rule.workspace,
        endpoint=rule.endpoint,
        deployment=rule.deployment,
        subject=rule.name,
        reason=reason,
    )


def _announce_begun(alert: Alert, rule: AlertRule, now: datetime) -> None:
    """A silence only puts it off."""
    if alert.state == AlertState.NO_DATA and not rule.notify_no_data:
        return
    if rule.silenced_until and rule.silenced_until > now:
        return
    _announce(alert, rule, alert.state, now)
    Alert.objects.filter(pk=alert.pk).update(notified_at=now)


def _announce(alert: Alert, rule: AlertRule, what: str, now: datetime) -> None:
    announce(notice_of(alert, what, now=now), rule.channels.all(), key=f"alert:{alert.pk}:{what}", now=now, alert=alert)


def notice_of(alert: Alert, what: str, *, now: datetime) -> Notice:
    """`what`: firing, no_data or resolved."""
    words = {"firing": "Firing", "no_data": "No data", "resolved": "Resolved"}[what]
    signal = alert.rule.signal if alert.rule else ""
    facts = {
        "About": alert.subject,
        "Workspace": str(alert.workspace),
        "Severity": Severity(alert.severity).label,
        "Value": told(signal, alert.value) if signal else "",
        "Since": f"{alert.started_at:%Y-%m-%d %H:%M:%S} UTC",
    }
    return Notice(
        kind=f"alert.{what}",
        title=f"{words}: {alert.name} ({alert.subject})",
        text=f"{alert.condition}.",
        at=f"{now:%Y-%m-%dT%H:%M:%SZ}",
        tone=what,
        url=f"{settings.STUDIO_PUBLIC_URL}/alerts/{alert.pk}/",
        facts={name: value for name, value in facts.items() if value},
    )


def _keep(looked: list[_Looked], now: datetime) -> None:
    """How the others stand, in one query. What a person changed meanwhile is no part of it."""
    for each in looked:
        rule, standing = each.rule, each.standing
        rule.pending, rule.pending_since = standing.pending or "", standing.pending_since
        rule.value, rule.evaluated_at = each.reading.value, now
    AlertRule.objects.bulk_update(
        [each.rule for each in looked], ["pending", "pending_since", "value", "evaluated_at"], batch_size=200
    )


def _speak_after_silence(now: datetime) -> None:
    """Alerts that are still open when the silence of their rule is over."""
    silenced = Q(rule__silenced_until__gt=now)
    unsaid = Alert.objects.filter(ended_at=None, notified_at=None, rule__enabled=True).exclude(silenced)
    told_of = Q(state=AlertState.FIRING) | Q(rule__notify_no_data=True)
    for alert in unsaid.filter(told_of).select_related("rule", "workspace"):
        assert alert.rule is not None
        with transaction.atomic():
            _announce_begun(alert, alert.rule, now)
