"""What the compute adapter sees, written to our rows; what changed, to the history."""

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.utils import timezone

from endpoints.domain.actor import SYSTEM
from endpoints.domain.conditions import Stored, gone, stamped
from endpoints.domain.replicas import ReplicaObservation
from endpoints.enums import ReplicaState
from endpoints.models import Replica
from endpoints.services import events
from endpoints.services.routes import next_revision

_SEEN = (
    "state",
    "pid",
    "restarts",
    "exit_code",
    "reason",
    "message",
    "started_at",
    "ready_at",
    "changed_at",
    "conditions",
)
_BLANK: dict[str, Any] = {
    "state": ReplicaState.STARTING,
    "pid": None,
    "restarts": 0,
    "exit_code": None,
    "reason": "",
    "message": "",
    "started_at": None,
    "ready_at": None,
    "changed_at": None,
    "stopping_at": None,
    "conditions": [],
}


def sync(rows: Iterable[Replica], seen: Iterable[ReplicaObservation]) -> None:
    """Bring the rows up to what was seen. The rows must have been read before the replicas were observed."""
    observations = {observation.id: observation for observation in seen}
    for row in rows:
        changes = _changes(row, observations.get(row.pk))
        if changes:
            _note(row, changes)
        for name, value in changes.items():
            setattr(row, name, value)


def _changes(row: Replica, seen: ReplicaObservation | None) -> dict[str, Any]:
    if seen is not None:
        facts = {name: getattr(seen, name) for name in _SEEN} | {"conditions": [dict(c) for c in seen.conditions]}
    elif row.started_at is None and row.stopping_at is None:
        return {}  # asked for, and not seen yet
    else:
        facts = {"state": ReplicaState.STOPPED, "pid": None, "conditions": _gone(row)}
    return {name: value for name, value in facts.items() if getattr(row, name) != value}


def _gone(row: Replica) -> list[Stored]:
    return stamped(gone("Stopped"), row.conditions, at=timezone.now().isoformat())


def _note(row: Replica, changes: dict[str, Any]) -> None:
    """Unless somebody else has noted something meanwhile: then this is old."""
    known = {name: getattr(row, name) for name in ("state", "restarts", "started_at", "changed_at")}
    with transaction.atomic():
        if not Replica.objects.filter(pk=row.pk, **known).update(**changes):
            return
        verb = _verb(row, changes)
        if verb:
            _tell(row, verb, changes)


def _verb(row: Replica, changes: dict[str, Any]) -> str:
    state = changes.get("state")
    if changes.get("restarts", 0) > row.restarts:
        return "replica.ended"
    if state == ReplicaState.READY:
        return "replica.ready"
    if state == ReplicaState.UNREADY and row.state == ReplicaState.READY:
        return "replica.unready"
    if state == ReplicaState.STOPPED and row.stopping_at is None:
        return "replica.lost"
    return ""


def _tell(row: Replica, verb: str, changes: dict[str, Any]) -> None:
    now = {name: changes.get(name, getattr(row, name)) for name in ("restarts", "exit_code", "reason")}
    events.record(
        actor=SYSTEM,
        verb=verb,
        deployment=row.deployment,
        subject=f"{row.deployment.endpoint.name}/{row.deployment.name}/{row.ordinal}",
        before={"state": row.state},
        after={"state": changes.get("state", row.state), **now},
        reason=str(changes.get("message", ""))[:500],
    )


def start_rows(rows: Iterable[Replica]) -> None:
    """Rows before processes: whatever runs is known. One that stopped or got lost begins anew."""
    rows = list(rows)
    Replica.objects.bulk_create(rows, ignore_conflicts=True)
    Replica.objects.filter(pk__in=[row.pk for row in rows]).update(**_BLANK)


def locate(row: Replica, scoring: str, verdict: str) -> None:
    """Where it will listen, and where its keeper answers for it. One that is routed already, because it only got lost,
    is found by the gateway there."""
    places = {"socket": scoring, "readiness_socket": verdict}
    with transaction.atomic():
        stored = Replica.objects.select_for_update(no_key=True).get(pk=row.pk)
        if all(getattr(stored, name) == value for name, value in places.items()):
            return
        revision = {"route_revision": next_revision()} if stored.routed else {}
        Replica.objects.filter(pk=row.pk).update(**places, **revision)


def mark_stopping(ids: Iterable[str]) -> None:
    Replica.objects.filter(pk__in=list(ids), stopping_at=None).update(stopping_at=timezone.now())
