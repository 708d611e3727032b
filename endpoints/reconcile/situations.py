"""Loads what `domain.planning` decides on."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from endpoints import wiring
from endpoints.domain.planning import ReplicaView, Situation
from endpoints.domain.replicas import ReplicaObservation
from endpoints.domain.rollouts import default_deadline, surge_of
from endpoints.enums import BuildState, OperationKind, ProvisioningState, ReplicaState
from endpoints.models import Deployment, EnvironmentBuild, GatewayState, Operation, Replica
from endpoints.reconcile.phases import stalled_seconds


def situation(
    deployment: Deployment,
    *,
    rows: Iterable[Replica],
    seen: Iterable[ReplicaObservation],
    operation: Operation | None,
    builds: Mapping[str, EnvironmentBuild],
    past: Deployment | None,
    gateway: GatewayState,
    now: datetime,
) -> Situation:
    """All but `healthy`, which is asked of the gateway where it counts. `past` is the deployment as it serves, where
    that is another generation than is specified and its specification is kept."""
    build = builds.get(deployment.environment_hash)
    held = {observation.id: observation for observation in seen}
    return Situation(
        generation=deployment.generation,
        serving_generation=deployment.serving_generation,
        serving_count=0 if deployment.at_zero else deployment.serving_count,
        instance_count=deployment.instance_count,
        replicas=tuple(_view(row, held.get(row.pk), gateway.confirmed_revision) for row in rows),
        provisioning=operation is not None and operation.kind != OperationKind.DELETE,
        deleting=deployment.state == ProvisioningState.DELETING,
        cancel_requested=operation is not None and operation.cancel_requested_at is not None,
        max_surge=surge_of(deployment.max_surge, max(deployment.instance_count, deployment.serving_count)),
        artifact_problem=_artifact_problem(deployment),
        serving_startable=_startable(_serving(deployment, past), builds),
        stalled_seconds=stalled_seconds(operation, now=now),
        progress_deadline=deadline_of(deployment),
        build=_build_state(deployment, build),
        build_error=(build.error or "The build failed; its log says why.") if build else "It was never built.",
        gateway_refusal=gateway.refusal,
    )


def deadline_of(deployment: Deployment) -> float:
    """Seconds that its rollout may go without progress."""
    given = deployment.progress_deadline_seconds
    probes = (deployment.liveness_probe, deployment.readiness_probe)
    return float(given or default_deadline(*probes, pulls=bool(deployment.image)))


def _serving(deployment: Deployment, past: Deployment | None) -> Deployment | None:
    return deployment if deployment.serving_generation == deployment.generation else past


def _startable(serving: Deployment | None, builds: Mapping[str, EnvironmentBuild]) -> bool:
    if serving is None or _artifact_problem(serving):
        return False
    return _build_state(serving, builds.get(serving.environment_hash)) == BuildState.SUCCEEDED


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
