import pytest

from endpoints.domain.rollouts import deadline_fault, default_deadline, surge_fault, surge_of

AZURES = {"initial_delay": 10, "period": 10, "timeout": 2, "success_threshold": 1, "failure_threshold": 30}


@pytest.mark.parametrize(
    ("text", "count", "surge"),
    [("25%", 1, 1), ("25%", 4, 1), ("25%", 5, 2), ("25%", 50, 13), ("1%", 3, 1), ("100%", 3, 3), ("2", 10, 2)],
)
def test_a_share_is_at_least_one(text: str, count: int, surge: int) -> None:
    assert surge_of(text, count) == surge


@pytest.mark.parametrize("text", ["", "0", "0%", "101%", "51", "-1", "2.5", "25 %", "%", "a", "٢", None])
def test_what_is_no_surge(text: object) -> None:
    assert surge_fault(text) == "A count from 1 to 50, or a share of the replicas from 1% to 100%."
    assert surge_fault("50") == surge_fault("100%") == ""


@pytest.mark.parametrize("seconds", [9, 86_401, 1.5, True, "60"])
def test_what_is_no_deadline(seconds: object) -> None:
    assert deadline_fault(seconds).startswith("A whole number from 10 to 86400 seconds")
    assert deadline_fault(None) == deadline_fault(10) == ""


def test_the_default_deadline_lets_the_probes_speak_first() -> None:
    quick = {**AZURES, "initial_delay": 1, "period": 1, "failure_threshold": 2}
    assert default_deadline(AZURES, quick) == 10 + 12 * 30 + 60
    assert default_deadline(quick, quick, pulls=True) == 1 + 3 * 2 + 60 + 1800
