"""Operations: started by other services, cancelled here."""

from django.db import transaction
from django.utils import timezone

from endpoints import hints
from endpoints.domain.actor import Actor
from endpoints.domain.errors import Conflict
from endpoints.enums import FailureCode, OperationKind, OperationState, Phase, PhaseState
from endpoints.models import Deployment, Operation
from endpoints.permissions import Action, require
from endpoints.services import events

PROVISIONING = (Phase.ARTIFACTS, Phase.ENVIRONMENT, Phase.START, Phase.PROBE, Phase.ROUTE)
DELETION = (Phase.UNROUTE, Phase.DRAIN)


def start_operation(*, actor: Actor, deployment: Deployment, kind: OperationKind) -> Operation:
    """A running operation on the deployment; the one that ran before, if any, is superseded. Call inside atomic(),
    with the deployment locked."""
    for operation in deployment.operations.select_for_update(no_key=True).filter(state=OperationState.RUNNING):
        _supersede(operation, kind)
    names = DELETION if kind == OperationKind.DELETE else PROVISIONING
    blank = {"state": PhaseState.PENDING.value, "started_at": None, "finished_at": None, "message": ""}
    operation = Operation.objects.create(
        endpoint=deployment.endpoint,
        deployment=deployment,
        kind=kind,
        generation=deployment.generation,
        phases=[{"name": name.value, **blank} for name in names],
        created_by=actor.user,
        source=actor.source,
        request_id=actor.request_id,
    )
    hints.deployment_changed(deployment.pk)
    return operation


def _supersede(operation: Operation, kind: OperationKind) -> None:
    now = timezone.now()
    for phase in operation.phases:
        if phase["state"] in (PhaseState.RUNNING, PhaseState.PENDING):
            phase.update(state=PhaseState.CANCELED.value, finished_at=phase["started_at"] and now.isoformat())
    operation.state = OperationState.CANCELED
    operation.finished_at = now
    operation.failure_code = FailureCode.OPERATION_CANCELED
    operation.failure_message = f"Superseded: {kind.label.lower()} was asked for."
    operation.save()


def cancel_operation(*, actor: Actor, operation: Operation) -> Operation:
    """Asks a running create, update or scale to stop; what it started is taken down again."""
    require(actor.user, Action.WRITE, operation.endpoint)
    if operation.kind == OperationKind.DELETE:
        raise Conflict("A deletion cannot be cancelled.")
    with transaction.atomic():
        changed = Operation.objects.filter(
            pk=operation.pk, state=OperationState.RUNNING, cancel_requested_at__isnull=True
        ).update(cancel_requested_at=timezone.now())
        if changed:
            events.record(actor=actor, verb="operation.cancel_requested", deployment=operation.deployment)
            hints.deployment_changed(operation.deployment_id)
    operation.refresh_from_db()
    if not changed and operation.state != OperationState.RUNNING:
        raise Conflict(f"This operation is over: {operation.state}.")
    return operation
