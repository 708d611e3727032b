"""What differs between two JSON values, by path."""

from dataclasses import dataclass
from typing import Any, Literal

MAX_CHANGES = 200
MAX_DEPTH = 50  # deeper values are compared as a whole


@dataclass(frozen=True, slots=True)
class Change:
    """`path` in the manner of JSONPath, such as `$.scores[0]`; a side that is not there is None."""

    path: str
    kind: Literal["added", "removed", "changed"]
    before: Any = None
    after: Any = None


def differences(before: Any, after: Any) -> list[Change]:
    """In the order of the first value, then what only the second has; at most MAX_CHANGES."""
    found: list[Change] = []
    _compare(before, after, "$", 0, found)
    return found[:MAX_CHANGES]


def _compare(before: Any, after: Any, path: str, depth: int, found: list[Change]) -> None:
    if len(found) >= MAX_CHANGES:
        return
    if depth < MAX_DEPTH and isinstance(before, dict) and isinstance(after, dict):
        keys = {f"{path}.{key}": key for key in before | after}
        _members(before, after, keys, depth, found)
    elif depth < MAX_DEPTH and isinstance(before, list) and isinstance(after, list):
        indices = {f"{path}[{index}]": index for index in range(max(len(before), len(after)))}
        _members(dict(enumerate(before)), dict(enumerate(after)), indices, depth, found)
    elif before != after or isinstance(before, bool) != isinstance(after, bool):
        found.append(Change(path, "changed", before, after))


def _members(
    before: dict[Any, Any], after: dict[Any, Any], keys: dict[str, Any], depth: int, found: list[Change]
) -> None:
    for path, key in keys.items():
        if key not in before:
            found.append(Change(path, "added", after=after[key]))
        elif key not in after:
            found.append(Change(path, "removed", before=before[key]))
        else:
            _compare(before[key], after[key], path, depth + 1, found)
