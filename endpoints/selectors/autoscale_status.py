"""What autoscale sees and would do now, for pages and API."""

from dataclasses import dataclass
from datetime import datetime

from endpoints.domain.scaling import Decision, action_words, active_profile, condition, decide, fires, measured, seen
from endpoints.domain.scaling_rules import MISSING, Profile, Reading, Rule
from endpoints.models import AutoscaleSetting, Deployment
from endpoints.selectors.autoscale import readings, spec_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleNow:
    """One rule of the active profile. `value` is what is compared with the threshold; None cannot be read, or there
    were no requests to measure. `seen` is the same in words."""

    condition: str
    action: str
    direction: str
    metric: str
    value: float | None
    seen: str
    threshold: float
    fires: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """`decision` is what a look would decide at this moment; while autoscale is off, what it would if it were on."""

    instance_count: int
    profile: Profile
    rules: tuple[RuleNow, ...]
    decision: Decision
    cooldown_until: datetime | None
    evaluated_at: datetime | None


def status_of(row: AutoscaleSetting, deployment: Deployment, *, now: datetime) -> Status:
    """Three queries at most."""
    spec = spec_of(row)
    profile = active_profile(spec, now)
    read = readings({deployment.pk: (deployment, [rule.trigger for rule in profile.rules])}, now=now)[deployment.pk]
    cooling = row.cooldown_until if row.cooldown_until and row.cooldown_until > now else None
    return Status(
        instance_count=deployment.instance_count,
        profile=profile,
        rules=tuple(_rule(rule, read.get(rule.trigger, MISSING), deployment.instance_count) for rule in profile.rules),
        decision=decide(spec, now=now, current=deployment.instance_count, readings=read, cooldown_until=cooling),
        cooldown_until=cooling,
        evaluated_at=row.evaluated_at,
    )


def _rule(rule: Rule, read: Reading, current: int) -> RuleNow:
    trigger = rule.trigger
    return RuleNow(
        condition=condition(trigger),
        action=action_words(rule.action),
        direction=rule.action.direction.value,
        metric=trigger.metric,
        value=measured(trigger, read, current=current),
        seen=seen(trigger, read, current=current),
        threshold=trigger.threshold,
        fires=fires(trigger, read, current=current),
    )
