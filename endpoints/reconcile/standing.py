"""A deployment's conditions, written where they changed."""

from collections.abc import Iterable
from datetime import datetime

from endpoints.domain.conditions import Standing, conditions_of, stamped
from endpoints.domain.planning import Situation
from endpoints.enums import PhaseState, ProvisioningState
from endpoints.models import Deployment, Operation


def note_conditions(
    deployment: Deployment, situation: Situation, operation: Operation | None, *, now: datetime
) -> None:
    found = conditions_of(situation, _standing(deployment, operation))
    conditions = stamped(found, deployment.conditions, at=now.isoformat())
    if conditions != deployment.conditions:
        Deployment.objects.filter(pk=deployment.pk, conditions=deployment.conditions).update(conditions=conditions)
        deployment.conditions = conditions


def _standing(deployment: Deployment, operation: Operation | None) -> Standing:
    return Standing(
        state=ProvisioningState(deployment.state),
        asleep=deployment.at_zero,
        failure_code=deployment.failure_code,
        failure_message=deployment.failure_message,
        note=_running_note(operation.phases) if operation else "",
    )


def _running_note(phases: Iterable[dict[str, str]]) -> str:
    running = [phase for phase in phases if phase["state"] == PhaseState.RUNNING]
    return f"{running[-1]['name'].capitalize()}. {running[-1]['message']}".strip() if running else ""
