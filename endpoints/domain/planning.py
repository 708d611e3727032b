"""What to do next about a deployment: a pure function of what is wanted and what was seen.

New replicas come in, the gateway confirms them, only then the old ones go. The same function provisions, updates,
scales, heals and deletes; it is called again and again until nothing is left to do.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from endpoints.domain.failures import failure_of
from endpoints.enums import BuildState, FailureCode, Phase, ReplicaState

READY = ReplicaState.READY
SOON = 0.15  # seconds until the next look while something moves


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaView:
    """A replica as wanted (our row) and as seen (the adapter's word)."""

    id: str
    generation: int
    ordinal: int
    present: bool  # the adapter holds it
    state: ReplicaState = ReplicaState.STARTING
    started: bool = False
    was_ready: bool = False
    restarts: int = 0
    reason: str = ""
    message: str = ""
    routed: bool = False
    route_confirmed: bool = False  # the gateway has confirmed the value of `routed`
    stopping: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What is specified is `instance_count` replicas of `generation`. What serves, until that is reached, is
    `serving_count` replicas of `serving_generation`; None when nothing ever did."""

    generation: int
    serving_generation: int | None
    instance_count: int
    serving_count: int = 0
    replicas: tuple[ReplicaView, ...]
    provisioning: bool = False  # a create, update or scale operation is running
    deleting: bool = False
    cancel_requested: bool = False
    artifact_problem: str = ""
    build: BuildState = BuildState.SUCCEEDED
    build_error: str = ""
    healthy: int = 0  # upstreams in rotation at the gateway
    gateway_refusal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    code: FailureCode
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do now. `phase` is where a running operation stands; `done`, `failure`, `canceled` end it."""

    phase: Phase | None = None
    note: str = ""
    build: bool = False
    start: tuple[int, ...] = ()  # ordinals of `generation`
    route: tuple[str, ...] = ()
    unroute: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()
    forget: tuple[str, ...] = ()  # rows of replicas that are gone
    done: bool = False
    failure: Failure | None = None
    canceled: bool = False
    again: float | None = None  # look again after so many seconds


def plan(situation: Situation) -> Plan:
    if situation.deleting:
        return _delete(situation)
    if situation.provisioning and situation.cancel_requested:
        return Plan(canceled=True, again=0)
    if situation.provisioning:
        return _provision(situation)
    return _steady(situation)


def _delete(s: Situation) -> Plan:
    removal = _remove(s.replicas)
    if len(removal.forget) < len(s.replicas):
        held = any(_holds_route(replica) for replica in s.replicas)
        phase, note = (Phase.UNROUTE, _waiting(s)) if held else (Phase.DRAIN, "")
        return replace(removal, phase=phase, note=note, again=SOON)
    return replace(removal, phase=Phase.DRAIN, done=True)


def _provision(s: Situation) -> Plan:
    """Towards what is specified. What serves stays as it is; what belongs to neither goes."""
    wanted = _wanted(s)
    step = _towards(s, wanted)
    removal = _remove_others(s, (*wanted, *_serving(s)))
    return replace(step, unroute=removal.unroute, stop=removal.stop, forget=removal.forget)


def _towards(s: Situation, wanted: list[ReplicaView]) -> Plan:
    if s.artifact_problem:
        return _failed(Phase.ARTIFACTS, FailureCode.BAD_ARGUMENT, s.artifact_problem)
    if s.build == BuildState.FAILED:
        return _failed(Phase.ENVIRONMENT, FailureCode.IMAGE_BUILD_FAILURE, s.build_error)
    if s.build != BuildState.SUCCEEDED:
        return Plan(phase=Phase.ENVIRONMENT, build=s.build == BuildState.PENDING, again=0.25)
    return _bring_up(s, wanted)


def _bring_up(s: Situation, wanted: list[ReplicaView]) -> Plan:
    broken = next((failure for replica in wanted if (failure := _failure(replica))), None)
    if broken:
        return Plan(phase=Phase.PROBE, failure=broken, again=0)
    if len(wanted) < s.instance_count or not all(replica.present and replica.started for replica in wanted):
        return Plan(phase=Phase.START, start=_missing(s, wanted, s.instance_count), again=0.05)
    waiting = [replica for replica in wanted if replica.state != READY]
    if waiting:
        note = f"{len(wanted) - len(waiting)} of {len(wanted)} replicas ready"
        return Plan(phase=Phase.PROBE, note=note, again=SOON)
    return _bring_in(s, wanted)


def _bring_in(s: Situation, wanted: list[ReplicaView]) -> Plan:
    """Into the routes. The gateway's count is of the whole deployment, so the old generation counts too."""
    unrouted = tuple(replica.id for replica in wanted if not replica.routed)
    if unrouted:
        return Plan(phase=Phase.ROUTE, route=unrouted, again=0.05)
    expected = sum(replica.routed and replica.state == READY for replica in s.replicas)
    if not all(replica.route_confirmed for replica in wanted) or s.healthy < expected:
        return Plan(phase=Phase.ROUTE, note=_waiting(s), again=0.05)
    return Plan(phase=Phase.ROUTE, done=True, again=0)


def _steady(s: Situation) -> Plan:
    """Heal what serves; take down what does not belong to it."""
    keep = _serving(s)
    removal = _remove_others(s, keep)
    # A generation that is not the specified one any more cannot be started anew: only its replicas know it.
    startable = s.serving_generation == s.generation and s.build == BuildState.SUCCEEDED and not s.artifact_problem
    start = _missing(s, keep, s.serving_count) if startable else ()
    route = tuple(replica.id for replica in keep if replica.state == READY and not replica.routed)
    leaving = [replica for replica in _others(s, keep) if _lingers(replica)]
    return replace(removal, start=start, route=route, again=0.25 if start or route or leaving else None)


def _wanted(s: Situation) -> list[ReplicaView]:
    return _of(s, s.generation, s.instance_count)


def _serving(s: Situation) -> list[ReplicaView]:
    return [] if s.serving_generation is None else _of(s, s.serving_generation, s.serving_count)


def _of(s: Situation, generation: int, count: int) -> list[ReplicaView]:
    return [r for r in s.replicas if r.generation == generation and r.ordinal < count and not r.stopping]


def _missing(s: Situation, kept: list[ReplicaView], count: int) -> tuple[int, ...]:
    """Ordinals to start: those that nobody holds. One that is stopping must end first."""
    present = {replica.ordinal for replica in kept if replica.present}
    ending = {r.ordinal for r in s.replicas if r.generation == s.generation and r.stopping and _lingers(r)}
    return tuple(ordinal for ordinal in range(count) if ordinal not in present | ending)


def _others(s: Situation, kept: Iterable[ReplicaView]) -> list[ReplicaView]:
    ids = {replica.id for replica in kept}
    return [replica for replica in s.replicas if replica.id not in ids]


def _remove_others(s: Situation, kept: Iterable[ReplicaView]) -> Plan:
    """The rows of the specified generation stay when its replicas are gone: they lead to the logs that say why."""
    removal = _remove(_others(s, kept))
    logged = {r.id for r in s.replicas if r.generation == s.generation and r.ordinal < s.instance_count}
    return replace(removal, forget=tuple(name for name in removal.forget if name not in logged))


def _remove(replicas: Iterable[ReplicaView]) -> Plan:
    """Out of the routes; when that is confirmed, stop; when it is gone, forget. Asked again until it is seen to go."""
    free = [replica for replica in replicas if not _holds_route(replica)]
    return Plan(
        unroute=tuple(r.id for r in replicas if r.routed),
        stop=tuple(r.id for r in free if r.present and not (r.stopping and r.state == ReplicaState.DRAINING)),
        forget=tuple(r.id for r in free if not r.present),
    )


def _holds_route(replica: ReplicaView) -> bool:
    return replica.routed or not replica.route_confirmed


def _lingers(replica: ReplicaView) -> bool:
    return replica.present or _holds_route(replica)


def _failure(replica: ReplicaView) -> Failure | None:
    """Why a replica that has not served yet will not come to it; None while there is hope."""
    if replica.was_ready:
        return _crash_loop(replica, 3) if not replica.routed else None
    known = failure_of(replica.message)
    if known:
        return Failure(code=known, message=replica.message)
    if replica.reason in ("LivenessProbeFailed", "ReadinessProbeFailed"):
        return Failure(code=FailureCode.RESOURCE_NOT_READY, message=replica.message or "It never became ready.")
    return _crash_loop(replica, 2)


def _crash_loop(replica: ReplicaView, restarts: int) -> Failure | None:
    if replica.restarts < restarts:
        return None
    return Failure(code=FailureCode.RESOURCE_NOT_READY, message=replica.message or "It keeps ending.")


def _failed(phase: Phase, code: FailureCode, message: str) -> Plan:
    return Plan(phase=phase, failure=Failure(code=code, message=message), again=0)


def _waiting(s: Situation) -> str:
    if s.gateway_refusal:
        return f"The gateway refused the routes: {s.gateway_refusal}"
    return "Waiting for the gateway to confirm"
