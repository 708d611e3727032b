"""Differences of two JSON values."""

from typing import Any

import pytest

from endpoints.domain.json_diff import MAX_CHANGES, Change, differences


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ({"a": [1, 2]}, {"a": [1, 2]}, []),
        ({"a": [1, 2]}, {"a": [1, 3]}, [Change("$.a[1]", "changed", 2, 3)]),
        ([1], [1, 2], [Change("$[1]", "added", after=2)]),
        ({"a": None}, {}, [Change("$.a", "removed")]),
        (True, 1, [Change("$", "changed", True, 1)]),
        ({"a": 1}, [1], [Change("$", "changed", {"a": 1}, [1])]),
    ],
)
def test_by_path(before: Any, after: Any, found: list[Change]) -> None:
    assert differences(before, after) == found


def test_long_lists_of_differences_end() -> None:
    assert len(differences([0] * 1000, [1] * 1000)) == MAX_CHANGES
