"""Loads what `domain.planning` decides on."""

from collections.abc import Iterable

from endpoints import wiring
from endpoints.domain.planning import ReplicaView, Situation
from endpoints.domain.replicas import ReplicaObservation
from endpoints.enums import BuildState, OperationKind, ProvisioningState, ReplicaState, SleepState
from endpoints.models import Deployment, EnvironmentBuild, GatewayState, Operation, Replica


def situation(
    deployment: Deployment,
    *,
    rows: Iterable[Replica],
    seen: Iterable[ReplicaObservation],
    operation: Operation | None,
    build: EnvironmentBuild | None,
    gateway: GatewayState,
) -> Situation:
    """All but `healthy`, which is asked of the gateway where it counts."""
    held = {observation.id: observation for observation in seen}
    return Situation(
        generation=deployment.generation,
        serving_generation=deployment.serving_generation,
        serving_count=0 if deployment.sleep == SleepState.ASLEEP else deployment.serving_count,
        instance_count=deployment.instance_count,
        replicas=tuple(_view(row, held.get(row.pk), gateway.confirmed_revision) for row in rows),
        provisioning=operation is not None and operation.kind != OperationKind.DELETE,
        deleting=deployment.state == ProvisioningState.DELETING,
        cancel_requested=operation is not None and operation.cancel_requested_at is not None,
        artifact_problem=_artifact_problem(deployment),
        build=_build_state(deployment, build),
        build_error=(build.error or "The build failed; its log says why.") if build else "It was never built.",
        gateway_refusal=gateway.refusal,
    )


def _build_state(deployment: Deployment, build: EnvironmentBuild | None) -> BuildState:
    """Where nothing must be built, it is."""
    if not deployment.environment_hash:
        return BuildState.SUCCEEDED
    return BuildState(build.state) if build else BuildState.FAILED


def _view(row: Replica, seen: ReplicaObservation | None, confirmed_revision: int) -> ReplicaView:
    return ReplicaView(
        id=row.pk,
        generation=row.generation,
        ordinal=row.ordinal,
        present=seen is not None,
        state=seen.state if seen else ReplicaState.STOPPED,
        started=seen is not None and seen.started_at is not None,
        was_ready=row.ready_at is not None,
        restarts=row.restarts,
        reason=row.reason,
        message=row.message,
        routed=row.routed,
        route_confirmed=row.route_revision <= confirmed_revision,
        stopping=row.stopping_at is not None,
    )


def _artifact_problem(deployment: Deployment) -> str:
    wanted = {"model": deployment.model, "code": deployment.code}
    for kind, asset in wanted.items():
        if asset is None:
            continue
        try:
            wiring.store().path(asset.artifact_id)
        except KeyError:
            return f"The files of the {kind} {asset} are not in the store. Register it again."
    return ""
