"""Autoscale in its simple form: bounds, one target, and times with bounds of their own.

It becomes the same profiles as the forms of Azure's portal make. A setting that has this form can be read back into
it; any other is left to its own words.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from enum import StrEnum
from typing import Any

from endpoints.domain.errors import Invalid
from endpoints.domain.scaling_rules import AutoscaleSpec, Profile
from endpoints.domain.scaling_schema import Place, parse
from endpoints.domain.schedules import DAYS

USUAL = "default"
MAX_TIMES = 9  # a weekly one is two profiles
IN_SHARE = 3 / 7  # of the target: in under 30 % where it goes out over 70 %, so that one instance less is not too few


class Preset(StrEnum):
    """What is followed."""

    CPU = "cpu"
    IN_FLIGHT = "in_flight"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    minimum: int
    maximum: int
    default: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Weekly:
    """From `start` to `end` of each of the days, or into the next day where that is not later."""

    name: str
    bounds: Bounds
    time_zone: str
    days: tuple[str, ...]
    start: time
    end: time


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    name: str
    bounds: Bounds
    time_zone: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Simple:
    """`target`: percent of CPU, or requests in flight per instance, over which it scales out."""

    bounds: Bounds
    preset: Preset = Preset.CPU
    target: float = 70
    enabled: bool = True
    times: Sequence[Weekly | Dated] = field(default=())


def simple_document(simple: Simple) -> dict[str, Any]:
    """Azure's JSON."""
    profiles: list[dict[str, Any]] = []
    if not any(isinstance(item, Weekly) for item in simple.times):
        profiles.append(_profile(USUAL, simple.bounds, simple))
    for item in simple.times:
        profiles.extend(_scheduled(item, simple))
    return {"enabled": simple.enabled, "profiles": profiles}


def _scheduled(item: Weekly | Dated, simple: Simple) -> Iterator[dict[str, Any]]:
    """A weekly one ends where the usual bounds begin again: the portal's own way to say so."""
    own = _profile(item.name, item.bounds, simple)
    if isinstance(item, Dated):
        dates = {"start": item.start.isoformat(), "end": item.end.isoformat()}
        yield own | {"fixedDate": {"timeZone": item.time_zone, **dates}}
        return
    after = item.days if item.end > item.start else _next_days(item.days)
    yield own | {"recurrence": _begin(item.time_zone, item.days, item.start)}
    yield _profile(_after(item.name), simple.bounds, simple) | {"recurrence": _begin(item.time_zone, after, item.end)}


def _profile(name: str, bounds: Bounds, simple: Simple) -> dict[str, Any]:
    capacity = {"minimum": bounds.minimum, "maximum": bounds.maximum, "default": bounds.default}
    return {"name": name, "capacity": capacity, "rules": _rules(simple.preset, simple.target)}


def _begin(zone: str, days: Sequence[str], at: time) -> dict[str, Any]:
    times = {"timeZone": zone, "days": list(days), "hours": [at.hour], "minutes": [at.minute]}
    return {"frequency": "Week", "schedule": times}


def _next_days(days: Sequence[str]) -> list[str]:
    return [DAYS[(DAYS.index(day) + 1) % 7] for day in days if day in DAYS]


def _after(name: str) -> str:
    return json.dumps({"name": USUAL, "for": name}, ensure_ascii=False, separators=(",", ":"))


_FOLLOWED: dict[Preset, dict[str, Any]] = {
    Preset.CPU: {"metricName": "CpuUtilizationPercentage", "timeGrain": "PT1M", "timeWindow": "PT5M"},
    Preset.IN_FLIGHT: {
        "metricName": "InFlight",
        "timeGrain": "PT10S",
        "timeWindow": "PT1M",
        "dividePerInstance": True,
    },
}


def _rules(preset: Preset, target: float) -> list[dict[str, Any]]:
    """Out soon and by two, in late and by one."""
    if preset == Preset.NONE:
        return []
    out = {**_FOLLOWED[preset], "operator": "GreaterThan", "threshold": target}
    back = {**out, "timeWindow": "PT5M", "operator": "LessThan", "threshold": round(target * IN_SHARE, 2)}
    return [
        {"metricTrigger": out, "scaleAction": {"direction": "Increase", "value": 2, "cooldown": "PT1M"}},
        {"metricTrigger": back, "scaleAction": {"direction": "Decrease", "value": 1, "cooldown": "PT5M"}},
    ]


def simple_of(spec: AutoscaleSpec) -> Simple | None:
    """What the setting says in simple words; None where they cannot say it."""
    followers = {item.name for item in spec.profiles} & {_after(item.name) for item in spec.profiles}
    usual = next((item for item in spec.profiles if item.name in followers or not _is_scheduled(item)), None)
    own = [item for item in spec.profiles if item.name not in followers and _is_scheduled(item)]
    if usual is None:
        return None
    preset, target = _followed(usual)
    times = [_times(item, spec) for item in own]
    found = Simple(
        bounds=_bounds(usual),
        preset=preset,
        target=target,
        enabled=spec.enabled,
        times=tuple(item for item in times if item is not None),
    )
    try:
        return found if parse(simple_document(found), Place(lowest=0)) == spec else None
    except Invalid:
        return None


def _is_scheduled(profile: Profile) -> bool:
    return profile.recurrence is not None or profile.fixed_date is not None


def _bounds(profile: Profile) -> Bounds:
    capacity = profile.capacity
    return Bounds(minimum=capacity.minimum, maximum=capacity.maximum, default=capacity.default)


def _followed(profile: Profile) -> tuple[Preset, float]:
    if not profile.rules:
        return Preset.NONE, 70
    trigger = profile.rules[0].trigger
    named = {str(fields["metricName"]): preset for preset, fields in _FOLLOWED.items()}
    return named.get(trigger.metric, Preset.NONE), trigger.threshold


def _times(profile: Profile, spec: AutoscaleSpec) -> Weekly | Dated | None:
    if dates := profile.fixed_date:
        return Dated(
            name=profile.name,
            bounds=_bounds(profile),
            time_zone=dates.time_zone,
            start=dates.start,
            end=dates.end,
        )
    after = next((item.recurrence for item in spec.profiles if item.name == _after(profile.name)), None)
    if profile.recurrence is None or after is None:
        return None
    begin = profile.recurrence
    return Weekly(
        name=profile.name,
        bounds=_bounds(profile),
        time_zone=begin.time_zone,
        days=begin.days,
        start=time(begin.hours[0], begin.minutes[0]),
        end=time(after.hours[0], after.minutes[0]),
    )
