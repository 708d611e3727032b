"""Conditions, as Kubernetes has them: what holds of a replica or a deployment, since when, and why."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from endpoints.domain.planning import ReplicaView, Situation
from endpoints.enums import ProvisioningState, ReplicaState

TRUE, FALSE, UNKNOWN = "True", "False", "Unknown"
MESSAGE_LENGTH = 500
Stored = dict[str, str]  # type, status, reason, message, lastTransitionTime


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    type: str
    status: str
    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Of a deployment, beside its replicas."""

    state: ProvisioningState
    asleep: bool = False
    failure_code: str = ""
    failure_message: str = ""
    note: str = ""  # where the running operation stands


def stamped(conditions: Iterable[Condition], before: Iterable[Mapping[str, str]], *, at: str) -> list[Stored]:
    """With the time since when each has had its status: `at` (ISO 8601), unless it had it before."""
    known = {each["type"]: each for each in before}
    return [
        {
            "type": each.type,
            "status": each.status,
            "reason": each.reason,
            "message": each.message[:MESSAGE_LENGTH],
            "lastTransitionTime": _since(each, known.get(each.type), at),
        }
        for each in conditions
    ]


def _since(condition: Condition, before: Mapping[str, str] | None, at: str) -> str:
    return before["lastTransitionTime"] if before and before["status"] == condition.status else at


def gone(reason: str) -> list[Condition]:
    """Of a replica that nobody sees any more."""
    return [Condition(type=name, status=FALSE, reason=reason) for name in ("Ready", "Live")]


def conditions_of(s: Situation, standing: Standing) -> list[Condition]:
    """Of a deployment: Available, Ready and Live of what serves, Progressing and Degraded of the whole."""
    serving = [r for r in s.replicas if r.generation == s.serving_generation and r.ordinal < s.serving_count]
    return [
        _available(s, standing),
        _ready(s, serving, standing),
        _live(s, serving, standing),
        _progressing(standing),
        _degraded(s, serving, standing),
    ]


def _available(s: Situation, standing: Standing) -> Condition:
    answering = sum(_answers(replica) for replica in s.replicas)
    if standing.asleep:
        message = "It is scaled to zero; the next request starts its replicas."
        return Condition(type="Available", status=TRUE, reason="ScaledToZero", message=message)
    if answering:
        message = f"{_counted(answering)} in rotation."
        return Condition(type="Available", status=TRUE, reason="ReplicasInRotation", message=message)
    reason = "NeverServed" if s.serving_generation is None else "NoReplicaReady"
    return Condition(type="Available", status=FALSE, reason=reason, message="No replica gets requests.")


def _ready(s: Situation, serving: list[ReplicaView], standing: Standing) -> Condition:
    missing = _not_ready(s, serving)
    if standing.asleep or s.serving_generation is None:
        return Condition(type="Ready", status=FALSE, reason="ScaledToZero" if standing.asleep else "NeverServed")
    if not missing:
        message = f"{_counted(s.serving_count)} of generation {s.serving_generation}."
        return Condition(type="Ready", status=TRUE, reason="AllReplicasReady", message=message)
    return Condition(type="Ready", status=FALSE, reason="ReplicasNotReady", message=missing)


def _live(s: Situation, serving: list[ReplicaView], standing: Standing) -> Condition:
    if standing.asleep or s.serving_generation is None:
        return Condition(type="Live", status=FALSE, reason="ScaledToZero" if standing.asleep else "NeverServed")
    dead = [replica for replica in serving if replica.state in (ReplicaState.BACKING_OFF, ReplicaState.STOPPED)]
    if dead:
        return Condition(type="Live", status=FALSE, reason="ReplicasNotAlive", message=_told(dead))
    return Condition(type="Live", status=TRUE, reason="AllReplicasAlive")


def _progressing(standing: Standing) -> Condition:
    if standing.state in (ProvisioningState.FAILED, ProvisioningState.CANCELED):
        reason = standing.failure_code or str(standing.state)
        return Condition(type="Progressing", status=FALSE, reason=reason, message=standing.failure_message)
    if standing.state == ProvisioningState.SUCCEEDED:
        return Condition(type="Progressing", status=FALSE, reason="Complete")
    return Condition(type="Progressing", status=TRUE, reason=str(standing.state), message=standing.note)


def _degraded(s: Situation, serving: list[ReplicaView], standing: Standing) -> Condition:
    missing = "" if standing.asleep or s.serving_generation is None else _not_ready(s, serving)
    if missing:
        return Condition(type="Degraded", status=TRUE, reason="ReplicasNotReady", message=missing)
    if standing.state in (ProvisioningState.FAILED, ProvisioningState.CANCELED):
        behind = s.serving_generation is not None and s.serving_generation != s.generation
        message = f"Generation {s.serving_generation} serves; {s.generation} is specified." if behind else ""
        return Condition(type="Degraded", status=TRUE, reason=f"Rollout{standing.state}", message=message)
    return Condition(type="Degraded", status=FALSE, reason="AsSpecified")


def _not_ready(s: Situation, serving: list[ReplicaView]) -> str:
    """Which of those that should serve do not; those that another generation stands in for are no loss."""
    answering = sum(_answers(replica) for replica in s.replicas)
    if answering >= s.serving_count:
        return ""
    told = _told([replica for replica in serving if not _answers(replica)])
    return f"{answering} of {s.serving_count} replicas answer. {told}".strip()


def _answers(replica: ReplicaView) -> bool:
    return replica.routed and replica.state == ReplicaState.READY


def _told(replicas: Iterable[ReplicaView]) -> str:
    return " ".join(f"Replica {r.ordinal}: {r.message or r.reason or r.state}." for r in replicas).replace("..", ".")


def _counted(replicas: int) -> str:
    return f"{replicas} replica{'' if replicas == 1 else 's'}"
