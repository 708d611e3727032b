"""Ranges: few enough points, whole rows, and words that are no range."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endpoints.domain.errors import Invalid
from endpoints.domain.ranges import MAX_POINTS, PRESETS, window
from endpoints.domain.rollups import HOUR, RETENTION

NOW = datetime(2026, 3, 15, 12, 34, 56, tzinfo=UTC)


@pytest.mark.parametrize(
    ("preset", "step", "resolution"),
    [("15m", 10, 10), ("1h", 10, 10), ("6h", 60, 60), ("24h", 300, 60), ("7d", 3600, 3600), ("30d", 7200, 3600)],
)
def test_presets(preset: str, step: int, resolution: int) -> None:
    found = window(preset=preset, now=NOW)
    assert (found.step, found.resolution, found.preset, found.end) == (step, resolution, preset, NOW)
    assert len(found.points()) <= MAX_POINTS
    assert PRESETS[preset] - found.length < timedelta(seconds=step)


def test_one_hour_is_what_is_shown_unasked() -> None:
    assert window(now=NOW).preset == "1h"


def test_the_last_point_is_not_over() -> None:
    found = window(preset="6h", now=NOW)
    *whole, last = found.points()
    assert last == NOW.replace(second=0)
    assert found.is_partial(last)
    assert not any(map(found.is_partial, whole))


def test_points_are_no_shorter_than_the_time_between_scrapes() -> None:
    assert window(preset="15m", now=NOW, interval=30).step == 30
    assert window(preset="15m", now=NOW, interval=1).step == 10


def test_a_range_that_is_long_ago_takes_what_is_still_kept() -> None:
    old = window(start="2026-03-05T10:00", end="2026-03-05T10:30", now=NOW)
    assert (old.resolution, old.step, len(old.points())) == (60, 60, 30)
    older = window(start="2025-10-01T10:00", end="2025-10-01T20:00", now=NOW)
    assert (older.resolution, older.preset) == (3600, "")


@pytest.mark.parametrize(
    "asked",
    [
        {"preset": "soon"},
        {"start": "yesterday"},
        {"start": "2026-03-15T12:00", "end": "2026-03-15T11:00"},
        {"start": "2027-01-01"},
        {"start": "2020-01-01"},
        {"end": "2026-03-15"},
        {"start": "9999-12-31T23:59-14:00"},
    ],
)
def test_what_is_no_range(asked: dict[str, str]) -> None:
    with pytest.raises(Invalid, match=r"\w"):
        window(**asked, now=NOW)  # type: ignore[arg-type]


@given(st.timedeltas(timedelta(minutes=2), RETENTION[HOUR]), st.timedeltas(timedelta(), timedelta(days=300)))
def test_any_range_can_be_drawn(length: timedelta, ago: timedelta) -> None:
    end = NOW - ago
    found = window(start=(end - length).isoformat(), end=end.isoformat(), now=NOW)
    points = found.points()
    assert len(points) <= MAX_POINTS
    assert found.step % found.resolution == 0
    assert all(point.timestamp() % found.resolution == 0 for point in points)
    assert NOW - found.start <= RETENTION.get(found.resolution, timedelta.max)
