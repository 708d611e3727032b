"""Usage: which seconds of which replica are billed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from endpoints.domain.pricing import Slice, Terms, extended
from endpoints.enums import ReplicaState, UsagePhase
from endpoints.models import Replica, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """The newest slice of a replica, and whether it held resources when it was looked at last."""

    last: Slice
    held: bool


def bill(replicas: Iterable[Replica], known: Mapping[str, Billed], *, now: datetime) -> dict[str, Billed]:
    """Writes the slices of replicas that hold resources, with one query; what to know of them next time."""
    billed = {replica: Billed(last=before.last, held=False) for replica, before in known.items()}
    rows: list[Usage] = []
    for replica in replicas:
        if replica.started_at is None or replica.instance_type is None:
            continue
        before = known.get(replica.pk)
        slices = extended(
            before.last if before else None,
            held=before.held if before else False,
            terms=terms_of(replica),
            started_at=replica.started_at,
            now=now,
        )
        rows += [_usage(replica, each) for each in slices]
        if last := slices[-1] if slices else before.last if before else None:
            billed[replica.pk] = Billed(last=last, held=True)
    Usage.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["replica_id", "started_at"], update_fields=["ended_at"]
    )
    return billed


def terms_of(replica: Replica) -> Terms:
    assert replica.instance_type is not None
    return Terms(
        instance_type=replica.instance_type.name,
        phase=phase_of(replica),
        price_per_hour=Decimal(replica.instance_type.price_per_hour),
    )


def phase_of(replica: Replica) -> UsagePhase:
    if replica.stopping_at is not None or replica.state == ReplicaState.DRAINING:
        return UsagePhase.DRAINING
    if replica.state in (ReplicaState.READY, ReplicaState.UNREADY):
        return UsagePhase.RUNNING
    return UsagePhase.STARTING


def _usage(replica: Replica, billed: Slice) -> Usage:
    return Usage(
        deployment_id=replica.deployment_id,
        replica_id=replica.pk,
        instance_type=billed.terms.instance_type,
        phase=billed.terms.phase,
        price_per_hour=billed.terms.price_per_hour,
        started_at=billed.started_at,
        ended_at=billed.ended_at,
    )
