"""The truth, every few seconds: whatever a lost hint, a crash or a kill left undone is found here."""

from collections import defaultdict

from django.utils import timezone

from endpoints import hints, wiring
from endpoints.domain.planning import Plan, plan
from endpoints.domain.replicas import ReplicaObservation
from endpoints.enums import OperationState, ProvisioningState
from endpoints.models import Deployment, Endpoint, EnvironmentBuild, GatewayState, Operation, Replica
from endpoints.reconcile import builds, replicas
from endpoints.reconcile.deployments import bury_endpoint
from endpoints.reconcile.gateway import reconcile_gateway
from endpoints.reconcile.leases import lease
from endpoints.reconcile.situations import situation


def sweep() -> None:
    with lease("sweep", seconds=60) as held:
        if not held:
            return
        reconcile_gateway()
        builds.sync_running()
        seen = wiring.compute().observe()
        rows = list(Replica.objects.select_related("deployment__endpoint"))
        replicas.sync(rows, seen)
        for deployment_id in _unsettled(rows, seen):
            hints.deployment_changed(deployment_id)
        _stop_strangers(rows, seen)
        for endpoint in Endpoint.objects.present().filter(state=ProvisioningState.DELETING):
            bury_endpoint(endpoint, now=timezone.now())


def _unsettled(rows: list[Replica], seen: list[ReplicaObservation]) -> list[str]:
    """Deployments about which there is something to do."""
    rows_of, seen_of = defaultdict(list), defaultdict(list)
    for row in rows:
        rows_of[str(row.deployment_id)].append(row)
    for observation in seen:
        seen_of[observation.deployment_id].append(observation)
    running = {item.deployment_id: item for item in Operation.objects.filter(state=OperationState.RUNNING)}
    found = EnvironmentBuild.objects.in_bulk()
    state, _ = GatewayState.objects.get_or_create(id=1)
    unsettled = []
    for deployment in Deployment.objects.present().select_related("model", "code"):
        key = str(deployment.pk)
        operation = running.get(deployment.pk)
        decided = plan(
            situation(
                deployment,
                rows=rows_of[key],
                seen=seen_of[key],
                operation=operation,
                build=found.get(deployment.environment_hash),
                confirmed_revision=state.confirmed_revision,
                healthy=0,
            )
        )
        if operation is not None or decided != Plan():
            unsettled.append(key)
    return unsettled


def _stop_strangers(rows: list[Replica], seen: list[ReplicaObservation]) -> None:
    """A replica without a row belongs to nothing that we know of; it was left by a crash or a restored database."""
    known = {row.pk for row in rows}
    for observation in seen:
        if observation.id not in known and not Replica.objects.filter(pk=observation.id).exists():
            wiring.compute().stop(observation.id)
