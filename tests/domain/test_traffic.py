import pytest
from hypothesis import given
from hypothesis import strategies as st

from endpoints.domain.errors import Invalid
from endpoints.domain.traffic import checked_traffic

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
