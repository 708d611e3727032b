"""Operations that nobody works on any more: IT has them taken up again, or ends them."""

from datetime import datetime

from django.db import transaction

from endpoints import hints
from endpoints.domain import lifecycle
from endpoints.domain.actor import Actor
from endpoints.domain.errors import Conflict
from endpoints.domain.lifecycle import Move
from endpoints.enums import FailureCode, OperationKind, OperationState, PhaseState, RevisionOutcome
from endpoints.models import Deployment, Lease, Operation
from endpoints.permissions import require_staff
from endpoints.selectors.site import stuck_operations
from endpoints.services import events
from endpoints.services.generations import conclude_generation

MESSAGE = "Ended by IT: nobody had worked on it for a while."


def retry_stuck(*, actor: Actor, operation: Operation, now: datetime) -> Operation:
    """Whoever held it lost it, and the next worker that is free goes on where it stands."""
    require_staff(actor.user)
    with transaction.atomic():
        locked = _locked(operation, now)
        _take_away(locked)
        events.record(actor=actor, verb="operation.retried", deployment=locked.deployment, reason=_silence(locked, now))
        hints.deployment_changed(locked.deployment_id)
    return locked


def fail_stuck(*, actor: Actor, operation: Operation, now: datetime, reason: str = "") -> Operation:
    """It has failed, and so has its deployment's change: what serves goes on serving, and can be changed again."""
    require_staff(actor.user)
    message = f"{MESSAGE} {reason.strip()}".strip()[:1000]
    with transaction.atomic():
        locked = _locked(operation, now)
        if locked.kind == OperationKind.DELETE:
            raise Conflict("A deletion does not fail: what is left of it would run unseen. Have it taken up again.")
        _take_away(locked)
        _end_phases(locked, now)
        locked.state, locked.finished_at = OperationState.FAILED, now
        locked.failure_code, locked.failure_message = FailureCode.INTERNAL_SERVER_ERROR, message
        locked.save()
        _fail_deployment(actor, locked, message)
        hints.deployment_changed(locked.deployment_id)
    return locked


def _fail_deployment(actor: Actor, operation: Operation, message: str) -> None:
    deployment = operation.deployment
    before = deployment.state
    deployment.state = lifecycle.after(before, Move.FAIL, subject=deployment.name)
    deployment.failure_code, deployment.failure_message = FailureCode.INTERNAL_SERVER_ERROR, message
    deployment.save(update_fields=["state", "failure_code", "failure_message", "updated_at"])
    conclude_generation(
        deployment, RevisionOutcome.FAILED, failure_code=deployment.failure_code, failure_message=message
    )
    events.record(
        actor=actor,
        verb="operation.failed_by_it",
        deployment=deployment,
        before={"state": before, "operation": OperationState.RUNNING.value},
        after={"state": deployment.state, "operation": OperationState.FAILED.value},
        reason=message,
    )


def _end_phases(operation: Operation, now: datetime) -> None:
    for phase in operation.phases:
        if phase["state"] == PhaseState.RUNNING.value:
            phase.update(state=PhaseState.FAILED.value, finished_at=now.isoformat(), message=MESSAGE)


def _take_away(operation: Operation) -> None:
    """A worker that hangs and comes back finds its lease gone, and writes nothing."""
    Lease.objects.filter(name=f"deployment:{operation.deployment_id}").update(
        token="", chain="", expires_at=operation.created_at
    )


def _locked(operation: Operation, now: datetime) -> Operation:
    """With its deployment, in the order that everybody keeps; Conflict where somebody works on it after all."""
    deployment = Deployment.objects.select_for_update(no_key=True, of=("self",)).select_related("endpoint__workspace")
    locked_deployment = deployment.get(pk=operation.deployment_id)
    locked = Operation.objects.select_for_update(no_key=True).get(pk=operation.pk)
    if not stuck_operations(now=now).filter(pk=locked.pk).exists():
        raise Conflict("This operation is not stuck: it is over, or somebody is working on it.")
    locked.deployment = locked_deployment
    return locked


def _silence(operation: Operation, now: datetime) -> str:
    since = operation.heartbeat_at or operation.created_at
    return f"Nobody had worked on it for {int((now - since).total_seconds() // 60)} minutes."
