"""Settings and triggers for tests of autoscale, short enough to read."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from endpoints.domain.scaling_rules import (
    AutoscaleSpec,
    Capacity,
    ChangeType,
    Direction,
    MetricTrigger,
    Operator,
    Profile,
    Reading,
    Rule,
    ScaleAction,
)

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
OVER, UNDER = Operator.GREATER_THAN, Operator.LESS_THAN


def trigger(metric: str = "InFlight", operator: Operator = OVER, threshold: float = 5, **more: Any) -> MetricTrigger:
    """Per instance, over 60 s."""
    given = {"window": timedelta(seconds=60), "divide_per_instance": metric == "InFlight", **more}
    return MetricTrigger(metric=metric, operator=operator, threshold=threshold, **given)


def rule(direction: Direction, value: int = 1, *, type: ChangeType = ChangeType.COUNT, **more: Any) -> Rule:
    cooldown = more.pop("cooldown", timedelta(minutes=5))
    operator = OVER if direction == Direction.INCREASE else UNDER
    action = ScaleAction(direction=direction, type=type, value=value, cooldown=cooldown)
    return Rule(trigger=trigger(**{"operator": operator, **more}), action=action)


def out(value: int = 1, **more: Any) -> Rule:
    return rule(Direction.INCREASE, value, **more)


def back(value: int = 1, threshold: float = 2, **more: Any) -> Rule:
    return rule(Direction.DECREASE, value, threshold=threshold, **more)


def setting(*rules: Rule, low: int = 1, high: int = 10, default: int | None = None) -> AutoscaleSpec:
    capacity = Capacity(minimum=low, maximum=high, default=low if default is None else default)
    return AutoscaleSpec(profiles=(Profile(name="usual", capacity=capacity, rules=rules),))


def read(spec: AutoscaleSpec, **values: float | None) -> Mapping[MetricTrigger, Reading]:
    """What each trigger reads, by its metric: of all instances together, or on average, as the metric is."""
    return {each: Reading(value=values[each.metric]) for each in spec.triggers if each.metric in values}
