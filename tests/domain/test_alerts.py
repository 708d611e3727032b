"""When an alert rule fires, and when it is over."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endpoints.domain.alerts import NO_DATA_AFTER, SIGNALS, AlertSpec, Standing, checked, condition, look, seen, told
from endpoints.domain.errors import Invalid
from endpoints.domain.scaling_rules import MISSING, Operator, Reading
from endpoints.enums import AlertScope, AlertState

T0 = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
SECOND = timedelta(seconds=1)
OVER_5 = AlertSpec(signal="ErrorPercentage", operator=Operator.GREATER_THAN, threshold=5, recovery=3)
PATIENT = AlertSpec(
    signal="ErrorPercentage",
    operator=Operator.GREATER_THAN,
    threshold=5,
    fire_after=60 * SECOND,
    resolve_after=120 * SECOND,
)
IDLE = Reading(idle=True)


def of(value: float) -> Reading:
    return Reading(value=value)


def played(spec: AlertSpec, readings: list[tuple[int, Reading]]) -> list[tuple[int, AlertState]]:
    """(second, reading) in; (second, state) of every change out."""
    standing, changes = Standing(since=T0), []
    for second, reading in readings:
        now = T0 + second * SECOND
        after = look(spec, standing, reading, now=now)
        if after.state != standing.state:
            assert after.since == now
            changes.append((second, after.state))
        standing = after
    return changes


def test_it_fires_at_once_and_recovers_past_its_recovery_threshold() -> None:
    values = [(0, of(4)), (10, of(6)), (20, of(4)), (30, of(5.5)), (40, of(3)), (50, of(4))]
    assert played(OVER_5, values) == [(10, AlertState.FIRING), (40, AlertState.OK)]


def test_one_bad_look_wakes_nobody() -> None:
    assert played(PATIENT, [(0, of(9)), (30, of(9)), (50, of(1)), (60, of(9)), (110, of(9))]) == []
    steady = [(second, of(9)) for second in range(0, 90, 10)]
    assert played(PATIENT, steady) == [(60, AlertState.FIRING)]


def test_it_resolves_only_after_a_while() -> None:
    values = [(0, of(9)), (60, of(9)), (70, of(1)), (180, of(1)), (185, of(9)), (190, of(1)), (310, of(1))]
    assert played(PATIENT, values) == [(60, AlertState.FIRING), (310, AlertState.OK)]


def test_no_data_is_a_state_of_its_own_and_takes_a_while() -> None:
    late = int(NO_DATA_AFTER.total_seconds())
    values = [(0, of(9)), (10, MISSING), (late + 9, MISSING), (late + 10, MISSING), (late + 20, of(1))]
    assert played(OVER_5, values) == [
        (0, AlertState.FIRING),
        (late + 10, AlertState.NO_DATA),
        (late + 20, AlertState.OK),
    ]


def test_nothing_to_measure_is_no_reason_to_fire_and_ends_a_fire() -> None:
    assert played(OVER_5, [(0, IDLE), (10, of(9)), (20, IDLE)]) == [(10, AlertState.FIRING), (20, AlertState.OK)]


def test_a_clock_that_jumps_back_makes_nobody_wait_longer() -> None:
    start = Standing(since=T0, pending=AlertState.FIRING, pending_since=T0 + 3600 * SECOND)
    after = look(PATIENT, start, of(9), now=T0)
    assert after.pending_since == T0


@pytest.mark.parametrize(
    ("operator", "value", "fires"),
    [
        (Operator.GREATER_THAN, 5, False),
        (Operator.GREATER_THAN_OR_EQUAL, 5, True),
        (Operator.LESS_THAN, 5, False),
        (Operator.LESS_THAN_OR_EQUAL, 5, True),
        (Operator.EQUALS, 5, True),
        (Operator.NOT_EQUALS, 5, False),
        (Operator.NOT_EQUALS, 6, True),
    ],
)
def test_at_the_threshold(operator: Operator, value: float, fires: bool) -> None:
    spec = AlertSpec(signal="InFlight", operator=operator, threshold=5)
    assert (seen(spec, AlertState.OK, of(value)) == AlertState.FIRING) == fires


@given(st.lists(st.one_of(st.floats(0, 10), st.none()), max_size=60))
def test_it_never_changes_more_often_than_what_it_reads(values: list[float | None]) -> None:
    readings = [(number * 10, of(value) if value is not None else MISSING) for number, value in enumerate(values)]
    changes = played(OVER_5, readings)
    assert all(one[1] != other[1] for one, other in pairwise(changes))
    assert len(changes) <= len(values)


@pytest.mark.parametrize(
    ("spec", "scope", "wrong"),
    [
        (AlertSpec(signal="Luck", operator=Operator.EQUALS, threshold=1), AlertScope.ENDPOINT, "signal"),
        (
            AlertSpec(signal="CpuUtilizationPercentage", operator=Operator.EQUALS, threshold=1),
            AlertScope.ENDPOINT,
            "signal",
        ),
        (
            AlertSpec(signal="InFlight", operator=Operator.EQUALS, threshold=float("nan")),
            AlertScope.ENDPOINT,
            "threshold",
        ),
        (
            AlertSpec(signal="InFlight", operator=Operator.EQUALS, threshold=float("inf")),
            AlertScope.ENDPOINT,
            "threshold",
        ),
        (
            AlertSpec(signal="InFlight", operator=Operator.GREATER_THAN, threshold=1, recovery=2),
            AlertScope.ENDPOINT,
            "recovery",
        ),
        (
            AlertSpec(signal="InFlight", operator=Operator.LESS_THAN, threshold=2, recovery=1),
            AlertScope.ENDPOINT,
            "recovery",
        ),
        (
            AlertSpec(signal="InFlight", operator=Operator.EQUALS, threshold=2, recovery=2),
            AlertScope.ENDPOINT,
            "recovery",
        ),
        (
            AlertSpec(signal="InFlight", operator=Operator.EQUALS, threshold=2, window=7 * SECOND),
            AlertScope.ENDPOINT,
            "window_seconds",
        ),
        (
            AlertSpec(signal="InFlight", operator=Operator.EQUALS, threshold=2, fire_after=-SECOND),
            AlertScope.ENDPOINT,
            "fire_after_seconds",
        ),
    ],
)
def test_what_is_no_rule_is_told_at_its_field(spec: AlertSpec, scope: AlertScope, wrong: str) -> None:
    with pytest.raises(Invalid) as caught:
        checked(spec, scope)
    assert set(caught.value.fields) == {wrong}


def test_every_signal_can_be_watched_and_told() -> None:
    for name, signal in SIGNALS.items():
        for scope in signal.scopes:
            spec = checked(AlertSpec(signal=name, operator=Operator.GREATER_THAN, threshold=1.5), scope)
            assert signal.words in condition(spec)
            assert told(name, 1234.5).startswith("1,234.5")
    assert told("RequestLatency_P95", None) == "no data"


def test_a_rule_in_words() -> None:
    assert condition(PATIENT) == "errors over 5 %, over 5 minutes, for 1 min"
