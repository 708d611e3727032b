"""What the compute adapter sees, written to our rows; what changed, to the history."""

from collections.abc import Iterable

from django.utils import timezone

from endpoints.domain.actor import SYSTEM
from endpoints.domain.replicas import ReplicaObservation
from endpoints.enums import ReplicaState
from endpoints.models import Replica
from endpoints.services import events

_SEEN = ("state", "pid", "restarts", "exit_code", "reason", "message", "started_at", "ready_at", "changed_at")


def sync(rows: Iterable[Replica], seen: Iterable[ReplicaObservation]) -> None:
    """Bring the rows up to what was seen. A row that the adapter does not hold keeps what was last known."""
    observations = {observation.id: observation for observation in seen}
    changed = []
    for row in rows:
        observation = observations.get(row.pk)
        if observation is not None and _differs(row, observation):
            _tell(row, observation)
            for name in _SEEN:
                setattr(row, name, getattr(observation, name))
            changed.append(row)
    Replica.objects.bulk_update(changed, _SEEN)


def _differs(row: Replica, seen: ReplicaObservation) -> bool:
    return any(getattr(row, name) != getattr(seen, name) for name in _SEEN)


def _tell(row: Replica, seen: ReplicaObservation) -> None:
    verb = _verb(row, seen)
    if verb:
        subject = f"{row.deployment.endpoint.name}/{row.deployment.name}/{row.ordinal}"
        after = {"restarts": seen.restarts, "exit_code": seen.exit_code, "reason": seen.reason}
        events.record(
            actor=SYSTEM,
            verb=verb,
            deployment=row.deployment,
            subject=subject,
            after=after,
            reason=seen.message[:500],
        )


def _verb(row: Replica, seen: ReplicaObservation) -> str:
    if seen.restarts > row.restarts:
        return "replica.ended"
    if seen.state == ReplicaState.READY and row.state != ReplicaState.READY:
        return "replica.ready"
    if seen.state == ReplicaState.UNREADY and row.state == ReplicaState.READY:
        return "replica.unready"
    return ""


def start_rows(rows: Iterable[Replica]) -> None:
    """Rows before processes: whatever runs is known."""
    Replica.objects.bulk_create(rows, ignore_conflicts=True)


def mark_stopping(ids: Iterable[str]) -> None:
    Replica.objects.filter(pk__in=list(ids)).update(stopping_at=timezone.now())
