from dataclasses import replace
from typing import Any

import pytest

from endpoints.domain.conditions import Condition, Standing, conditions_of, gone, stamped
from endpoints.domain.planning import ReplicaView, Situation
from endpoints.enums import ProvisioningState, ReplicaState

READY = ReplicaView(
    id="r", generation=1, ordinal=0, present=True, state=ReplicaState.READY, routed=True, route_confirmed=True
)
SICK = replace(READY, ordinal=1, state=ReplicaState.UNREADY, reason="ReadinessProbeFailed", message="Not ready.")
DEAD = replace(READY, ordinal=1, state=ReplicaState.BACKING_OFF, reason="LivenessProbeFailed", message="")
REST = Situation(
    generation=1, serving_generation=1, instance_count=2, serving_count=2, replicas=(READY, replace(READY, ordinal=1))
)
GOOD = Standing(state=ProvisioningState.SUCCEEDED)


def seen(situation: Situation, standing: Standing) -> dict[str, tuple[str, str]]:
    return {each.type: (each.status, each.reason) for each in conditions_of(situation, standing)}


def told(situation: Situation, standing: Standing, kind: str) -> str:
    return next(each.message for each in conditions_of(situation, standing) if each.type == kind)


def test_at_rest() -> None:
    assert seen(REST, GOOD) == {
        "Available": ("True", "ReplicasInRotation"),
        "Ready": ("True", "AllReplicasReady"),
        "Live": ("True", "AllReplicasAlive"),
        "Progressing": ("False", "Complete"),
        "Degraded": ("False", "AsSpecified"),
    }
    assert told(REST, GOOD, "Ready") == "2 replicas of generation 1."


@pytest.mark.parametrize(
    ("other", "live", "why"),
    [
        (SICK, ("True", "AllReplicasAlive"), "1 of 2 replicas answer. Replica 1: Not ready."),
        (DEAD, ("False", "ReplicasNotAlive"), "1 of 2 replicas answer. Replica 1: LivenessProbeFailed."),
    ],
)
def test_one_that_does_not_answer(other: ReplicaView, live: tuple[str, str], why: str) -> None:
    situation = replace(REST, replicas=(READY, other))
    found = seen(situation, GOOD)
    assert (found["Available"][0], found["Ready"][0], found["Live"], found["Degraded"][0]) == (
        "True",
        "False",
        live,
        "True",
    )
    assert told(situation, GOOD, "Degraded") == why


def test_none_that_answers() -> None:
    found = seen(replace(REST, replicas=()), GOOD)
    assert (found["Available"], found["Ready"][0], found["Degraded"][0]) == (
        ("False", "NoReplicaReady"),
        "False",
        "True",
    )


def test_new_ones_that_stand_in_are_no_loss() -> None:
    newer = replace(READY, generation=2, ordinal=0)
    situation = replace(REST, generation=2, replicas=(READY, newer))
    found = seen(situation, replace(GOOD, state=ProvisioningState.UPDATING, note="Probe. 1 of 2 replicas ready"))
    assert (found["Ready"][0], found["Degraded"][0], found["Progressing"]) == ("True", "False", ("True", "Updating"))


@pytest.mark.parametrize("state", [ProvisioningState.FAILED, ProvisioningState.CANCELED])
def test_an_update_that_did_not_come_about(state: ProvisioningState) -> None:
    standing = Standing(state=state, failure_code="ImageBuildFailure", failure_message="No such package.")
    found = seen(replace(REST, generation=2), standing)
    assert found["Progressing"] == ("False", "ImageBuildFailure")
    assert found["Degraded"] == ("True", f"Rollout{state}")
    assert told(replace(REST, generation=2), standing, "Degraded") == "Generation 1 serves; 2 is specified."


def test_asleep_and_never_served() -> None:
    asleep = seen(replace(REST, serving_count=0, replicas=()), replace(GOOD, asleep=True))
    assert (asleep["Available"], asleep["Degraded"][0]) == (("True", "ScaledToZero"), "False")
    new: dict[str, Any] = seen(
        replace(REST, serving_generation=None, serving_count=0, replicas=()), Standing(state=ProvisioningState.CREATING)
    )
    assert (new["Available"], new["Ready"], new["Progressing"][0]) == (
        ("False", "NeverServed"),
        ("False", "NeverServed"),
        "True",
    )


def test_a_time_changes_with_its_status_alone() -> None:
    one = Condition(type="Ready", status="True", reason="Ready")
    first = stamped([one], [], at="T1")
    assert stamped([replace(one, reason="Other", message="x" * 900)], first, at="T2")[0]["lastTransitionTime"] == "T1"
    assert stamped([replace(one, status="False")], first, at="T2")[0]["lastTransitionTime"] == "T2"
    assert [each["status"] for each in stamped(gone("Stopped"), first, at="T3")] == ["False", "False"]
