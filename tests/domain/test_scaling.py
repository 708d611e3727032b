"""Autoscale's decision: Azure Monitor's rules, told in words."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endpoints.domain.scaling import Decision, condition, decide, instances_needed
from endpoints.domain.scaling_rules import AutoscaleSpec, ChangeType, Operator, Reading, Rule
from endpoints.enums import ScaleOutcome
from tests.domain.scaling_samples import NOW, back, out, read, setting, trigger

CPU: dict[str, Any] = {"metric": "CpuUtilizationPercentage", "window": timedelta(minutes=5)}


def look(spec: AutoscaleSpec, current: int, *, cooldown: float = 0, **values: float | None) -> Decision:
    until = NOW + timedelta(seconds=cooldown) if cooldown else None
    return decide(spec, now=NOW, current=current, readings=read(spec, **values), cooldown_until=until)


def short(decision: Decision) -> tuple[str, int]:
    return decision.outcome.value, decision.target


def test_a_scale_out_is_told_in_words() -> None:
    decision = look(setting(out(2)), 2, InFlight=18.2)
    assert short(decision) == ("scaled", 4)
    assert decision.reason == "2 -> 4: in flight 9.1 per instance over 5 for 60 s"
    assert decision.cooldown == timedelta(minutes=5)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (trigger(), "in flight per instance over 5 for 60 s"),
        (trigger(**CPU, threshold=70, divide_per_instance=False), "CPU over 70 % for 5 min"),
        (trigger("RequestsPerMinute", threshold=300), "requests per minute over 300 for 60 s"),
        (
            trigger("RequestLatency_P95", Operator.GREATER_THAN_OR_EQUAL, 70.5, window=timedelta(hours=2)),
            "latency p95 at or over 70.5 ms for 2 h",
        ),
    ],
)
def test_conditions_are_sentences(wanted: Any, words: str) -> None:
    assert condition(wanted) == words


def test_any_scale_out_rule_is_enough_and_the_highest_wins() -> None:
    spec = setting(out(1), out(3, **CPU, threshold=70), out(50, type=ChangeType.PERCENT))
    assert short(look(spec, 2, InFlight=20, CpuUtilizationPercentage=50)) == ("scaled", 3)
    assert short(look(spec, 2, InFlight=20, CpuUtilizationPercentage=90)) == ("scaled", 5)
    assert short(look(spec, 2, InFlight=0, CpuUtilizationPercentage=90)) == ("scaled", 5)
    assert look(spec, 2, InFlight=0, CpuUtilizationPercentage=90).reason == "2 -> 5: CPU 90 % over 70 % for 5 min"


def test_scaling_in_takes_all_rules_and_the_smallest_reduction_wins() -> None:
    spec = setting(back(3), back(50, threshold=30, type=ChangeType.PERCENT, **CPU))
    assert short(look(spec, 8, InFlight=4, CpuUtilizationPercentage=60)) == ("steady", 8)
    assert short(look(spec, 8, InFlight=4, CpuUtilizationPercentage=20)) == ("scaled", 5)
    assert short(look(spec, 4, InFlight=4, CpuUtilizationPercentage=20)) == ("scaled", 2)


@pytest.mark.parametrize(
    ("type", "value", "current", "more", "fewer"),
    [
        (ChangeType.COUNT, 2, 5, 7, 3),
        (ChangeType.PERCENT, 50, 5, 8, 3),
        (ChangeType.PERCENT, 10, 4, 5, 3),
        (ChangeType.EXACT, 4, 5, 5, 4),
        (ChangeType.EXACT, 8, 5, 8, 5),
    ],
)
def test_kinds_of_change(type: ChangeType, value: int, current: int, more: int, fewer: int) -> None:
    assert out(value, type=type).action.applied(current) == more
    assert back(value, type=type).action.applied(current) == fewer


def test_a_cooldown_holds_back_both_directions() -> None:
    spec = setting(out(), back())
    waits = look(spec, 4, cooldown=70, InFlight=40)
    assert short(waits) == ("cooldown", 4)
    assert waits.wanted == 5
    assert waits.reason == "4 -> 5 waits until 12:01:10 UTC: in flight 10 per instance over 5 for 60 s"
    assert short(look(spec, 4, cooldown=1, InFlight=4)) == ("cooldown", 4)
    assert short(look(spec, 4, cooldown=-1, InFlight=4)) == ("scaled", 3)


def test_the_maximum_is_told_and_the_minimum_is_rest() -> None:
    spec = setting(out(2), back(), low=2, high=3)
    full = look(spec, 3, InFlight=30)
    assert (short(full), full.wanted) == (("at_limit", 3), 5)
    assert full.reason == "3 -> 5 is over the maximum of 3: in flight 10 per instance over 5 for 60 s"
    assert look(spec, 2, InFlight=30).reason.endswith("for 60 s, at most 3")
    assert short(look(spec, 2, InFlight=0)) == ("steady", 2)


def test_bounds_come_before_rules_and_cooldown() -> None:
    spec = setting(back(), low=2, high=4)
    assert look(spec, 1, cooldown=60, InFlight=0).reason == "1 -> 2: the profile “usual” has at least 2"
    above = look(spec, 9, cooldown=60)
    assert (above.target, above.cooldown) == (4, None)
    assert above.reason == "9 -> 4: the profile “usual” has at most 4"


def test_what_would_have_to_be_undone_is_not_done() -> None:
    spec = setting(out(threshold=5), back(threshold=4))
    held = look(spec, 4, InFlight=15.2)
    assert (short(held), held.wanted) == (("flapping", 4), 3)
    assert held.reason == "4 -> 3 would flap: at 3 in flight would be 5.07 per instance, over 5, and scale out"
    assert short(look(spec, 4, InFlight=14)) == ("scaled", 3)


def test_less_is_taken_away_where_the_whole_would_flap() -> None:
    """Azure's example: 30 instances, 65 % CPU; scaling in by 10 would be 97.5 %."""
    requests: dict[str, Any] = {"metric": "RequestsPerMinute", "divide_per_instance": True}
    spec = setting(
        out(20, threshold=200, **requests), out(20, **CPU, threshold=70), back(10, threshold=51, **requests), high=50
    )
    decision = look(spec, 30, RequestsPerMinute=1500, CpuUtilizationPercentage=65)
    assert (short(decision), decision.wanted) == (("scaled", 28), 20)
    assert decision.reason == "30 -> 28: requests 50 per minute per instance under 51 for 60 s; 20 would flap"


def test_a_metric_that_cannot_be_read_leads_up_to_the_default_and_never_down() -> None:
    spec = setting(out(**CPU, threshold=70), back(), default=3)
    up = look(spec, 2, cooldown=60, InFlight=1)
    assert (short(up), up.cooldown) == (("scaled", 3), None)
    assert up.reason == "2 -> 3, the default: CPU cannot be read"
    held = look(spec, 5, InFlight=1)
    assert (short(held), held.wanted) == (("unreadable", 5), 4)
    assert held.reason == "5 -> 4 is not done: CPU cannot be read"
    assert short(look(spec, 5, InFlight=20)) == ("steady", 5)
    assert short(look(setting(out(), out(**CPU)), 2, InFlight=20)) == ("scaled", 3)


def test_no_requests_are_no_slow_requests() -> None:
    latency: dict[str, Any] = {"metric": "RequestLatency_P95", "divide_per_instance": False}
    spec = setting(out(**latency, threshold=200), back(**latency, threshold=100))
    idle = dict.fromkeys(spec.triggers, Reading(idle=True))
    decision = decide(spec, now=NOW, current=3, readings=idle)
    assert (short(decision), decision.reason) == (("scaled", 2), "3 -> 2: no requests for 60 s")


def test_a_profile_without_rules_is_a_fixed_count() -> None:
    assert short(look(setting(low=3, high=3), 5)) == ("scaled", 3)
    assert short(look(setting(low=3, high=3), 3)) == ("steady", 3)


@pytest.mark.parametrize(
    ("rate", "seconds", "concurrency", "expected"), [(100, 0.1, 1, 15), (7, 0.1, 1, 1), (7.1, 0.1, 1, 2), (0, 1, 1, 1)]
)
def test_sizing(rate: float, seconds: float, concurrency: int, expected: int) -> None:
    needed = instances_needed(requests_per_second=rate, seconds_per_request=seconds, concurrency=concurrency)
    assert needed == expected


# What always holds

thresholds = st.floats(0.5, 100)
kinds = st.sampled_from(list(ChangeType))
values = st.integers(1, 60)
cooldowns = st.integers(0, 600).map(lambda seconds: timedelta(seconds=seconds))
metrics = st.sampled_from(["InFlight", "CpuUtilizationPercentage", "RequestsPerMinute"])
rules = st.lists(
    st.builds(
        lambda make, **given: make(given.pop("value"), **given),
        st.sampled_from([out, back]),
        value=values,
        type=kinds,
        threshold=thresholds,
        cooldown=cooldowns,
        metric=metrics,
    ),
    max_size=6,
)
bounds = st.lists(st.integers(1, 50), min_size=3, max_size=3).map(sorted)
amounts = st.one_of(st.none(), st.floats(0, 1e6))


@given(rules, bounds, st.integers(1, 60), st.dictionaries(metrics, amounts), st.integers(-60, 60))
def test_never_outside_the_bounds_and_never_against_what_it_says(
    made: list[Rule], limits: list[int], current: int, seen: dict[str, float | None], cooldown: int
) -> None:
    low, default, high = limits
    decision = look(setting(*made, low=low, high=high, default=default), current, cooldown=cooldown, **seen)
    inside = low <= current <= high
    assert low <= decision.target <= high or (not inside and decision.target == current)
    assert (decision.target != current) == (decision.outcome == ScaleOutcome.SCALED)
    assert (decision.outcome == ScaleOutcome.STEADY) == (decision.wanted == current)
    assert inside or decision.outcome == ScaleOutcome.SCALED
    if cooldown > 0 and decision.cooldown is not None:
        raise AssertionError("a rule was followed within a cooldown")


@given(rules, bounds, st.floats(0, 1000), st.floats(0, 1000), st.integers(1, 50))
def test_under_a_load_that_stays_it_never_goes_out_after_it_went_in(
    made: list[Rule], limits: list[int], in_flight: float, work: float, start: int
) -> None:
    """The load does not change; what each instance has of it does."""
    low, default, high = limits
    spec = setting(*made, low=low, high=high, default=default)
    count = min(max(start, low), high)
    went_in = False
    for _ in range(200):
        seen = {"InFlight": in_flight, "RequestsPerMinute": work, "CpuUtilizationPercentage": work / count}
        decision = look(spec, count, **seen)
        assert not (went_in and decision.target > count), decision.reason
        went_in = went_in or decision.target < count
        count = decision.target
    assert (
        look(spec, count, InFlight=in_flight, RequestsPerMinute=work, CpuUtilizationPercentage=work / count).target
        == count
    )
