"""Autoscale settings as documents: Azure Monitor's JSON (Microsoft.Insights/autoscaleSettings), or as YAML."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from endpoints.domain.documents import Part, Problems, plain, whole_of
from endpoints.domain.durations import iso_duration
from endpoints.domain.errors import Invalid
from endpoints.domain.rollups import CLASSES
from endpoints.domain.scaling_metrics import CLASS_DIMENSION, DIMENSIONS, METRICS, NOT_MEASURED
from endpoints.domain.scaling_rules import (
    Aggregation,
    AutoscaleSpec,
    Capacity,
    ChangeType,
    Dimension,
    Direction,
    MetricTrigger,
    Operator,
    Profile,
    Rule,
    ScaleAction,
    Scope,
    Statistic,
)
from endpoints.domain.schedules import DAYS, LONGEST, FixedDate, Recurrence, zone_of

MAX_PROFILES, MAX_RULES, MAX_VALUES = 20, 10, 20
MIN_INSTANCES, MAX_INSTANCES = 1, 50
SHORTEST, LONGEST_WINDOW, LONGEST_COOLDOWN = timedelta(seconds=10), timedelta(hours=12), timedelta(days=7)
# What Azure's documents carry beside the setting: it says nothing that could be honoured or not.
_LABELS = ("name", "id", "type", "location", "tags", "systemData", "targetResourceLocation", "$schema", "apiVersion")
_PROFILE = ("name", "capacity", "rules", "recurrence", "fixedDate")
_CAPACITY = ("minimum", "maximum", "default")
_RULE = ("metricTrigger", "scaleAction")
_TRIGGER = (
    *("metricName", "metricResource", "metricResourceUri", "metricNamespace", "metricResourceLocation", "timeGrain"),
    *("statistic", "timeWindow", "timeAggregation", "operator", "threshold", "dividePerInstance", "dimensions"),
)
_ACTION = ("direction", "type", "value", "cooldown")
_READ_ONLY = dict.fromkeys(("version", "status"), "It can be read only. Leave it out.")


class _DimensionOperator(StrEnum):
    EQUALS = "Equals"
    NOT_EQUALS = "NotEquals"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Whose setting it is: what a document names must be the same. `lowest` is the least that a minimum may be."""

    endpoint: str = ""
    deployment: str = ""
    lowest: int = MIN_INSTANCES
    highest: int = MAX_INSTANCES


def parse(document: Any, place: Place | None = None) -> AutoscaleSpec:
    """The setting, or Invalid with every field that is wrong by its path, such as profiles[0].capacity.minimum."""
    problems: Problems = {}
    setting = _setting(document, place or Place(), problems)
    if problems:
        raise Invalid(problems)
    return setting


def _setting(document: Any, place: Place, problems: Problems) -> AutoscaleSpec:
    known = ("enabled", "profiles", "targetResourceUri", "notifications", "predictiveAutoscalePolicy")
    if isinstance(document, Mapping) and "properties" in document:
        top = Part(document, "", problems, ("properties", *_LABELS)).part("properties", (*known, *_LABELS), _READ_ONLY)
    else:
        top = Part(document, "", problems, (*known, *_LABELS), _READ_ONLY)
    if top.get("targetResourceUri"):
        _resource(top, "targetResourceUri", place, Scope.DEPLOYMENT)
    if top.get("notifications"):
        top.wrong("notifications", "Nobody is notified from here; decisions stand in the history. Leave it out.")
    policy = top.get("predictiveAutoscalePolicy")
    if policy and not (isinstance(policy, Mapping) and plain(str(policy.get("scaleMode"))) in ("disabled", "none")):
        top.wrong("predictiveAutoscalePolicy", "Load is not predicted here. Leave it out.")
    found = top.items("profiles", least=1, most=MAX_PROFILES, what="profiles")
    profiles = tuple(_profile(Part(value, path, problems, _PROFILE), place) for path, value in found)
    _check_together(top, profiles)
    return AutoscaleSpec(enabled=top.flag("enabled", default=True), profiles=profiles)


def _check_together(top: Part, profiles: tuple[Profile, ...]) -> None:
    names = [item.name for item in profiles]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        top.wrong("profiles", f"Two profiles are called “{twice}”.")
    defaults = [item for item in profiles if item.recurrence is None and item.fixed_date is None]
    if len(defaults) > 1:
        top.wrong("profiles", f"Only one profile can be without a schedule; “{defaults[1].name}” is another.")
    if profiles and not defaults and not any(item.recurrence for item in profiles):
        top.wrong("profiles", "One profile without a schedule is needed: it holds whenever no other does.")


def _profile(part: Part, place: Place) -> Profile:
    name = part.text("name", default="default" if not _scheduled(part) else None)
    if part.get("recurrence") and part.get("fixedDate"):
        part.wrong("fixedDate", "A profile recurs, or has a fixed date; not both.")
    found = part.items("rules", most=MAX_RULES, what="rules")
    return Profile(
        name=name,
        capacity=_capacity(part.part("capacity", _CAPACITY), place),
        rules=tuple(_rule(Part(value, path, part.problems, _RULE), place) for path, value in found),
        recurrence=_recurrence(part) if part.get("recurrence") else None,
        fixed_date=_fixed_date(part) if part.get("fixedDate") else None,
    )


def _scheduled(part: Part) -> bool:
    return bool(part.get("recurrence") or part.get("fixedDate"))


def _capacity(part: Part, place: Place) -> Capacity:
    if whole_of(part.get("minimum")) == 0 and place.lowest > 0:
        part.wrong("minimum", "At least 1. To go to zero when nobody calls is a setting of the deployment itself.")
    low, high, default = (part.whole(name, low=place.lowest, high=place.highest) for name in _CAPACITY)
    if low > high:
        part.wrong("maximum", f"Not under the minimum of {low}.")
    elif not low <= default <= high:
        part.wrong("default", f"From the minimum to the maximum: {low} to {high}.")
    return Capacity(minimum=low, maximum=high, default=default)


def _rule(part: Part, place: Place) -> Rule:
    return Rule(
        trigger=_trigger(part.part("metricTrigger", _TRIGGER), place),
        action=_action(part.part("scaleAction", _ACTION), place),
    )


def _action(part: Part, place: Place) -> ScaleAction:
    kind = part.choice("type", ChangeType, default=ChangeType.COUNT)
    high = {ChangeType.PERCENT: 1000}.get(kind, place.highest)
    return ScaleAction(
        direction=part.choice("direction", Direction),
        type=kind,
        value=part.whole("value", low=1, high=high, default=1 if kind == ChangeType.COUNT else None),
        cooldown=part.duration("cooldown", low=timedelta(0), high=LONGEST_COOLDOWN, default=timedelta(minutes=5)),
    )


def _trigger(part: Part, place: Place) -> MetricTrigger:
    grain = part.duration("timeGrain", low=SHORTEST, high=LONGEST_WINDOW, default=timedelta(minutes=1))
    trigger = MetricTrigger(
        metric=_metric(part),
        scope=_scope(part, place),
        grain=grain,
        statistic=part.choice("statistic", Statistic, default=Statistic.AVERAGE),
        window=part.duration("timeWindow", low=SHORTEST, high=LONGEST_WINDOW, default=max(grain, timedelta(minutes=5))),
        aggregation=part.choice("timeAggregation", Aggregation, default=Aggregation.AVERAGE),
        operator=part.choice("operator", Operator),
        threshold=part.number("threshold"),
        divide_per_instance=part.flag("dividePerInstance", default=False),
        dimensions=_dimensions(part),
    )
    _check_times(part, trigger)
    if trigger.metric:
        _check_meaning(part, trigger)
    return trigger


def _metric(part: Part) -> str:
    name = part.text("metricName")
    found = next((metric for metric in METRICS if plain(metric) == plain(name)), "")
    if name and not found:
        reason = next((why for metric, why in NOT_MEASURED.items() if plain(metric) == plain(name)), "")
        part.wrong("metricName", reason or f"There is no metric “{name[:60]}”. There are: {', '.join(METRICS)}.")
    return found


def _scope(part: Part, place: Place) -> Scope:
    if part.get("metricResource") is not None:
        scope = part.choice("metricResource", Scope)
    else:
        found = str(part.get("metricResourceUri") or "").rstrip("/")
        scope = Scope.ENDPOINT if re.search(r"/(online)?endpoints/[^/]+$", found, re.I) else Scope.DEPLOYMENT
    if part.get("metricResourceUri") is not None:
        _resource(part, "metricResourceUri", place, scope)
    return scope


def _resource(part: Part, name: str, place: Place, scope: Scope) -> None:
    """A resource id of Azure's must end in the names of this endpoint, or this deployment."""
    pattern = r"(?:^|/)(?:online)?endpoints/([^/]+)(?:/deployments/([^/]+))?/?"
    found = re.search(f"{pattern}$", part.text(name, most=2000), re.I)
    own = (place.endpoint.lower(), place.deployment.lower() if scope == Scope.DEPLOYMENT else "")
    if found is None:
        part.wrong(name, "Write …/onlineEndpoints/<endpoint>, or that with /deployments/<deployment>.")
    elif place.endpoint and (found[1].lower(), (found[2] or "").lower()) != own:
        part.wrong(name, f"It names another resource. This is the setting of {place.endpoint}/{place.deployment}.")


def _check_times(part: Part, trigger: MetricTrigger) -> None:
    for name, length in (("timeGrain", trigger.grain), ("timeWindow", trigger.window)):
        if length % SHORTEST:
            part.wrong(name, "A multiple of 10 s: samples are that long.")
    if trigger.window < trigger.grain:
        part.wrong("timeWindow", f"At least one timeGrain: {iso_duration(trigger.grain)}.")


def _check_meaning(part: Part, trigger: MetricTrigger) -> None:
    metric = METRICS[trigger.metric]
    if trigger.scope not in metric.scopes:
        part.wrong("metricName", f"{trigger.metric} is a metric of the deployment; use metricResource: deployment.")
    if metric.counted is None and trigger.statistic == Statistic.SUM:
        part.wrong("statistic", f"Sums of {trigger.metric} mean nothing. Use Average, Min or Max.")
    if metric.counted is None and trigger.aggregation == Aggregation.TOTAL:
        part.wrong("timeAggregation", f"Sums of {trigger.metric} mean nothing. Use Average, Minimum, Maximum or Last.")
    if metric.averaged and trigger.divide_per_instance:
        part.wrong("dividePerInstance", f"{trigger.metric} is an average of the instances already.")
    for dimension in trigger.dimensions:
        if dimension.name == CLASS_DIMENSION and trigger.metric != "RequestsPerMinute":
            part.wrong("dimensions", f"{CLASS_DIMENSION} is a dimension of RequestsPerMinute alone.")
        if trigger.scope not in DIMENSIONS.get(dimension.name, (trigger.scope,)):
            part.wrong("dimensions", f"{dimension.name} is a dimension of the endpoint's metrics; set metricResource.")


def _dimensions(part: Part) -> tuple[Dimension, ...]:
    found = part.items("dimensions", most=len(DIMENSIONS), what="dimensions")
    return tuple(_dimension(path, value, part.problems) for path, value in found)


def _dimension(path: str, value: Any, problems: Problems) -> Dimension:
    part = Part(value, path, problems, ("dimensionName", "operator", "values"))
    written = part.text("dimensionName")
    name = next((each for each in DIMENSIONS if plain(each) == plain(written)), "")
    if written and not name:
        part.wrong("dimensionName", f"Samples are kept by {' and '.join(DIMENSIONS)} only.")
    values = tuple(str(each) for _, each in part.items("values", least=1, most=MAX_VALUES, what="values"))
    if name == CLASS_DIMENSION and not set(values) <= set(CLASSES):
        part.wrong("values", f"Of {', '.join(CLASSES)}.")
    operator = part.choice("operator", _DimensionOperator, default=_DimensionOperator.EQUALS)
    return Dimension(name=name, excluded=operator == _DimensionOperator.NOT_EQUALS, values=values)


def _zone(part: Part) -> str:
    name = part.text("timeZone", default="UTC")
    try:
        zone_of(name)
    except ValueError as error:
        part.wrong("timeZone", str(error))
    return name


def _recurrence(profile: Part) -> Recurrence:
    outer = profile.part("recurrence", ("frequency", "schedule"))
    if plain(outer.text("frequency", default="Week")) != "week":
        outer.wrong("frequency", "Profiles recur by the Week.")
    part = outer.part("schedule", ("timeZone", "days", "hours", "minutes"))
    return Recurrence(
        time_zone=_zone(part),
        days=_days(part),
        hours=_clock(part, "hours", 23),
        minutes=_clock(part, "minutes", 59),
    )


def _days(part: Part) -> tuple[str, ...]:
    given = {str(value).strip().capitalize(): path for path, value in part.items("days", least=1, most=7, what="days")}
    for day, path in given.items():
        if day not in DAYS:
            part.problems[path] = f"One of {', '.join(DAYS)}."
    return tuple(day for day in DAYS if day in given)


def _clock(part: Part, name: str, highest: int) -> tuple[int, ...]:
    """Midnight, or the full hour, where nothing is given."""
    found = []
    for path, value in part.items(name, most=highest + 1, what=name):
        number = whole_of(value)
        if number is None or not 0 <= number <= highest:
            part.problems[path] = f"A whole number from 0 to {highest}."
        else:
            found.append(number)
    return tuple(sorted(set(found))) or (0,)


def _fixed_date(profile: Part) -> FixedDate:
    part = profile.part("fixedDate", ("timeZone", "start", "end"))
    found = FixedDate(time_zone=_zone(part), start=part.moment("start"), end=part.moment("end"))
    if found.end <= found.start:
        part.wrong("end", "After the start.")
    elif found.end - found.start > LONGEST:
        part.wrong("end", "At most 365 days after the start.")
    return found


def to_json(setting: AutoscaleSpec) -> dict[str, Any]:
    """Azure's JSON: what `parse` takes again."""
    return {"enabled": setting.enabled, "profiles": [_profile_json(item) for item in setting.profiles]}


def _profile_json(profile: Profile) -> dict[str, Any]:
    plain_one: dict[str, Any] = {
        "name": profile.name,
        "capacity": {name: getattr(profile.capacity, name) for name in _CAPACITY},
        "rules": [
            {"metricTrigger": _trigger_json(item.trigger), "scaleAction": _action_json(item.action)}
            for item in profile.rules
        ],
    }
    if recurrence := profile.recurrence:
        times = {name: list(getattr(recurrence, name)) for name in ("days", "hours", "minutes")}
        plain_one["recurrence"] = {"frequency": "Week", "schedule": {"timeZone": recurrence.time_zone, **times}}
    if fixed := profile.fixed_date:
        dates = {"start": fixed.start.isoformat(), "end": fixed.end.isoformat()}
        plain_one["fixedDate"] = {"timeZone": fixed.time_zone, **dates}
    return plain_one


def _trigger_json(trigger: MetricTrigger) -> dict[str, Any]:
    return {
        "metricName": trigger.metric,
        "metricResource": trigger.scope.value,
        "timeGrain": iso_duration(trigger.grain),
        "statistic": trigger.statistic.value,
        "timeWindow": iso_duration(trigger.window),
        "timeAggregation": trigger.aggregation.value,
        "operator": trigger.operator.value,
        "threshold": trigger.threshold,
        "dividePerInstance": trigger.divide_per_instance,
        "dimensions": [_dimension_json(item) for item in trigger.dimensions],
    }


def _dimension_json(dimension: Dimension) -> dict[str, Any]:
    operator = _DimensionOperator.NOT_EQUALS if dimension.excluded else _DimensionOperator.EQUALS
    return {"dimensionName": dimension.name, "operator": operator.value, "values": list(dimension.values)}


def _action_json(action: ScaleAction) -> dict[str, Any]:
    return {
        "direction": action.direction.value,
        "type": action.type.value,
        "value": action.value,
        "cooldown": iso_duration(action.cooldown),
    }


def snake_case(document: Any) -> Any:
    """The same with YAML's names."""
    if isinstance(document, Mapping):
        return {re.sub(r"([A-Z])", r"_\1", key).lower(): snake_case(value) for key, value in document.items()}
    return [snake_case(item) for item in document] if isinstance(document, list) else document
