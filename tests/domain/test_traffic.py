import pytest
from hypothesis import given
from hypothesis import strategies as st

from endpoints.domain.errors import Invalid
from endpoints.domain.traffic import check_no_share_for_mirror, checked_mirror, checked_traffic

BOTH = {"blue", "green"}


@pytest.mark.parametrize(
    ("traffic", "kept"),
    [
        ({"blue": 90, "green": 10}, {"blue": 90, "green": 10}),
        ({"blue": 100, "green": 0}, {"blue": 100}),
        ({"blue": 100}, {"blue": 100}),
        ({"blue": 0, "green": 0}, {}),
        ({}, {}),
    ],
)
def test_sums_to_100_or_to_0(traffic: dict[str, int], kept: dict[str, int]) -> None:
    assert checked_traffic(traffic, deployments=BOTH, ready=BOTH) == kept


@pytest.mark.parametrize(
    ("traffic", "said"),
    [
        ({"blue": 99}, "sum to 99; they must sum to 100, or to 0"),
        ({"blue": 60, "green": 60}, "sum to 120"),
        ({"blue": 101, "green": -1}, "whole number from 0 to 100"),
        ({"blue": 50.5, "green": 49.5}, "whole number"),
        ({"blue": "100"}, "whole number"),
        ({"blue": True, "green": 99}, "whole number"),
        ({"red": 100}, "There is no deployment “red” here. There are: blue, green."),
        ({"red": 0}, "There is no deployment “red”"),
        ([("blue", 100)], "Traffic maps a deployment's name to its percentage."),
        (None, "Traffic maps"),
    ],
)
def test_refused_at_the_field(traffic: object, said: str) -> None:
    with pytest.raises(Invalid) as caught:
        checked_traffic(traffic, deployments=BOTH, ready=BOTH)
    assert said in caught.value.fields["traffic"]


def test_only_what_is_ready_takes_traffic() -> None:
    with pytest.raises(Invalid, match="green is not ready"):
        checked_traffic({"blue": 90, "green": 10}, deployments=BOTH, ready={"blue"})
    assert checked_traffic({"blue": 100, "green": 0}, deployments=BOTH, ready={"blue"}) == {"blue": 100}


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(-5, 105)))
def test_whatever_passes_sums_to_100_or_is_empty(traffic: dict[str, int]) -> None:
    try:
        shares = checked_traffic(traffic, deployments="abc", ready="abc")
    except Invalid:
        return
    assert sum(shares.values()) in (0, 100)
    assert all(0 < share <= 100 for share in shares.values())


@pytest.mark.parametrize(
    ("mirror", "kept"), [({"green": 50}, {"green": 50}), ({"green": 0}, {}), ({}, {}), ({"blue": 0}, {})]
)
def test_one_mirror_up_to_half(mirror: dict[str, int], kept: dict[str, int]) -> None:
    assert checked_mirror(mirror, traffic={"blue": 100}, deployments=BOTH, ready=BOTH) == kept


@pytest.mark.parametrize(
    ("mirror", "said"),
    [
        ({"green": 51}, "whole number from 0 to 50"),
        ({"green": -1}, "whole number"),
        ({"green": 1.5}, "whole number"),
        ({"green": True}, "whole number"),
        ({"green": "10"}, "whole number"),
        ({"blue": 10}, "blue has live traffic"),
        ({"red": 10}, "There is no deployment “red” here. There are: blue, green, slow."),
        ({"slow": 10}, "slow is not ready"),
        ({"green": 10, "slow": 0}, "exactly one"),
        ([("green", 10)], "maps a deployment's name"),
        (None, "maps a deployment's name"),
    ],
)
def test_a_mirror_that_cannot_be(mirror: object, said: str) -> None:
    with pytest.raises(Invalid) as caught:
        checked_mirror(mirror, traffic={"blue": 100}, deployments={*BOTH, "slow"}, ready=BOTH)
    assert said in caught.value.fields["mirror_traffic"]


def test_the_mirror_takes_no_live_traffic() -> None:
    check_no_share_for_mirror({"blue": 100}, {"green": 10})
    with pytest.raises(Invalid) as caught:
        check_no_share_for_mirror({"blue": 90, "green": 10}, {"green": 10})
    assert "Stop the mirror in the same change" in caught.value.fields["traffic"]
