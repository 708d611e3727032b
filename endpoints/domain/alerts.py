"""Alert rules: what they watch, and when they fire. No clock: a look is told the time.

A state changes only when what is seen has differed from it for as long as the rule says, so that one bad sample wakes
nobody, and between the threshold and the recovery threshold it stays as it is (hysteresis).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from endpoints.domain.errors import Invalid
from endpoints.domain.scaling_metrics import METRICS
from endpoints.domain.scaling_rules import Operator, Reading, Scope
from endpoints.enums import AlertScope, AlertState

RULES_PER_WORKSPACE = 200
WINDOWS = {
    60: "1 minute",
    300: "5 minutes",
    900: "15 minutes",
    1800: "30 minutes",
    3600: "1 hour",
    21600: "6 hours",
}
LONGEST_WAIT = timedelta(days=1)
NO_DATA_AFTER = timedelta(minutes=2)  # samples come late when a machine is busy
LARGEST = 1e15

COMPARED: Mapping[Operator, Callable[[float, float], bool]] = {
    Operator.GREATER_THAN: lambda value, threshold: value > threshold,
    Operator.GREATER_THAN_OR_EQUAL: lambda value, threshold: value >= threshold,
    Operator.LESS_THAN: lambda value, threshold: value < threshold,
    Operator.LESS_THAN_OR_EQUAL: lambda value, threshold: value <= threshold,
    Operator.EQUALS: lambda value, threshold: value == threshold,
    Operator.NOT_EQUALS: lambda value, threshold: value != threshold,
}
OPERATOR_WORDS = {
    Operator.GREATER_THAN: "over",
    Operator.GREATER_THAN_OR_EQUAL: "at least",
    Operator.LESS_THAN: "under",
    Operator.LESS_THAN_OR_EQUAL: "at most",
    Operator.EQUALS: "exactly",
    Operator.NOT_EQUALS: "other than",
}
RISING = (Operator.GREATER_THAN, Operator.GREATER_THAN_OR_EQUAL)
FALLING = (Operator.LESS_THAN, Operator.LESS_THAN_OR_EQUAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """What a rule can watch. `windowed`: it is looked at over a span of time, else as it is now."""

    words: str
    unit: str = ""
    group: str
    scopes: tuple[AlertScope, ...]
    windowed: bool = True


EVERYWHERE = (AlertScope.DEPLOYMENT, AlertScope.ENDPOINT, AlertScope.WORKSPACE)
_SCOPES = {Scope.DEPLOYMENT: AlertScope.DEPLOYMENT, Scope.ENDPOINT: AlertScope.ENDPOINT}
COST_TODAY, COST_MONTH, COST_PER_HOUR = "CostToday", "CostMonthToDate", "CostPerHour"
REPLICAS_READY, REPLICAS_MISSING, RESTARTS = "ReplicasReady", "ReplicasMissing", "ReplicaRestarts"
FAILED_OPERATIONS = "FailedOperations"
SIGNALS: Mapping[str, Signal] = {
    **{
        name: Signal(
            words=metric.words,
            unit=metric.unit,
            group="Metrics",
            scopes=tuple(_SCOPES[scope] for scope in metric.scopes),
        )
        for name, metric in METRICS.items()
    },
    REPLICAS_READY: Signal(words="ready replicas", group="Replicas", scopes=EVERYWHERE, windowed=False),
    REPLICAS_MISSING: Signal(
        words="replicas that should be ready and are not", group="Replicas", scopes=EVERYWHERE, windowed=False
    ),
    RESTARTS: Signal(words="replica restarts", group="Replicas", scopes=EVERYWHERE),
    FAILED_OPERATIONS: Signal(words="failed operations", group="Jobs and operations", scopes=EVERYWHERE),
    COST_TODAY: Signal(words="cost today (UTC)", unit="USD", group="Cost", scopes=EVERYWHERE, windowed=False),
    COST_MONTH: Signal(words="cost this month (UTC)", unit="USD", group="Cost", scopes=EVERYWHERE, windowed=False),
    COST_PER_HOUR: Signal(words="cost per hour now", unit="USD", group="Cost", scopes=EVERYWHERE, windowed=False),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSpec:
    """`recovery` is what it must pass on its way back; the threshold itself where there is none."""

    signal: str
    operator: Operator
    threshold: float
    recovery: float | None = None
    window: timedelta = timedelta(minutes=5)
    fire_after: timedelta = timedelta()
    resolve_after: timedelta = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """`pending` is what was seen instead of `state` since `pending_since`."""

    state: AlertState = AlertState.OK
    since: datetime
    pending: AlertState | None = None
    pending_since: datetime | None = None


def seen(spec: AlertSpec, state: AlertState, reading: Reading) -> AlertState:
    """What one reading by itself says. Nothing to measure, such as the latency of no requests, is no reason to fire."""
    if reading.idle:
        return AlertState.OK
    if reading.value is None:
        return AlertState.NO_DATA
    compared = COMPARED[spec.operator]
    if compared(reading.value, spec.threshold):
        return AlertState.FIRING
    back = spec.threshold if spec.recovery is None else spec.recovery
    return AlertState.FIRING if state == AlertState.FIRING and compared(reading.value, back) else AlertState.OK


def look(spec: AlertSpec, standing: Standing, reading: Reading, *, now: datetime) -> Standing:
    """How the rule stands after this look."""
    found = seen(spec, standing.state, reading)
    if found == standing.state:
        return Standing(state=standing.state, since=standing.since)
    since = now
    if standing.pending == found and standing.pending_since is not None:
        since = min(standing.pending_since, now)
    if now - since >= _patience(spec, found):
        return Standing(state=found, since=now)
    return Standing(state=standing.state, since=standing.since, pending=found, pending_since=since)


def _patience(spec: AlertSpec, towards: AlertState) -> timedelta:
    return {
        AlertState.FIRING: spec.fire_after,
        AlertState.OK: spec.resolve_after,
        AlertState.NO_DATA: max(NO_DATA_AFTER, spec.fire_after),
    }[towards]


def checked(spec: AlertSpec, scope: AlertScope) -> AlertSpec:
    """Raises Invalid with the fields that are wrong."""
    problems: dict[str, str] = {}
    signal = SIGNALS.get(spec.signal)
    if signal is None:
        raise Invalid({"signal": f"“{spec.signal}” is nothing to watch. There are: {', '.join(SIGNALS)}."})
    if scope not in signal.scopes:
        problems["signal"] = f"{spec.signal} is known of {_places(signal)}, not of the whole {scope.value}."
    if not _finite(spec.threshold):
        problems["threshold"] = "Use a number."
    if spec.recovery is not None and (why := _wrong_recovery(spec)):
        problems["recovery"] = why
    if int(spec.window.total_seconds()) not in WINDOWS:
        problems["window_seconds"] = f"Use one of {', '.join(map(str, WINDOWS))} seconds."
    for name, value in (("fire_after_seconds", spec.fire_after), ("resolve_after_seconds", spec.resolve_after)):
        if not timedelta() <= value <= LONGEST_WAIT:
            problems[name] = f"0 to {LONGEST_WAIT // timedelta(seconds=1)} seconds."
    if problems:
        raise Invalid(problems)
    return spec


def _places(signal: Signal) -> str:
    return " and ".join(f"a single {scope.value}" for scope in signal.scopes)


def _finite(value: float) -> bool:
    return -LARGEST <= value <= LARGEST


def _wrong_recovery(spec: AlertSpec) -> str:
    assert spec.recovery is not None
    if not _finite(spec.recovery):
        return "Use a number."
    if spec.operator in RISING and spec.recovery > spec.threshold:
        return "It recovers on its way down: at most the threshold."
    if spec.operator in FALLING and spec.recovery < spec.threshold:
        return "It recovers on its way up: at least the threshold."
    if spec.operator not in RISING + FALLING:
        return "A comparison for equality has no recovery threshold."
    return ""


def told(signal: str, value: float | None) -> str:
    """ "12.5 %", "840 ms", "3 failed operations"; "no data"."""
    if value is None:
        return "no data"
    number = f"{value:,.2f}".rstrip("0").rstrip(".")
    unit = SIGNALS[signal].unit
    return f"{number} {unit}".rstrip()


def condition(spec: AlertSpec) -> str:
    """The rule in words: "errors over 5 % for 2 min (5 minutes)"."""
    signal = SIGNALS[spec.signal]
    words = f"{signal.words} {OPERATOR_WORDS[spec.operator]} {told(spec.signal, spec.threshold)}"
    words += f", over {WINDOWS[int(spec.window.total_seconds())]}" if signal.windowed else ""
    return words + (f", for {_span(spec.fire_after)}" if spec.fire_after else "")


def _span(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    for size, word in ((3600, "h"), (60, "min")):
        if seconds % size == 0:
            return f"{seconds // size} {word}"
    return f"{seconds} s"
