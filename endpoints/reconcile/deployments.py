"""One deployment, one step: load, decide, act, write."""

import uuid
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from endpoints import hints, wiring
from endpoints.compute.port import ComputeError
from endpoints.domain import lifecycle
from endpoints.domain.actor import SYSTEM
from endpoints.domain.lifecycle import Move
from endpoints.domain.planning import Failure, Plan, plan
from endpoints.domain.replicas import ReplicaObservation
from endpoints.enums import FailureCode, OperationState, ProvisioningState
from endpoints.models import Deployment, Endpoint, EnvironmentBuild, GatewayState, Lease, Operation, Replica
from endpoints.reconcile import builds, phases, replicas
from endpoints.reconcile.leases import lease
from endpoints.reconcile.replica_specs import replica_id, replica_spec, socket_of
from endpoints.reconcile.situations import situation
from endpoints.services import events
from endpoints.services.routes import next_revision


def reconcile_deployment(*, deployment_id: str, chain: str = "") -> None:
    """Take one step, and ask to be called again while there is more to do.

    `chain` is the mark of such a follow-up call. Only the latest counts, so that however many hints come in,
    one chain of calls goes on.
    """
    name = f"deployment:{deployment_id}"
    if chain and not Lease.objects.filter(name=name, chain=chain).exists():
        return
    with lease(name) as held:
        if not held:
            return
        again = _step(deployment_id)
        follow_up = str(uuid.uuid4()) if again is not None else ""
        Lease.objects.filter(name=name).update(chain=follow_up)
    if again is not None:
        hints.deployment_changed(deployment_id, delay=again, chain=follow_up)


def _step(deployment_id: str) -> float | None:
    deployment = (
        Deployment.objects.present()
        .select_related("endpoint__workspace", "model", "code", "environment", "instance_type")
        .filter(pk=deployment_id)
        .first()
    )
    if deployment is None:
        return None
    operation = deployment.operations.filter(state=OperationState.RUNNING).first()
    decided = _decide(deployment, operation)
    try:
        _act(deployment, decided)
    except (ComputeError, LookupError, OSError) as error:
        decided = Plan(
            phase=decided.phase,
            failure=Failure(code=FailureCode.INTERNAL_SERVER_ERROR, message=str(error)) if operation else None,
            again=1,
        )
    with transaction.atomic():
        _write(deployment, operation, decided, now=timezone.now())
    return decided.again


def _decide(deployment: Deployment, operation: Operation | None) -> Plan:
    rows = list(deployment.replicas.select_related("deployment__endpoint"))
    seen = _seen(deployment)
    replicas.sync(rows, seen)
    build = EnvironmentBuild.objects.filter(pk=deployment.environment_hash).first()
    if build is not None and operation is not None:
        builds.sync(build)
    confirmed = GatewayState.objects.filter(pk=1).values_list("confirmed_revision", flat=True).first() or 0
    return plan(
        situation(
            deployment,
            rows=rows,
            seen=seen,
            operation=operation,
            build=build,
            confirmed_revision=confirmed,
            healthy=_healthy(deployment) if operation else 0,
        )
    )


def _seen(deployment: Deployment) -> list[ReplicaObservation]:
    return [found for found in wiring.compute().observe() if found.deployment_id == str(deployment.pk)]


def _healthy(deployment: Deployment) -> int:
    return (wiring.gateway().observe().healthy or {}).get(deployment.cluster, 0)


def _act(deployment: Deployment, decided: Plan) -> None:
    """Idempotent: a step that is taken twice does what it does once."""
    if decided.build:
        builds.start(deployment.environment_hash)
    _start(deployment, decided.start)
    if decided.stop:
        replicas.mark_stopping(decided.stop)
    for name in decided.stop:
        wiring.compute().stop(name)
    if decided.done and deployment.state == ProvisioningState.DELETING:
        wiring.compute().purge(str(deployment.pk))


def _start(deployment: Deployment, ordinals: tuple[int, ...]) -> None:
    specs = [replica_spec(deployment, ordinal) for ordinal in ordinals]
    replicas.start_rows(
        Replica(
            pk=replica_id(deployment, ordinal),
            deployment=deployment,
            generation=deployment.generation,
            ordinal=ordinal,
            socket=socket_of(replica_id(deployment, ordinal)),
        )
        for ordinal in ordinals
    )
    for spec in specs:
        wiring.compute().start(spec)


def _write(deployment: Deployment, operation: Operation | None, decided: Plan, *, now: datetime) -> None:
    _write_routes(decided)
    Replica.objects.filter(pk__in=decided.forget).delete()
    if operation is not None:
        phases.advance(operation, decided, now=now)
    if decided.failure:
        _end(deployment, operation, Move.FAIL, OperationState.FAILED, failure=decided.failure, now=now)
    elif decided.canceled:
        _end(deployment, operation, Move.CANCEL, OperationState.CANCELED, now=now)
    elif decided.done and deployment.state == ProvisioningState.DELETING:
        _bury(deployment, operation, now=now)
    elif decided.done:
        _end(deployment, operation, Move.SUCCEED, OperationState.SUCCEEDED, now=now)


def _write_routes(decided: Plan) -> None:
    for ids, routed in ((decided.route, True), (decided.unroute, False)):
        if ids:
            revision = next_revision()
            Replica.objects.filter(pk__in=ids).update(routed=routed, route_revision=revision)


def _end(
    deployment: Deployment,
    operation: Operation | None,
    move: Move,
    outcome: OperationState,
    *,
    now: datetime,
    failure: Failure | None = None,
) -> None:
    """The end of an operation, unless somebody changed the deployment meanwhile: then that change goes on."""
    if operation is None:
        return
    fields = {
        "state": lifecycle.after(deployment.state, move),
        "failure_code": failure.code if failure else "",
        "failure_message": failure.message[:4000] if failure else "",
        "updated_at": now,
    }
    if move == Move.SUCCEED:
        fields["serving_generation"] = deployment.generation
    guarded = Deployment.objects.filter(pk=deployment.pk, state=deployment.state, generation=deployment.generation)
    if not guarded.update(**fields):
        return
    phases.finish(operation, outcome, failure=failure, now=now)
    events.record(
        actor=SYSTEM,
        verb=f"deployment.{operation.kind}_{outcome.lower()}",
        deployment=deployment,
        before={"state": deployment.state},
        after={"state": fields["state"], **({"code": failure.code} if failure else {})},
        reason=failure.message[:1000] if failure else "",
    )


def _bury(deployment: Deployment, operation: Operation | None, *, now: datetime) -> None:
    if not Deployment.objects.present().filter(pk=deployment.pk).update(deleted_at=now, updated_at=now):
        return
    if operation is not None:
        phases.finish(operation, OperationState.SUCCEEDED, now=now)
    next_revision()
    events.record(actor=SYSTEM, verb="deployment.deleted", deployment=deployment)
    bury_endpoint(deployment.endpoint, now=now)


def bury_endpoint(endpoint: Endpoint, *, now: datetime) -> None:
    """An endpoint that is being deleted is gone with its last deployment."""
    if endpoint.deployments.present().exists():
        return
    guarded = Endpoint.objects.present().filter(pk=endpoint.pk, state=ProvisioningState.DELETING)
    if guarded.update(deleted_at=now, updated_at=now):
        events.record(actor=SYSTEM, verb="endpoint.deleted", endpoint=endpoint)
