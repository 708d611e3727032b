"""Ranges: few enough points, whole rows, and words that are no range."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endpoints.domain.errors import Invalid
from endpoints.domain.ranges import MAX_POINTS, PRESETS, has_one_offset, moment, window
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
        {"start": "0001-01-01T00:00", "end": "0001-01-01T01:00"},
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


BERLIN = ZoneInfo("Europe/Berlin")  # forward on 29 March 2026 at 02:00, back on 25 October at 03:00
LATER = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-28", 24), ("2026-03-29", 23), ("2026-10-24", 24), ("2026-10-25", 25)]
)
def test_a_day_is_as_long_as_the_clock_of_its_zone_makes_it(day: str, hours: int) -> None:
    following = f"{datetime.fromisoformat(day) + timedelta(days=1):%Y-%m-%dT%H:%M}"
    found = window(start=f"{day}T00:00", end=following, zone="Europe/Berlin", now=LATER)
    assert found.length == timedelta(hours=hours)
    assert len(found.points()) * found.step == hours * 3600
    assert not any(map(found.is_partial, found.points()))
    assert has_one_offset(found.points(), BERLIN) == (hours == 24)
    assert has_one_offset(found.points(), UTC)


def test_an_hour_that_the_clock_shows_twice_is_meant_whole() -> None:
    found = window(start="2026-10-25T02:00", end="2026-10-25T02:59", zone="Europe/Berlin", now=LATER)
    assert found.start == datetime(2026, 10, 25, 0, 0, tzinfo=UTC)
    assert found.end == datetime(2026, 10, 25, 1, 59, tzinfo=UTC)


def test_a_time_that_the_clock_skips_is_refused() -> None:
    with pytest.raises(Invalid, match="goes forward past 2026-03-29T02:30"):
        window(start="2026-03-29T02:30", end="2026-03-29T05:00", zone="Europe/Berlin", now=LATER)
    assert moment("from", "2026-03-29T02:30", ZoneInfo("UTC")) == datetime(2026, 3, 29, 2, 30, tzinfo=UTC)


def test_an_offset_of_its_own_outweighs_the_zone() -> None:
    for text in ("2026-03-14T12:00:00Z", "2026-03-14T13:00+01:00"):
        assert moment("from", text, BERLIN) == datetime(2026, 3, 14, 12, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "/etc/passwd", "Europe", "\0"])
def test_what_is_no_zone(zone: str) -> None:
    with pytest.raises(Invalid, match="is no time zone"):
        window(start="2026-03-14T12:00", zone=zone, now=NOW)


def test_a_bucket_belongs_to_the_range_that_holds_its_start() -> None:
    whole = window(start="2026-03-15T11:00:00", end="2026-03-15T12:00:00", now=NOW)
    assert (whole.points()[0], whole.points()[-1]) == (
        NOW.replace(hour=11, minute=0, second=0),
        whole.end - timedelta(seconds=whole.step),
    )
    assert not whole.is_partial(whole.points()[-1])
    cut = window(start="2026-03-15T11:00:01", end="2026-03-15T12:00:01", now=NOW)
    assert cut.points()[0] == NOW.replace(hour=11, minute=0, second=10)
    assert cut.is_partial(cut.points()[-1])


@pytest.mark.parametrize("preset", PRESETS)
def test_the_period_before_ends_where_this_one_begins(preset: str) -> None:
    found = window(preset=preset, periods=2, now=NOW)
    before = found.before
    assert len(before.points()) == len(found.points())
    assert before.points()[-1] + timedelta(seconds=found.step) == found.start
    assert (before.step, before.resolution) == (found.step, found.resolution)
    assert NOW - before.start <= RETENTION.get(found.resolution, timedelta.max) + timedelta(seconds=found.step)


def test_the_period_before_is_read_from_what_is_kept_of_both() -> None:
    alone = window(start="2026-03-14T14:00", end="2026-03-14T15:00", now=NOW)
    assert alone.resolution == 10
    assert window(start="2026-03-14T13:00", end="2026-03-14T14:00", periods=2, now=NOW).resolution == 60
