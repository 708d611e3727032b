"""Autoscale's loop: look at every deployment that has a setting, decide, scale it as a person would."""

import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from endpoints.domain.actor import SYSTEM
from endpoints.domain.errors import Conflict, StudioError
from endpoints.domain.scaling import Decision, active_profile, condition, decide, fires, measured
from endpoints.domain.scaling_rules import MISSING, AutoscaleSpec, Readings
from endpoints.enums import ProvisioningState, ScaleOutcome
from endpoints.models import AutoscaleSetting, Deployment, Operation, ScaleDecision
from endpoints.reconcile.leases import Held, lease
from endpoints.selectors.autoscale import readings, settings_at_work, spec_of
from endpoints.services.deployments import update_deployment

logger = logging.getLogger(__name__)

SAME_WITHIN = timedelta(minutes=10)


class _Changed(Exception):
    """The setting or the deployment is not as it was when this was decided."""


def autoscale() -> None:
    """One look at all deployments. The number of queries depends on what is done, not on how many there are."""
    with lease("autoscale", seconds=60) as held:
        if held is None:
            return
        now = timezone.now()
        rows = list(settings_at_work())
        specs = {row.pk: spec_of(row) for row in rows}
        read = readings({row.deployment_id: (row.deployment, _triggers(specs[row.pk], now)) for row in rows}, now=now)
        for row in rows:
            _look(held, row, specs[row.pk], read[row.deployment_id], now)
        AutoscaleSetting.objects.filter(pk__in=[row.pk for row in rows]).update(evaluated_at=now)


def _triggers(spec: AutoscaleSpec, now: datetime) -> Iterable[Any]:
    return [rule.trigger for rule in active_profile(spec, now).rules]


def _look(held: Held, row: AutoscaleSetting, spec: AutoscaleSpec, read: Readings, now: datetime) -> None:
    decided = decide(
        spec, now=now, current=row.deployment.instance_count, readings=read, cooldown_until=row.cooldown_until
    )
    inputs = _inputs(spec, decided, read, now)
    try:
        if decided.outcome == ScaleOutcome.SCALED and row.deployment.state == ProvisioningState.SUCCEEDED:
            _scale(held, row, decided, inputs, now)
        else:
            _note(row, _held_back(row, decided), inputs, now)
    except _Changed:
        logger.info("%s or its autoscale setting changed during the look; the next one decides anew.", row.deployment)
    except StudioError as error:
        outcome = ScaleOutcome.BUSY if isinstance(error, Conflict) else ScaleOutcome.REFUSED
        _note(row, _undone(decided, outcome, str(error)), inputs, now)
    except Exception:
        logger.exception("Autoscale of %s failed; the next look tries again.", row.deployment)


def _held_back(row: AutoscaleSetting, decided: Decision) -> Decision:
    """Only what runs as it should is scaled: what failed would be rolled out anew."""
    if decided.outcome != ScaleOutcome.SCALED:
        return decided
    return _undone(decided, ScaleOutcome.BUSY, f"the deployment is {row.deployment.state}")


def _undone(decided: Decision, outcome: ScaleOutcome, why: str) -> Decision:
    reason = f"{decided.reason}; not done: {why}"
    return replace(decided, outcome=outcome, wanted=decided.target, target=decided.current, reason=reason)


def _scale(held: Held, row: AutoscaleSetting, decided: Decision, inputs: list[dict[str, Any]], now: datetime) -> None:
    """The change, the decision and the cooldown: all or nothing, and only by what was read."""
    with transaction.atomic():
        if not held.keep():
            raise _Changed
        _check_as_read(row.deployment)
        _, operation = update_deployment(
            actor=SYSTEM,
            deployment=row.deployment,
            instance_count=decided.target,
            reason=f"Autoscale: {decided.reason}",
        )
        made = ScaleDecision.objects.create(**_fields(row, decided, inputs, now, operation))
        until = now + decided.cooldown if decided.cooldown is not None else row.cooldown_until
        _guarded(row, last_decision=made, cooldown_until=until)


def _check_as_read(read: Deployment) -> None:
    """Stays as it is until the transaction ends. What a person did meanwhile is not undone by a decision that did not
    know of it."""
    same = {name: getattr(read, name) for name in ("instance_count", "state", "sleep", "deleted_at")}
    if not Deployment.objects.select_for_update(no_key=True).filter(pk=read.pk, **same).exists():
        raise _Changed


def _note(row: AutoscaleSetting, decided: Decision, inputs: list[dict[str, Any]], now: datetime) -> None:
    """What was wanted and not done: once, with how often and until when. Nothing wanted leaves no trace."""
    last = row.last_decision
    if decided.outcome == ScaleOutcome.STEADY:
        return
    if last is not None and _same(last, decided, now):
        ScaleDecision.objects.filter(pk=last.pk).update(
            last_at=now, repeats=last.repeats + 1, reason=decided.reason, inputs=inputs
        )
    else:
        with transaction.atomic():
            _guarded(row, last_decision=ScaleDecision.objects.create(**_fields(row, decided, inputs, now, None)))


def _same(last: ScaleDecision, decided: Decision, now: datetime) -> bool:
    """A little while without it does not make it another."""
    before = (last.outcome, last.profile, last.from_count, last.wanted)
    recent = now - last.last_at <= SAME_WITHIN
    return recent and before == (decided.outcome, decided.profile, decided.current, decided.wanted)


def _guarded(row: AutoscaleSetting, **fields: Any) -> None:
    if not AutoscaleSetting.objects.filter(pk=row.pk, version=row.version, enabled=True).update(**fields):
        raise _Changed


def _fields(
    row: AutoscaleSetting, decided: Decision, inputs: list[dict[str, Any]], now: datetime, operation: Operation | None
) -> dict[str, Any]:
    return {
        "deployment": row.deployment,
        "at": now,
        "last_at": now,
        "outcome": decided.outcome,
        "profile": decided.profile,
        "from_count": decided.current,
        "to_count": decided.target,
        "wanted": decided.wanted,
        "reason": decided.reason,
        "inputs": inputs,
        "operation": operation,
    }


def _inputs(spec: AutoscaleSpec, decided: Decision, read: Readings, now: datetime) -> list[dict[str, Any]]:
    """What the active profile's rules read, each with its condition in words. A value of null was not there."""
    return [
        {
            "rule": condition(trigger),
            "direction": rule.action.direction.value,
            "metric": trigger.metric,
            "value": measured(trigger, seen, current=decided.current),
            "threshold": trigger.threshold,
            "fires": fires(trigger, seen, current=decided.current),
        }
        for rule in active_profile(spec, now).rules
        for trigger in [rule.trigger]
        for seen in [read.get(trigger, MISSING)]
    ]
