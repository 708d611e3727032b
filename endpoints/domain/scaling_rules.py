"""What an autoscale setting says, in the words of Azure Monitor's rule schema."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from endpoints.domain.schedules import FixedDate, Recurrence


class Direction(StrEnum):
    INCREASE = "Increase"
    DECREASE = "Decrease"


class ChangeType(StrEnum):
    COUNT = "ChangeCount"
    PERCENT = "PercentChangeCount"
    EXACT = "ExactCount"


class Operator(StrEnum):
    EQUALS = "Equals"
    NOT_EQUALS = "NotEquals"
    GREATER_THAN = "GreaterThan"
    GREATER_THAN_OR_EQUAL = "GreaterThanOrEqual"
    LESS_THAN = "LessThan"
    LESS_THAN_OR_EQUAL = "LessThanOrEqual"


class Statistic(StrEnum):
    """Of the samples within one grain."""

    AVERAGE = "Average"
    MIN = "Min"
    MAX = "Max"
    SUM = "Sum"
    COUNT = "Count"


class Aggregation(StrEnum):
    """Of the grains within the window."""

    AVERAGE = "Average"
    MINIMUM = "Minimum"
    MAXIMUM = "Maximum"
    TOTAL = "Total"
    COUNT = "Count"
    LAST = "Last"


class Scope(StrEnum):
    """Whose metric: of the deployment that is scaled, or of its whole endpoint."""

    DEPLOYMENT = "deployment"
    ENDPOINT = "endpoint"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """`default` is where it goes when a metric cannot be read and there are fewer."""

    minimum: int
    maximum: int
    default: int

    def clamped(self, count: int) -> int:
        return min(max(count, self.minimum), self.maximum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    name: str
    excluded: bool = False  # Azure's operator NotEquals
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricTrigger:
    """Hashable: readings are kept by it."""

    metric: str  # a name of scaling_metrics.METRICS
    scope: Scope = Scope.DEPLOYMENT
    grain: timedelta = timedelta(minutes=1)
    statistic: Statistic = Statistic.AVERAGE
    window: timedelta = timedelta(minutes=5)
    aggregation: Aggregation = Aggregation.AVERAGE
    operator: Operator
    threshold: float
    divide_per_instance: bool = False
    dimensions: tuple[Dimension, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleAction:
    direction: Direction
    type: ChangeType = ChangeType.COUNT
    value: int = 1
    cooldown: timedelta = timedelta(minutes=5)

    def applied(self, current: int) -> int:
        """The count that it leads to; never against its direction. A part of an instance counts as one when it is
        added, and not at all when it is taken away, but a percentage always moves by one at least."""
        if self.type == ChangeType.EXACT:
            return max(current, self.value) if self.direction == Direction.INCREASE else min(current, self.value)
        if self.direction == Direction.INCREASE:
            return current + (-(-current * self.value // 100) or 1 if self.type == ChangeType.PERCENT else self.value)
        return current - (max(1, current * self.value // 100) if self.type == ChangeType.PERCENT else self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    trigger: MetricTrigger
    action: ScaleAction


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Without a schedule it is the default one."""

    name: str
    capacity: Capacity
    rules: tuple[Rule, ...] = ()
    recurrence: Recurrence | None = None
    fixed_date: FixedDate | None = None

    @property
    def title(self) -> str:
        """For people. The portal names what follows a recurring profile {"name": "…", "for": "…"}."""
        try:
            words = json.loads(self.name)
            return f"{words['name']}, after {words['for']}"
        except (ValueError, TypeError, KeyError, RecursionError):
            return self.name

    def towards(self, direction: Direction) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.rules if rule.action.direction == direction)


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoscaleSpec:
    enabled: bool = True
    profiles: tuple[Profile, ...]

    @property
    def triggers(self) -> frozenset[MetricTrigger]:
        return frozenset(rule.trigger for profile in self.profiles for rule in profile.rules)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A trigger's metric over its window, of all instances together or on average, as the metric is.

    None: there are no samples, so it cannot be read. `idle`: it was measured, and there was nothing to measure, such as
    the latency of no requests."""

    value: float | None = None
    idle: bool = False

    @property
    def missing(self) -> bool:
        return self.value is None and not self.idle


Readings = Mapping[MetricTrigger, Reading]
MISSING = Reading()
