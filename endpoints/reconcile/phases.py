"""Where an operation stands, for the people who watch it."""

from datetime import datetime
from typing import Any

from endpoints.domain.planning import Failure, Plan
from endpoints.enums import OperationState, PhaseState
from endpoints.models import Operation

_OVER = {
    OperationState.SUCCEEDED: PhaseState.SUCCEEDED,
    OperationState.FAILED: PhaseState.FAILED,
    OperationState.CANCELED: PhaseState.CANCELED,
}


AWAY_SECONDS = 30  # nobody looked for so long: what stood still meanwhile says nothing


def stalled_seconds(operation: Operation | None, *, now: datetime) -> float:
    """Since its replicas came any further, as far as somebody looked."""
    if operation is None or operation.progressed_at is None or _was_away(operation, now):
        return 0.0
    return (now - operation.progressed_at).total_seconds()


def note_progress(operation: Operation, decided: Plan, *, now: datetime) -> None:
    """Call before `advance`, which writes that somebody looked."""
    further = decided.progress > operation.progress
    if further or (operation.progressed_at is not None and _was_away(operation, now)):
        best = max(decided.progress, operation.progress)
        _guarded(operation).update(progress=best, progressed_at=now)


def _was_away(operation: Operation, now: datetime) -> bool:
    return operation.heartbeat_at is not None and (now - operation.heartbeat_at).total_seconds() > AWAY_SECONDS


def advance(operation: Operation, decided: Plan, *, now: datetime) -> None:
    """The phases before the present one are done, the present one runs. Written when something changed."""
    if decided.phase is None:
        return
    at = now.isoformat()
    names = [phase["name"] for phase in operation.phases]
    present = names.index(decided.phase.value)
    before = [dict(phase) for phase in operation.phases]
    for phase in operation.phases[:present]:
        _close(phase, PhaseState.SUCCEEDED, at)
    current = operation.phases[present]
    current["started_at"] = current["started_at"] or at
    current.update(state=PhaseState.RUNNING.value, finished_at=None, message=decided.note)
    for later in operation.phases[present + 1 :]:
        later.update(state=PhaseState.PENDING.value, started_at=None, finished_at=None, message="")
    stale = operation.heartbeat_at is None or (now - operation.heartbeat_at).total_seconds() > 5
    if before != operation.phases or stale:
        _guarded(operation).update(phases=operation.phases, heartbeat_at=now)


def note_trouble(operation: Operation, trouble: Exception | None, *, now: datetime) -> None:
    """Since when a step could not be taken, and why, where people see it; nothing of it once a step succeeds."""
    if trouble is None:
        if operation.troubled_at is not None:
            _guarded(operation).update(troubled_at=None)
        return
    running = [phase for phase in operation.phases if phase["state"] == PhaseState.RUNNING.value]
    current = (running or operation.phases)[0]
    current["started_at"] = current["started_at"] or now.isoformat()
    current.update(state=PhaseState.RUNNING.value, message=f"{str(trouble)[:500]} Trying again.")
    since = operation.troubled_at or now
    _guarded(operation).update(phases=operation.phases, troubled_at=since, heartbeat_at=now)


def finish(operation: Operation, outcome: OperationState, *, now: datetime, failure: Failure | None = None) -> None:
    for phase in operation.phases:
        if phase["state"] == PhaseState.RUNNING.value:
            _close(phase, _OVER[outcome], now.isoformat())
            phase["message"] = failure.message.splitlines()[0][:500] if failure and failure.message else ""
        elif phase["state"] == PhaseState.PENDING.value and outcome == OperationState.SUCCEEDED:
            phase["state"] = PhaseState.SKIPPED.value
    _guarded(operation).update(
        state=outcome,
        phases=operation.phases,
        finished_at=now,
        failure_code=failure.code if failure else "",
        failure_message=failure.message[:4000] if failure else "",
    )


def _close(phase: dict[str, Any], state: PhaseState, at: str) -> None:
    phase["started_at"] = phase["started_at"] or at
    phase["finished_at"] = phase["finished_at"] or at
    phase["state"] = state.value


def _guarded(operation: Operation) -> Any:
    return Operation.objects.filter(pk=operation.pk, state=OperationState.RUNNING)
