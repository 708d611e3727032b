"""What is taken for a failure."""

from dataclasses import replace

import pytest

from endpoints.domain.planning import Failure, ReplicaView, Situation, plan
from endpoints.enums import BuildState, FailureCode, Phase
from tests.domain.planned_world import READY

STARTED = ReplicaView(id="r", generation=1, ordinal=0, present=True, started=True, route_confirmed=True)


@pytest.mark.parametrize(
    ("seen", "failure"),
    [
        (
            {"message": "UserScriptInitFailed: ZeroDivisionError: division by zero"},
            Failure(
                code=FailureCode.USER_SCRIPT_INIT_FAILED,
                message="UserScriptInitFailed: ZeroDivisionError: division by zero",
            ),
        ),
        (
            {"message": "UserScriptImportError: No module named 'torch'"},
            Failure(
                code=FailureCode.USER_SCRIPT_IMPORT_ERROR,
                message="UserScriptImportError: No module named 'torch'",
            ),
        ),
        (
            {"reason": "ReadinessProbeFailed", "message": "Not ready after 310 s."},
            Failure(code=FailureCode.RESOURCE_NOT_READY, message="Not ready after 310 s."),
        ),
        (
            {"reason": "LivenessProbeFailed"},
            Failure(code=FailureCode.RESOURCE_NOT_READY, message="It never became ready."),
        ),
        ({"restarts": 1, "reason": "BackOff"}, None),
        (
            {"restarts": 2, "message": "Killed"},
            Failure(code=FailureCode.RESOURCE_NOT_READY, message="Killed"),
        ),
        ({"restarts": 2, "was_ready": True}, None),
        (
            {"restarts": 3, "was_ready": True},
            Failure(code=FailureCode.RESOURCE_NOT_READY, message="It keeps ending."),
        ),
        ({"restarts": 9, "was_ready": True, "routed": True, "state": READY}, None),
        (
            {"restarts": 3, "was_ready": True, "routed": True, "message": "Killed"},
            Failure(code=FailureCode.RESOURCE_NOT_READY, message="Killed"),
        ),
        ({"was_ready": True, "message": "UserScriptInitFailed: once"}, None),
    ],
)
def test_what_is_a_failure(seen: dict[str, object], failure: Failure | None) -> None:
    replica = replace(STARTED, **seen)  # type: ignore[arg-type]
    found = plan(
        Situation(generation=1, serving_generation=None, instance_count=1, replicas=(replica,), provisioning=True)
    )
    assert found.failure == failure


@pytest.mark.parametrize(
    ("trouble", "phase", "failure"),
    [
        (
            {"artifact_problem": "The files of the model m:1 are not in the store."},
            Phase.ARTIFACTS,
            Failure(code=FailureCode.BAD_ARGUMENT, message="The files of the model m:1 are not in the store."),
        ),
        (
            {"build": BuildState.FAILED, "build_error": "No solution found: nosuch==1"},
            Phase.ENVIRONMENT,
            Failure(code=FailureCode.IMAGE_BUILD_FAILURE, message="No solution found: nosuch==1"),
        ),
    ],
)
def test_failures_before_anything_starts(trouble: dict[str, object], phase: Phase, failure: Failure) -> None:
    blank = Situation(generation=1, serving_generation=None, instance_count=1, replicas=(), provisioning=True)
    decided = plan(replace(blank, **trouble))  # type: ignore[arg-type]
    assert (decided.phase, decided.failure, decided.start) == (phase, failure, ())
