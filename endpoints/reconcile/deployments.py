"""One deployment, one step: load, decide, act, write."""

import uuid
from collections.abc import Iterable
from dataclasses import replace

from django.db import transaction
from django.utils import timezone

from endpoints import hints, wiring
from endpoints.compute.port import ComputeError
from endpoints.domain.planning import Plan, Start, plan
from endpoints.enums import OperationState, ProvisioningState
from endpoints.models import Deployment, EnvironmentBuild, GatewayState, Lease, Operation, Replica
from endpoints.reconcile import builds, outcomes, phases, replicas
from endpoints.reconcile.endpoints import bury_endpoints, give_all_traffic
from endpoints.reconcile.leases import Held, lease
from endpoints.reconcile.replica_specs import (
    addresses_of,
    remove_scratch,
    replica_id,
    replica_spec,
    socket_of,
    verdict_socket_of,
)
from endpoints.reconcile.situations import situation
from endpoints.reconcile.standing import note_conditions
from endpoints.selectors.revisions import as_of, as_serving, revision_of
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
        if held is None:
            return
        again = _step(deployment_id, held)
        follow_up = str(uuid.uuid4()) if again is not None else ""
        held.give_back(chain=follow_up)
    if again is not None:
        hints.deployment_changed(deployment_id, delay=again, chain=follow_up)


def _step(deployment_id: str, held: Held) -> float | None:
    deployment = (
        Deployment.objects.present()
        .select_related("endpoint__workspace", "model", "code", "environment", "instance_type")
        .filter(pk=deployment_id)
        .first()
    )
    if deployment is None:
        return None
    operation = deployment.operations.filter(state=OperationState.RUNNING).first()
    trouble: Exception | None = None
    try:
        decided = _decide(deployment, operation)
        _act(deployment, decided)
    except (ComputeError, LookupError, OSError) as error:
        trouble = error
        decided = outcomes.troubled(deployment, operation, error, now=timezone.now())
    with transaction.atomic():
        if held.keep():
            _write(deployment, operation, decided, trouble)
    if decided.done and deployment.state == ProvisioningState.DELETING:
        bury_endpoints()
    elif decided.done:
        give_all_traffic()
    return decided.again


def _decide(deployment: Deployment, operation: Operation | None) -> Plan:
    rows = list(deployment.replicas.select_related("deployment__endpoint"))
    seen = [found for found in wiring.compute().observe() if found.deployment_id == str(deployment.pk)]
    replicas.sync(rows, seen)
    past = as_serving([deployment]).get(deployment.pk)
    hashes = {each.environment_hash for each in (deployment, past) if each is not None}
    builds_of = EnvironmentBuild.objects.in_bulk(hashes)
    build = builds_of.get(deployment.environment_hash)
    if build is not None and operation is not None:
        builds.sync(build)
    now = situation(
        deployment,
        rows=rows,
        seen=seen,
        operation=operation,
        builds=builds_of,
        past=past,
        gateway=GatewayState.objects.filter(pk=1).first() or GatewayState(),
        now=timezone.now(),
    )
    note_conditions(deployment, now, operation, now=timezone.now())
    decided = plan(now)
    return plan(replace(now, healthy=_healthy(deployment))) if decided.ask_gateway else decided


def _healthy(deployment: Deployment) -> int:
    return (wiring.gateway().observe().healthy or {}).get(deployment.cluster, 0)


def _act(deployment: Deployment, decided: Plan) -> None:
    """Idempotent: a step that is taken twice does what it does once."""
    if decided.build:
        builds.start(deployment.environment_hash)
    _start(deployment, decided.start)
    replicas.mark_stopping(decided.stop)
    for name in decided.stop:
        wiring.compute().stop(name)
    for name in decided.forget:
        remove_scratch(name)
    if decided.done and deployment.state == ProvisioningState.DELETING:
        wiring.compute().purge(str(deployment.pk))


def _start(deployment: Deployment, starts: Iterable[Start]) -> None:
    """Each as its own generation was specified."""
    wanted = [(_as_of(deployment, generation), ordinal) for generation, ordinal in starts]
    rows = [_row(specified, ordinal) for specified, ordinal in wanted]
    replicas.start_rows(rows)
    specs = []
    for (specified, ordinal), row in zip(wanted, rows, strict=True):
        addresses = addresses_of(specified, row)
        replicas.locate(row, addresses.scoring, verdict_socket_of(row.pk))
        specs.append(replica_spec(specified, ordinal, addresses))
    for spec in specs:
        wiring.compute().start(spec)


def _as_of(deployment: Deployment, generation: int) -> Deployment:
    if generation == deployment.generation:
        return deployment
    return as_of(deployment, revision_of(deployment, generation))


def _row(specified: Deployment, ordinal: int) -> Replica:
    name = replica_id(specified, ordinal)
    return Replica(
        pk=name,
        deployment_id=specified.pk,
        generation=specified.generation,
        ordinal=ordinal,
        instance_type=specified.instance_type,
        socket=socket_of(name),
    )


def _write(deployment: Deployment, operation: Operation | None, decided: Plan, trouble: Exception | None) -> None:
    """Locks in the order that everybody keeps: deployment, operation, and the gateway's revision last."""
    now = timezone.now()
    Deployment.objects.select_for_update(no_key=True).get(pk=deployment.pk)
    Replica.objects.filter(pk__in=decided.forget).delete()
    if operation is not None:
        phases.note_trouble(operation, trouble, now=now)
        phases.note_progress(operation, decided, now=now)
        phases.advance(operation, decided, now=now)
        outcomes.conclude(deployment, operation, decided, now=now)
    elif decided.done and deployment.state == ProvisioningState.DELETING:
        outcomes.bury(deployment, None, now=now)
    for ids, routed in ((decided.route, True), (decided.unroute, False)):
        if ids:
            Replica.objects.filter(pk__in=ids).update(routed=routed, route_revision=next_revision())
