"""Conditions as pages show them."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

GOOD_WHEN_FALSE = "Degraded"
_MARKS = {"ok": "circle-check", "bad": "circle-x", "info": "loader-circle", "idle": "circle-dashed"}


def shown_conditions(conditions: Iterable[Mapping[str, str]]) -> list[dict[str, Any]]:
    """With a tone and an icon for components/conditions.html."""
    return [_shown(each) for each in conditions]


def _shown(condition: Mapping[str, str]) -> dict[str, Any]:
    tone = _tone(condition["type"], condition["status"])
    at = datetime.fromisoformat(condition["lastTransitionTime"])
    return {**condition, "tone": tone, "icon": _MARKS[tone], "at": at}


def _tone(kind: str, status: str) -> str:
    if kind == "Progressing":
        return "info" if status == "True" else "idle"
    if status == "Unknown":
        return "idle"
    return "ok" if (status == "True") != (kind == GOOD_WHEN_FALSE) else "bad"
