"""The truth, every few seconds: whatever a lost hint, a crash or a kill left undone is found here."""

import logging
from collections import defaultdict

from django.utils import timezone

from endpoints import hints, wiring
from endpoints.compute.port import ComputeError
from endpoints.domain.planning import Plan, plan
from endpoints.domain.replicas import ReplicaObservation
from endpoints.enums import OperationState
from endpoints.models import Deployment, EnvironmentBuild, GatewayState, Operation, Replica
from endpoints.reconcile import builds, replicas
from endpoints.reconcile.endpoints import give_all_traffic
from endpoints.reconcile.gateway import reconcile_gateway
from endpoints.reconcile.leases import lease
from endpoints.reconcile.situations import situation
from endpoints.reconcile.standing import note_conditions
from endpoints.selectors.revisions import as_serving

logger = logging.getLogger(__name__)


def sweep() -> None:
    with lease("sweep", seconds=60) as held:
        if held is None:
            return
        for part in (give_all_traffic, reconcile_gateway, builds.take_up, builds.sync_running, _look_at_replicas):
            try:
                part()
            except (ComputeError, OSError) as error:  # one part that cannot be reached leaves the others their turn
                logger.warning("Sweep: %s", error)


def _look_at_replicas() -> None:
    rows = list(Replica.objects.select_related("deployment__endpoint"))
    seen = wiring.compute().observe()
    replicas.sync(rows, seen)
    for deployment_id in _unsettled(rows, seen):
        hints.deployment_changed(deployment_id)
    _stop_strangers(rows, seen)


def _unsettled(rows: list[Replica], seen: list[ReplicaObservation]) -> list[str]:
    """Deployments about which there is something to do."""
    rows_of, seen_of, now = defaultdict(list), defaultdict(list), timezone.now()
    for row in rows:
        rows_of[str(row.deployment_id)].append(row)
    for observation in seen:
        seen_of[observation.deployment_id].append(observation)
    running = {item.deployment_id: item for item in Operation.objects.filter(state=OperationState.RUNNING)}
    found = EnvironmentBuild.objects.in_bulk()
    state, _ = GatewayState.objects.get_or_create(id=1)
    unsettled = []
    deployments = list(Deployment.objects.present().select_related("model", "code"))
    past = as_serving(deployments)
    for deployment in deployments:
        key = str(deployment.pk)
        operation = running.get(deployment.pk)
        as_seen = situation(
            deployment,
            rows=rows_of[key],
            seen=seen_of[key],
            operation=operation,
            builds=found,
            past=past.get(deployment.pk),
            gateway=state,
            now=now,
        )
        note_conditions(deployment, as_seen, operation, now=now)
        decided = plan(as_seen)
        if operation is not None or decided != Plan():
            unsettled.append(key)
    return unsettled


def _stop_strangers(rows: list[Replica], seen: list[ReplicaObservation]) -> None:
    """A replica without a row belongs to nothing that we know of; it was left by a crash or a restored database."""
    known = {row.pk for row in rows}
    for observation in seen:
        if observation.id not in known and not Replica.objects.filter(pk=observation.id).exists():
            wiring.compute().stop(observation.id)
