"""The simple form of autoscale becomes profiles, and is found again in them."""

from datetime import UTC, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endpoints.domain.scaling import active_profile
from endpoints.domain.scaling_presets import Bounds, Dated, Preset, Simple, Weekly, simple_document, simple_of
from endpoints.domain.scaling_schema import parse
from endpoints.domain.schedules import DAYS
from tests.domain.scaling_samples import back, out, setting

bounds = st.lists(st.integers(1, 50), min_size=3, max_size=3).map(
    lambda three: Bounds(minimum=sorted(three)[0], default=sorted(three)[1], maximum=sorted(three)[2])
)
zones = st.sampled_from(["UTC", "Europe/Vilnius", "Pacific Standard Time"])
weekly = st.builds(
    Weekly,
    name=st.sampled_from(["night", "lunch"]),
    bounds=bounds,
    time_zone=zones,
    days=st.sets(st.sampled_from(DAYS), min_size=1).map(lambda found: tuple(day for day in DAYS if day in found)),
    start=st.builds(time, st.integers(0, 23), st.integers(0, 59)),
    end=st.builds(time, st.integers(0, 23), st.integers(0, 59)),
)
dated = st.builds(
    Dated,
    name=st.sampled_from(["sale", "holiday"]),
    bounds=bounds,
    time_zone=zones,
    start=st.just(datetime(2026, 12, 24)),
    end=st.just(datetime(2026, 12, 27, 12, 30)),
)
simples = st.builds(
    Simple,
    bounds=bounds,
    preset=st.sampled_from([Preset.CPU, Preset.IN_FLIGHT]),
    target=st.sampled_from([1.0, 5.0, 70.0]),
    enabled=st.booleans(),
    times=st.lists(weekly | dated, max_size=3, unique_by=lambda item: item.name).map(tuple),
)


@given(simples)
def test_it_is_found_again(simple: Simple) -> None:
    assert simple_of(parse(simple_document(simple))) == simple


def test_a_fixed_count_has_no_rules() -> None:
    simple = Simple(bounds=Bounds(minimum=2, maximum=2, default=2), preset=Preset.NONE)
    spec = parse(simple_document(simple))
    assert spec.profiles[0].rules == ()
    assert simple_of(spec) == simple


@pytest.mark.parametrize(
    ("now", "name"),
    [
        ("2026-11-27T19:59", "default"),  # Friday, 21:59 in Vilnius
        ("2026-11-27T20:00", "weekend nights"),
        ("2026-11-28T03:59", "weekend nights"),
        ("2026-11-28T04:00", "default"),
        ("2026-11-29T21:00", "default"),  # Sunday is none of its days
    ],
)
def test_a_weekly_time_may_end_on_the_next_day(now: str, name: str) -> None:
    nights = Weekly(
        name="weekend nights",
        bounds=Bounds(minimum=4, maximum=5, default=4),
        time_zone="Europe/Vilnius",
        days=("Friday", "Saturday"),
        start=time(22),
        end=time(6),
    )
    spec = parse(simple_document(Simple(bounds=Bounds(minimum=1, maximum=2, default=1), times=(nights,))))
    active = active_profile(spec, datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert (active.name == name) == (name != "default")
    assert active.capacity.minimum == (4 if name != "default" else 1)


def test_rules_of_one_s_own_are_not_simple() -> None:
    assert simple_of(setting(out(3), back())) is None
    assert simple_of(setting(out(), out())) is None
