"""How an operation ends, and what stays of it."""

import logging
from datetime import datetime
from typing import Any

from endpoints.domain import lifecycle
from endpoints.domain.actor import SYSTEM
from endpoints.domain.lifecycle import Move
from endpoints.domain.planning import Failure, Plan
from endpoints.enums import FailureCode, OperationKind, OperationState, ProvisioningState, RevisionOutcome
from endpoints.models import Deployment, Operation
from endpoints.reconcile import phases
from endpoints.services import events
from endpoints.services.generations import conclude_generation
from endpoints.services.routes import next_revision

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 60  # with what may pass by itself: a supervisor that restarts, a disk that is full
LIMITS = ("request_timeout_ms", "max_concurrent_requests_per_instance", "max_request_bytes")


def limits_of(deployment: Deployment) -> dict[str, int]:
    """What the gateway holds the specified generation to."""
    return {name: getattr(deployment, name) for name in LIMITS}


def troubled(deployment: Deployment, operation: Operation | None, error: Exception, *, now: datetime) -> Plan:
    """A step that could not be taken is tried again; an operation fails of it in the end, a deletion never does."""
    logger.warning("Deployment %s/%s: %s", deployment.endpoint, deployment, error)
    if operation is None:
        return Plan(again=5)
    since = operation.troubled_at or now
    if operation.kind == OperationKind.DELETE or (now - since).total_seconds() < PATIENCE_SECONDS:
        return Plan(again=1)
    return Plan(failure=Failure(code=FailureCode.INTERNAL_SERVER_ERROR, message=str(error)), again=0)


def conclude(deployment: Deployment, operation: Operation, decided: Plan, *, now: datetime) -> None:
    """Call inside atomic(), with the deployment locked."""
    if decided.failure:
        _end(deployment, operation, Move.FAIL, OperationState.FAILED, failure=decided.failure, now=now)
    elif decided.canceled:
        _end(deployment, operation, Move.CANCEL, OperationState.CANCELED, now=now)
    elif decided.done and deployment.state == ProvisioningState.DELETING:
        bury(deployment, operation, now=now)
    elif decided.done:
        _end(deployment, operation, Move.SUCCEED, OperationState.SUCCEEDED, now=now)


def _end(
    deployment: Deployment,
    operation: Operation,
    move: Move,
    outcome: OperationState,
    *,
    now: datetime,
    failure: Failure | None = None,
) -> None:
    """The end of an operation, unless somebody changed the deployment meanwhile: then that change goes on."""
    fields: dict[str, Any] = {
        "state": lifecycle.after(deployment.state, move),
        "failure_code": failure.code if failure else "",
        "failure_message": failure.message[:4000] if failure else "",
        "updated_at": now,
        **(_served(deployment) if move == Move.SUCCEED else {}),
    }
    guarded = Deployment.objects.filter(pk=deployment.pk, state=deployment.state, generation=deployment.generation)
    if not guarded.update(**fields):
        return
    phases.finish(operation, outcome, failure=failure, now=now)
    conclude_generation(
        deployment,
        RevisionOutcome(outcome.value),
        failure_code=fields["failure_code"],
        failure_message=fields["failure_message"],
    )
    events.record(
        actor=SYSTEM,
        verb=f"deployment.{operation.kind}_{outcome.lower()}",
        deployment=deployment,
        before={"state": deployment.state},
        after={"state": fields["state"], **({"code": failure.code} if failure else {})},
        reason=failure.message[:1000] if failure else "",
    )
    if fields.get("serving_limits", deployment.serving_limits) != deployment.serving_limits:
        next_revision()


def _served(deployment: Deployment) -> dict[str, Any]:
    return {
        "serving_generation": deployment.generation,
        "serving_count": deployment.instance_count,
        "serving_limits": limits_of(deployment),
    }


def bury(deployment: Deployment, operation: Operation | None, *, now: datetime) -> None:
    """It stays as a tombstone, for its usage and its history."""
    if not Deployment.objects.present().filter(pk=deployment.pk).update(deleted_at=now, updated_at=now):
        return
    if operation is not None:
        phases.finish(operation, OperationState.SUCCEEDED, now=now)
    events.record(actor=SYSTEM, verb="deployment.deleted", deployment=deployment)
