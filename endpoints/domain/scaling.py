"""What autoscale does next: a pure function of the setting, the time, the count and what was measured.

Azure Monitor's rules: any scale-out rule is enough, and the highest count wins; scaling in takes all its rules, and the
smallest reduction wins; it is not done where it would have to be undone. The cooldown of the rule that fired last
holds back both directions. Beside Azure's: what is held back is told, too.
"""

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from endpoints.domain.durations import told
from endpoints.domain.scaling_metrics import METRICS, PER_MINUTE
from endpoints.domain.scaling_rules import (
    MISSING,
    Aggregation,
    AutoscaleSpec,
    ChangeType,
    Direction,
    MetricTrigger,
    Operator,
    Profile,
    Reading,
    Readings,
    Rule,
    ScaleAction,
    Scope,
    Statistic,
)
from endpoints.enums import ScaleOutcome

_COMPARE: Mapping[Operator, Callable[[float, float], bool]] = {
    Operator.EQUALS: operator.eq,
    Operator.NOT_EQUALS: operator.ne,
    Operator.GREATER_THAN: operator.gt,
    Operator.GREATER_THAN_OR_EQUAL: operator.ge,
    Operator.LESS_THAN: operator.lt,
    Operator.LESS_THAN_OR_EQUAL: operator.le,
}
_WORDS = {
    Operator.EQUALS: "equal to",
    Operator.NOT_EQUALS: "other than",
    Operator.GREATER_THAN: "over",
    Operator.GREATER_THAN_OR_EQUAL: "at or over",
    Operator.LESS_THAN: "under",
    Operator.LESS_THAN_OR_EQUAL: "at or under",
}
_BELOW = (Operator.LESS_THAN, Operator.LESS_THAN_OR_EQUAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """`target` is the count to have now, `wanted` what the rules ask for; they differ where something holds it back.
    `cooldown` is that of the rule that is followed: None where no rule is."""

    outcome: ScaleOutcome
    profile: str
    current: int
    wanted: int
    target: int
    reason: str = ""
    cooldown: timedelta | None = None


def decide(
    setting: AutoscaleSpec,
    *,
    now: datetime,
    current: int,
    readings: Readings,
    cooldown_until: datetime | None = None,
) -> Decision:
    """`readings` of the active profile's triggers; one that is not there cannot be read. The bounds of the profile
    and the default come before any cooldown."""
    profile = active_profile(setting, now)
    state = _State(profile=profile, now=now, current=current, readings=readings, cooldown_until=cooldown_until)
    return _into_bounds(state) or _out(state) or _unread(state) or _in(state) or _steady(state)


def active_profile(setting: AutoscaleSpec, now: datetime) -> Profile:
    """A fixed date before what recurs, that before the default. Of those that recur, the one that began last."""
    dated = [item for item in setting.profiles if item.fixed_date and item.fixed_date.holds(now)]
    if dated:
        return dated[0]
    recurring = [(item.recurrence.last_start(now), item) for item in setting.profiles if item.recurrence]
    if recurring:
        return max(recurring, key=lambda each: each[0])[1]
    return next(item for item in setting.profiles if item.fixed_date is None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    profile: Profile
    now: datetime
    current: int
    readings: Readings
    cooldown_until: datetime | None

    def firing(self, direction: Direction) -> list[Rule]:
        return [rule for rule in self.profile.towards(direction) if self.fires(rule.trigger, self.current)]

    def fires(self, trigger: MetricTrigger, count: int) -> bool:
        return fires(trigger, self.readings.get(trigger, MISSING), current=self.current, count=count)

    def cooling(self) -> bool:
        return self.cooldown_until is not None and self.now < self.cooldown_until

    def say(self, rule: Rule) -> str:
        return because(rule.trigger, self.readings.get(rule.trigger, MISSING), current=self.current)

    def decision(
        self, outcome: ScaleOutcome, *, wanted: int, target: int | None = None, reason: str, rule: Rule | None = None
    ) -> Decision:
        """Without a target, nothing is done."""
        done = target is not None
        return Decision(
            outcome=outcome,
            profile=self.profile.title,
            current=self.current,
            wanted=wanted,
            target=self.current if target is None else target,
            reason=f"{self.current} -> {target if done else wanted}{reason}",
            cooldown=rule.action.cooldown if done and rule else None,
        )


def _into_bounds(state: _State) -> Decision | None:
    capacity = state.profile.capacity
    target = capacity.clamped(state.current)
    if target == state.current:
        return None
    word = f"at least {capacity.minimum}" if target > state.current else f"at most {capacity.maximum}"
    reason = f": the profile “{state.profile.title}” has {word}"
    return state.decision(ScaleOutcome.SCALED, wanted=target, target=target, reason=reason)


def _out(state: _State) -> Decision | None:
    """Any rule is enough; the highest count wins."""
    firing = state.firing(Direction.INCREASE)
    if not firing:
        return None
    rule = max(firing, key=lambda item: item.action.applied(state.current))
    wanted = rule.action.applied(state.current)
    if wanted == state.current:
        return None
    target, why = min(wanted, state.profile.capacity.maximum), f": {state.say(rule)}"
    if target == state.current:
        return state.decision(ScaleOutcome.AT_LIMIT, wanted=wanted, reason=f" is over the maximum of {target}{why}")
    if state.cooling():
        return _cooled(state, target, why)
    bound = f", at most {target}" if target < wanted else ""
    return state.decision(ScaleOutcome.SCALED, wanted=wanted, target=target, reason=why + bound, rule=rule)


def _unread(state: _State) -> Decision | None:
    """A metric that cannot be read: up to the default, never down."""
    unread = [rule for rule in state.profile.rules if state.readings.get(rule.trigger, MISSING).missing]
    default = state.profile.capacity.default
    if not unread:
        return None
    why = f"{_subject(unread[0].trigger)} cannot be read"
    if state.current < default:
        reason = f", the default: {why}"
        return state.decision(ScaleOutcome.SCALED, wanted=default, target=default, reason=reason)
    wanted = _scaled_in(state)
    if wanted is None:
        return None
    return state.decision(ScaleOutcome.UNREADABLE, wanted=wanted[0], reason=f" is not done: {why}")


def _in(state: _State) -> Decision | None:
    """All rules must fire; the smallest reduction wins, and less than that where the whole would flap."""
    found = _scaled_in(state)
    if found is None:
        return None
    wanted, rule = found
    why = f": {state.say(rule)}"
    if state.cooling():
        return _cooled(state, wanted, why)
    target = next((count for count in range(wanted, state.current) if not _flaps(state, count)), None)
    if target is None:
        reason = f" would flap: {_flapping(state, state.current - 1)}"
        return state.decision(ScaleOutcome.FLAPPING, wanted=wanted, reason=reason)
    less = f"; {wanted} would flap" if target > wanted else ""
    return state.decision(ScaleOutcome.SCALED, wanted=wanted, target=target, reason=why + less, rule=rule)


def _scaled_in(state: _State) -> tuple[int, Rule] | None:
    """Within the bounds: to be at the minimum is no wish for less. Rules that cannot be read do not fire."""
    rules = state.profile.towards(Direction.DECREASE)
    if not rules or len(state.firing(Direction.DECREASE)) < len(rules):
        return None
    rule = max(rules, key=lambda item: item.action.applied(state.current))
    wanted = max(rule.action.applied(state.current), state.profile.capacity.minimum)
    return (wanted, rule) if wanted < state.current else None


def _cooled(state: _State, wanted: int, why: str) -> Decision:
    assert state.cooldown_until is not None
    until = state.cooldown_until.astimezone(UTC)
    return state.decision(ScaleOutcome.COOLDOWN, wanted=wanted, reason=f" waits until {until:%H:%M:%S} UTC{why}")


def _flaps(state: _State, count: int) -> bool:
    return any(state.fires(rule.trigger, count) for rule in state.profile.towards(Direction.INCREASE))


def _flapping(state: _State, count: int) -> str:
    """Which rule would add again what `count` had taken away."""
    trigger = next(
        rule.trigger for rule in state.profile.towards(Direction.INCREASE) if state.fires(rule.trigger, count)
    )
    would = measured(trigger, state.readings[trigger], current=state.current, count=count)
    amount = "none" if would is None else _amount(trigger, would)
    return f"at {count} {_subject(trigger)} would be {amount}, {_limit(trigger)}, and scale out"


def _steady(state: _State) -> Decision:
    return Decision(
        outcome=ScaleOutcome.STEADY,
        profile=state.profile.title,
        current=state.current,
        wanted=state.current,
        target=state.current,
    )


def measured(trigger: MetricTrigger, reading: Reading, *, current: int, count: int | None = None) -> float | None:
    """What is compared with the threshold; with `count`, what that many instances should measure. An average per
    instance grows as there are fewer; what all have together does not."""
    if reading.value is None:
        return None
    share = max(1, current if count is None else count)
    if trigger.divide_per_instance:
        return reading.value / share
    return reading.value * max(1, current) / share if METRICS[trigger.metric].averaged else reading.value


def fires(trigger: MetricTrigger, reading: Reading, *, current: int, count: int | None = None) -> bool:
    """No request at all is faster than any, and fails less."""
    value = measured(trigger, reading, current=current, count=count)
    if value is None:
        return reading.idle and trigger.operator in _BELOW
    return math.isfinite(value) and _COMPARE[trigger.operator](value, trigger.threshold)


def because(trigger: MetricTrigger, reading: Reading, *, current: int) -> str:
    """Such as “in flight 9.1 per instance over 5 for 60 s”."""
    value = measured(trigger, reading, current=current)
    if value is None:
        return f"no requests for {told(trigger.window)}" if reading.idle else f"{_subject(trigger)} cannot be read"
    return f"{_subject(trigger)} {_amount(trigger, value)} {_limit(trigger)} for {told(trigger.window)}"


def condition(trigger: MetricTrigger) -> str:
    """Such as “in flight per instance over 5 for 60 s”."""
    return f"{_subject(trigger)}{_per(trigger)} {_limit(trigger)} for {told(trigger.window)}"


def seen(trigger: MetricTrigger, reading: Reading, *, current: int) -> str:
    """What it reads now, such as “9.1 per instance”."""
    value = measured(trigger, reading, current=current)
    if value is None:
        return "no requests" if reading.idle else "cannot be read"
    return _amount(trigger, value)


def action_words(action: ScaleAction) -> str:
    """Such as “add 2”."""
    if action.type == ChangeType.EXACT:
        return f"set to {action.value}"
    verb = "add" if action.direction == Direction.INCREASE else "take away"
    return f"{verb} {action.value}{' %' if action.type == ChangeType.PERCENT else ''}"


def _subject(trigger: MetricTrigger) -> str:
    extremes = {Statistic.MIN: "lowest ", Statistic.MAX: "highest "}.get(trigger.statistic, "")
    ways = {Aggregation.MINIMUM: "lowest ", Aggregation.MAXIMUM: "highest ", Aggregation.LAST: "last "}
    counted = "number of samples of " if trigger.statistic == Statistic.COUNT else ""
    whose = " of the endpoint" if trigger.scope == Scope.ENDPOINT else ""
    return f"{counted}{ways.get(trigger.aggregation, '') or extremes}{METRICS[trigger.metric].words}{whose}"


def _amount(trigger: MetricTrigger, value: float) -> str:
    return f"{_number(value)}{_unit(trigger)}{_per(trigger)}"


def _limit(trigger: MetricTrigger) -> str:
    return f"{_WORDS[trigger.operator]} {trigger.threshold:g}{_unit(trigger)}"


def _unit(trigger: MetricTrigger) -> str:
    unit = METRICS[trigger.metric].unit
    return f" {unit}" if unit and unit != PER_MINUTE and not _is_number_of(trigger) else ""


def _per(trigger: MetricTrigger) -> str:
    minute = METRICS[trigger.metric].unit == PER_MINUTE and not _is_number_of(trigger)
    return f"{f' {PER_MINUTE}' if minute else ''}{' per instance' if trigger.divide_per_instance else ''}"


def _is_number_of(trigger: MetricTrigger) -> bool:
    return trigger.statistic in (Statistic.SUM, Statistic.COUNT)


def _number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def instances_needed(
    *, requests_per_second: float, seconds_per_request: float, concurrency: int, utilization: float = 0.7
) -> int:
    """Azure's sizing: how many instances answer so many requests, each working on `concurrency` at once, and being
    busy for `utilization` of the time (0 to 1)."""
    needed = requests_per_second * seconds_per_request / utilization / concurrency
    return max(1, math.ceil(round(needed, 9)))
