"""Somebody else was first: what they changed, beside what one wanted oneself."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from endpoints.domain.errors import StaleVersion


def stale_notice(error: StaleVersion, *, url: str, yours: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What components/stale.html shows. `url` is the page as it is now; `yours` what one's own change says."""
    return {
        "text": str(error),
        "url": url,
        "changes": [_change(change, yours or {}) for change in error.changes],
        "compares": bool(yours),
    }


def _change(change: Mapping[str, Any], yours: Mapping[str, Any]) -> dict[str, Any]:
    fields = [{**item, "yours": _words(yours.get(item["field"]))} for item in change["fields"]]
    return {**change, "at": datetime.fromisoformat(change["at"]), "fields": fields}


def _words(value: Any) -> Any:
    """As the history has it: no value of a variable, and names of assets."""
    if isinstance(value, Mapping) and not all(isinstance(each, int | float) for each in value.values()):
        return sorted(value)
    return value
