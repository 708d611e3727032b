"""Which profile holds when: time zones, and the days on which clocks are moved."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endpoints.domain.scaling import active_profile
from endpoints.domain.scaling_rules import AutoscaleSpec, Capacity, Profile
from endpoints.domain.schedules import DAYS, FixedDate, Recurrence, zone_of

ALL_DAYS = DAYS


def profile(name: str, **schedule: Any) -> Profile:
    return Profile(name=name, capacity=Capacity(minimum=1, maximum=2, default=1), **schedule)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def begin(*days: str, hour: int, zone: str = "UTC", minute: int = 0) -> Recurrence:
    return Recurrence(time_zone=zone, days=days, hours=(hour,), minutes=(minute,))


def active(spec: AutoscaleSpec, text: str) -> str:
    return active_profile(spec, at(text)).name


def test_a_fixed_date_comes_before_what_recurs_and_that_before_the_default() -> None:
    party = FixedDate(time_zone="Europe/Vilnius", start=datetime(2026, 11, 27, 0, 0), end=datetime(2026, 11, 28, 0, 0))
    usual, sale = profile("usual"), profile("sale", fixed_date=party)
    nights = profile("nights", recurrence=begin(*ALL_DAYS, hour=20))
    assert active(AutoscaleSpec(profiles=(usual, sale)), "2026-11-26T21:59:59") == "usual"
    assert active(AutoscaleSpec(profiles=(usual, sale)), "2026-11-26T22:00:00") == "sale"
    assert active(AutoscaleSpec(profiles=(nights, sale)), "2026-11-27T21:59:59") == "sale"
    assert active(AutoscaleSpec(profiles=(nights, sale)), "2026-11-27T22:00:00") == "nights"
    assert active(AutoscaleSpec(profiles=(usual, nights)), "2026-11-27T22:00:00") == "nights"


def test_what_recurs_lasts_until_another_begins() -> None:
    """Azure's pair: a weekday profile and one for the weekend, as Windows names the zone."""
    zone = "E. Europe Standard Time"
    spec = AutoscaleSpec(
        profiles=(
            profile("weekday", recurrence=begin("Monday", hour=4, zone=zone)),
            profile("weekend", recurrence=begin("Saturday", hour=0, minute=1, zone=zone)),
        )
    )
    assert active(spec, "2026-11-20T22:00:59") == "weekday"
    assert active(spec, "2026-11-20T22:01:00") == "weekend"
    assert active(spec, "2026-11-23T01:59:59") == "weekend"
    assert active(spec, "2026-11-23T02:00:00") == "weekday"


@pytest.mark.parametrize(
    ("now", "start"),
    [
        ("2026-03-28T12:00", "2026-03-28T07:00"),  # winter: 08:00 is 07:00 UTC
        ("2026-03-29T12:00", "2026-03-29T06:00"),  # the day on which clocks go forward
        ("2026-10-24T12:00", "2026-10-24T06:00"),
        ("2026-10-25T12:00", "2026-10-25T07:00"),  # and back
    ],
)
def test_eight_o_clock_is_eight_o_clock_in_summer_and_winter(now: str, start: str) -> None:
    assert begin(*ALL_DAYS, hour=8, zone="Europe/Berlin").last_start(at(now)) == at(start)


def test_an_hour_that_is_left_out_begins_after_the_gap_and_one_that_comes_twice_begins_once() -> None:
    daily = begin(*ALL_DAYS, hour=2, minute=30, zone="Europe/Berlin")
    assert daily.last_start(at("2026-03-29T12:00")) == at("2026-03-29T01:30")  # 03:30 in summer time
    assert daily.last_start(at("2026-10-25T00:45")) == at("2026-10-25T00:30")
    assert daily.last_start(at("2026-10-25T01:45")) == at("2026-10-25T00:30")


def test_a_fixed_date_across_the_change_of_clocks_is_in_local_time() -> None:
    night = FixedDate(time_zone="Pacific Standard Time", start=datetime(2026, 3, 8, 1), end=datetime(2026, 3, 8, 4))
    assert [night.holds(at(f"2026-03-08T{hour}:00")) for hour in ("08", "09", "10", "11")] == [False, True, True, False]


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)),
    st.lists(st.sampled_from(DAYS), min_size=1, unique=True),
    st.integers(0, 23),
    st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_a_recurrence_began_within_the_last_week(now: datetime, days: list[str], hour: int, zone: str) -> None:
    now = now.replace(tzinfo=UTC)
    start = Recurrence(time_zone=zone, days=tuple(days), hours=(hour,), minutes=(0,)).last_start(now)
    assert 0 <= (now - start).total_seconds() <= 7 * 86400 + 3600
    local = start.astimezone(zone_of(zone))
    assert DAYS[local.weekday()] in days


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "/etc/passwd", "Central Perk Time", "a\0b"])
def test_what_is_no_time_zone(name: str) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        zone_of(name)
