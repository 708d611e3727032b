"""Azure's arithmetic, and what a deployment takes while it moves."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endpoints.domain.quota import Line, Size, Standing, instances_told, limit_faults, per_hour, taken, with_reserve

FOUR = Size(vcpu=Decimal(4), memory_mib=8192, price_per_hour=Decimal("0.20"))
TWO = Size(vcpu=Decimal(2), memory_mib=16384, gpu=1, price_per_hour=Decimal("0.90"))


def test_ten_instances_of_four_cores_need_48() -> None:
    assert with_reserve(10, 20) == 12
    assert taken(Standing(count=10, size=FOUR), 20)["vcpu"] == 48
    assert "ceil(1.2 × 10) × 4 = 48." in instances_told(10, FOUR, 20)


@pytest.mark.parametrize(("count", "percent", "kept"), [(1, 20, 2), (5, 20, 6), (6, 20, 8), (10, 0, 10), (3, 100, 6)])
def test_the_reserve_is_rounded_up(count: int, percent: int, kept: int) -> None:
    assert with_reserve(count, percent) == kept


def test_an_update_takes_both_generations_within_the_surge() -> None:
    moving = Standing(count=4, size=TWO, serving_count=4, serving_size=FOUR, surge=1, moving=True)
    found = taken(moving, 0)
    assert found["vcpu"] == 4 * 4 + 1 * 2
    assert found["memory_mib"] == 4 * 16384 + 1 * 8192
    assert found["gpu"] == 4


def test_what_is_scaled_to_zero_takes_what_still_runs() -> None:
    asleep = Standing(count=4, size=FOUR, serving_count=4, zero=True, held={FOUR: 3})
    assert taken(asleep, 20)["vcpu"] == 12
    assert per_hour(asleep) == Decimal("0.60")
    assert taken(Standing(count=4, size=FOUR, zero=True), 20)["vcpu"] == 0


def test_scaling_in_frees_when_the_instances_have_ended() -> None:
    leaving = Standing(count=1, size=FOUR, serving_count=6, moving=True, held={FOUR: 6})
    assert taken(leaving, 0)["vcpu"] == 24
    assert taken(Standing(count=1, size=FOUR, serving_count=1, held={FOUR: 2}), 0)["vcpu"] == 8


def test_what_failed_takes_what_serves_on() -> None:
    failed = Standing(count=9, size=TWO, serving_count=2, serving_size=FOUR, settled=False)
    assert taken(failed, 0)["vcpu"] == 8
    assert taken(Standing(count=9, size=TWO, settled=False), 20)["vcpu"] == 0


@given(
    count=st.integers(1, 60),
    serving=st.integers(0, 60),
    surge=st.integers(1, 60),
    held=st.integers(0, 80),
    percent=st.integers(0, 100),
)
def test_never_less_than_what_runs_nor_than_what_is_wanted(
    count: int, serving: int, surge: int, held: int, percent: int
) -> None:
    standing = Standing(
        count=count, size=TWO, serving_count=serving, serving_size=FOUR, surge=surge, moving=True, held={FOUR: held}
    )
    found = taken(standing, percent)
    assert found["vcpu"] >= max(held * 4, count * 2)
    assert found["vcpu"] <= max(held * 4, serving * 4 + count * 2, with_reserve(count, percent) * 2)


def test_a_line_says_its_sum() -> None:
    line = Line(
        resource="vcpu", scope="the site", limit=Decimal(64), in_use=Decimal(20), asked=Decimal(40), reserve=Decimal(8)
    )
    assert [line.needed, line.left] == [48, -4]
    assert not line.fits
    assert line.told() == ("vCPU of the site: 40 asked for and 8 of reserve make 48; 20 of 64 are in use, 44 are left.")


def test_limits_that_cannot_be() -> None:
    assert limit_faults({"vcpu": Decimal(-1), "disk": Decimal(1), "gpu": None}).keys() == {"vcpu", "disk"}
