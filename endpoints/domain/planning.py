"""What to do next about a deployment: a pure function of what is wanted and what was seen.

New replicas come in a few at a time, the gateway confirms them, only then as many old ones go: never fewer are in
rotation than serve now, and never more run than the surge allows. The same function provisions, updates, scales,
heals, goes back and deletes; it is called again and again until nothing is left to do.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from endpoints.domain.failures import failure_of
from endpoints.enums import BuildState, FailureCode, Phase, ReplicaState

READY, DRAINING = ReplicaState.READY, ReplicaState.DRAINING
SOON = 0.15  # seconds until the next look while something moves
WHILE_STARTING = 0.5  # what only starts says itself when it is ready; this is for when nobody heard it


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


class Start(NamedTuple):
    """A replica to start."""

    generation: int
    ordinal: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What is specified is `instance_count` replicas of `generation`. What serves, until that is reached, is
    `serving_count` replicas of `serving_generation`; None when nothing ever did."""

    generation: int
    serving_generation: int | None
    instance_count: int
    serving_count: int = 0
    replicas: tuple[ReplicaView, ...]
    max_surge: int = 1  # replicas that may run beyond those that are specified, or serve
    provisioning: bool = False  # a create, update or scale operation is running
    deleting: bool = False
    cancel_requested: bool = False
    artifact_problem: str = ""
    build: BuildState = BuildState.SUCCEEDED
    build_error: str = ""
    serving_startable: bool = True  # the specification of what serves is known, and its environment is there
    healthy: int = 0  # upstreams in rotation at the gateway
    gateway_refusal: str = ""
    stalled_seconds: float = 0  # since the operation's replicas came any further
    progress_deadline: float = math.inf


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
    start: tuple[Start, ...] = ()
    route: tuple[str, ...] = ()
    unroute: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()
    forget: tuple[str, ...] = ()  # rows of replicas that are gone
    done: bool = False
    failure: Failure | None = None
    canceled: bool = False
    progress: int = 0  # how far the replicas of an operation have come; only a new maximum is progress
    ask_gateway: bool = False  # plan again with the gateway's own count in `healthy`: it may decide
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
    gone = tuple(replica.id for replica in s.replicas if not _lingers(replica))
    removal = Plan(unroute=tuple(r.id for r in s.replicas if r.routed), stop=_stops(s.replicas), forget=gone)
    if len(gone) < len(s.replicas):
        held = any(_holds_route(replica) for replica in s.replicas)
        phase, note = (Phase.UNROUTE, _waiting(s)) if held else (Phase.DRAIN, "")
        return replace(removal, phase=phase, note=note, again=SOON)
    return replace(removal, phase=Phase.DRAIN, done=True)


def _provision(s: Situation) -> Plan:
    """Towards what is specified, with what serves kept at its strength."""
    wanted = _of(s, s.generation, s.instance_count)
    kept, lost = _stand_ins(s, wanted)
    step = _towards(s, wanted, len(lost))
    if step.failure:
        return step
    route = tuple(replica.id for replica in kept if replica.state == READY)
    return _with_removal(
        s, replace(step, start=(*lost, *step.start), route=(*route, *step.route)), wanted, kept, s.instance_count
    )


def _steady(s: Situation) -> Plan:
    """Heal what serves, go back to it where an operation failed half-way; take down what does not belong to it."""
    kept = [] if s.serving_generation is None else _of(s, s.serving_generation, s.serving_count)
    generation = s.serving_generation or 0
    start = _missing(s, kept, generation, s.serving_count)[: _room(s)] if s.serving_startable else ()
    healed = Plan(start=start, route=_routes(kept), ask_gateway=_asks_gateway(s))
    decided = _with_removal(s, healed, kept, (), s.serving_count)
    leaving = [replica for replica in _others(s, kept) if _lingers(replica)]
    coming = [replica for replica in kept if replica.present and replica.state == ReplicaState.STARTING]
    moves = decided.start or decided.route or leaving
    again = SOON if moves else WHILE_STARTING if coming else None
    return replace(decided, ask_gateway=decided.ask_gateway and bool(leaving), again=again)


def _towards(s: Situation, wanted: list[ReplicaView], taken: int) -> Plan:
    """`taken`: places under the surge that others have."""
    if s.artifact_problem:
        return _failed(Phase.ARTIFACTS, FailureCode.BAD_ARGUMENT, s.artifact_problem)
    if s.build == BuildState.FAILED:
        return _failed(Phase.ENVIRONMENT, FailureCode.IMAGE_BUILD_FAILURE, s.build_error)
    if s.build != BuildState.SUCCEEDED:
        return Plan(phase=Phase.ENVIRONMENT, build=s.build == BuildState.PENDING, again=0.25)
    broken = next((failure for replica in wanted if (failure := _failure(s, replica))), None)
    if broken:
        return Plan(phase=Phase.PROBE, failure=broken, again=0)
    step = _bring_up(s, wanted, taken)
    return _stalled(s, step, wanted) if s.stalled_seconds > s.progress_deadline else step


def _bring_up(s: Situation, wanted: list[ReplicaView], taken: int) -> Plan:
    """As many more as there is room for; into the routes with those that are ready."""
    missing = _missing(s, wanted, s.generation, s.instance_count)
    start = missing[: max(0, _room(s) - taken)]
    ready = [replica for replica in wanted if replica.state == READY]
    step = Plan(start=start, route=_routes(wanted), progress=_progress(s, wanted))
    if start or not all(replica.present and replica.started for replica in wanted):
        return replace(step, phase=Phase.START, note=_count_of(s, len(ready)), again=0.05)
    if len(ready) < len(wanted):
        step = replace(step, phase=Phase.PROBE, note=_count_of(s, len(ready)), ask_gateway=_asks_gateway(s))
        return replace(step, again=WHILE_STARTING)
    if step.route or len(_available(s, wanted)) < len(wanted):
        return replace(step, phase=Phase.ROUTE, note=_waiting(s), ask_gateway=_asks_gateway(s), again=0.05)
    if len(wanted) < s.instance_count:
        return replace(step, phase=Phase.ROUTE, note=f"{_count_of(s, len(ready))}; others drain", again=SOON)
    return replace(step, phase=Phase.ROUTE, done=True, again=0)


def _stalled(s: Situation, step: Plan, wanted: list[ReplicaView]) -> Plan:
    """Too long without progress. What drains is given its time: it ends by itself."""
    if step.done or any(replica.present and replica.stopping for replica in s.replicas):
        return step
    slow = next((replica for replica in wanted if replica.state != READY), None)
    why = f" Replica {slow.ordinal}: {slow.message or slow.reason or slow.state}" if slow else ""
    message = f"No progress for {s.progress_deadline:.0f} s: {step.note or _waiting(s)}.{why}"
    return Plan(phase=step.phase, failure=Failure(code=FailureCode.RESOURCE_NOT_READY, message=message), again=0)


def _progress(s: Situation, wanted: list[ReplicaView]) -> int:
    ready = sum(replica.state == READY for replica in wanted)
    left = sum(_lingers(replica) for replica in _others(s, wanted))
    return 1 + ready + len(_available(s, wanted)) + max(0, s.serving_count - left)


def _stand_ins(s: Situation, wanted: list[ReplicaView]) -> tuple[list[ReplicaView], tuple[Start, ...]]:
    """While another generation comes in, what serves keeps its strength: replicas of it that are up and not routed
    yet, and those to start again, as many as neither new ones nor routed ones make up for."""
    if s.serving_generation in (None, s.generation):
        return [], ()
    assert s.serving_generation is not None
    others = _others(s, wanted)
    standing = sum(r.routed and r.state == READY for r in wanted) + sum(r.routed and r.present for r in others)
    serving = _of(s, s.serving_generation, s.serving_count)
    short = max(0, s.serving_count - standing)
    kept = [replica for replica in serving if replica.present and not replica.routed][:short]
    room = min(short - len(kept), _room(s)) if s.serving_startable else 0
    return kept, _missing(s, serving, s.serving_generation, s.serving_count)[:room]


def _with_removal(s: Situation, step: Plan, wanted: list[ReplicaView], kept: Iterable[ReplicaView], count: int) -> Plan:
    """Out of the routes, as many as can be spared; when that is confirmed, stop; when it is gone, forget.

    The rows of the specified generation stay when its replicas are gone: they lead to the logs that say why.
    """
    others = _others(s, (*wanted, *kept))
    logged = {r.id for r in s.replicas if r.generation == s.generation and r.ordinal < s.instance_count}
    again = set(step.start)
    free = [r for r in others if not _lingers(r) and Start(r.generation, r.ordinal) not in again]
    gone = tuple(r.id for r in free if r.id not in logged)
    return replace(step, unroute=_spared(s, wanted, others, count), stop=_stops(others), forget=gone)


def _spared(s: Situation, wanted: list[ReplicaView], others: list[ReplicaView], count: int) -> tuple[str, ...]:
    """All of them once the wanted ones are in rotation; before that, what leaves as many as serve now."""
    lost = [replica for replica in others if replica.routed and not replica.present]
    routed = [replica for replica in others if replica.routed and replica.present]
    available = len(_available(s, wanted))
    reached = sum(replica.route_confirmed for replica in routed)
    spare = len(routed) if available >= count else max(0, available + reached - s.serving_count)
    routed.sort(key=lambda r: (r.state == READY, r.generation == s.serving_generation, -r.ordinal))
    return tuple(replica.id for replica in (*lost, *routed[:spare]))


def _available(s: Situation, wanted: list[ReplicaView]) -> list[ReplicaView]:
    """Those in rotation. The gateway's count is of the whole deployment: it says something once all is confirmed."""
    if not _confirmed(s) or s.healthy < _expected(s):
        return []
    return [replica for replica in wanted if replica.routed and replica.state == READY]


def _asks_gateway(s: Situation) -> bool:
    return _confirmed(s) and s.healthy < _expected(s)


def _confirmed(s: Situation) -> bool:
    return all(replica.route_confirmed for replica in s.replicas)


def _expected(s: Situation) -> int:
    return sum(replica.routed and replica.state == READY for replica in s.replicas)


def _routes(wanted: Iterable[ReplicaView]) -> tuple[str, ...]:
    return tuple(replica.id for replica in wanted if replica.state == READY and not replica.routed)


def _room(s: Situation) -> int:
    """How many may start: what drains still needs its place."""
    most = max(s.instance_count, s.serving_count) + s.max_surge
    return max(0, most - sum(replica.present for replica in s.replicas))


def _of(s: Situation, generation: int, count: int) -> list[ReplicaView]:
    return [r for r in s.replicas if r.generation == generation and r.ordinal < count and not r.stopping]


def _missing(s: Situation, kept: list[ReplicaView], generation: int, count: int) -> tuple[Start, ...]:
    """To start: those that nobody holds. One that is stopping must end first."""
    present = {replica.ordinal for replica in kept if replica.present}
    ending = {r.ordinal for r in s.replicas if r.generation == generation and r.stopping and _lingers(r)}
    return tuple(Start(generation, ordinal) for ordinal in range(count) if ordinal not in present | ending)


def _others(s: Situation, kept: Iterable[ReplicaView]) -> list[ReplicaView]:
    ids = {replica.id for replica in kept}
    return [replica for replica in s.replicas if replica.id not in ids]


def _stops(replicas: Iterable[ReplicaView]) -> tuple[str, ...]:
    """Asked again until it is seen to go."""
    free = [replica for replica in replicas if replica.present and not _holds_route(replica)]
    return tuple(replica.id for replica in free if not (replica.stopping and replica.state == DRAINING))


def _holds_route(replica: ReplicaView) -> bool:
    return replica.routed or not replica.route_confirmed


def _lingers(replica: ReplicaView) -> bool:
    return replica.present or _holds_route(replica)


def _failure(s: Situation, replica: ReplicaView) -> Failure | None:
    """Why a replica will not come to serve; None while there is hope. One that serves already only heals."""
    if replica.was_ready:
        serves = replica.routed and (replica.generation == s.serving_generation or replica.state == READY)
        return None if serves else _crash_loop(replica, 3)
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


def _count_of(s: Situation, ready: int) -> str:
    return f"{ready} of {s.instance_count} replicas ready"


def _waiting(s: Situation) -> str:
    if s.gateway_refusal:
        return f"The gateway refused the routes: {s.gateway_refusal}"
    return "Waiting for the gateway to confirm"
