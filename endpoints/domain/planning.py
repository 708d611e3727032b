"""What to do next about a deployment: a pure function of what is wanted and what was seen.

New replicas come in, the gateway confirms them, only then the old ones go (DESIGN 5). The same function provisions,
updates, scales, heals and deletes; it is called again and again until nothing is left to do.
"""

from dataclasses import dataclass, field, replace

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
    generation: int
    serving_generation: int | None
    instance_count: int
    replicas: tuple[ReplicaView, ...]
    provisioning: bool = False  # a create, update or scale operation is running
    deleting: bool = False
    cancel_requested: bool = False
    artifact_problem: str = ""
    build: BuildState = BuildState.SUCCEEDED
    build_error: str = ""
    healthy: int = 0  # upstreams in rotation at the gateway


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
    again: float | None = field(default=None)  # look again after so many seconds


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
    if s.replicas and not removal.forget == tuple(r.id for r in s.replicas):
        phase = Phase.UNROUTE if any(_holds_route(r) for r in s.replicas) else Phase.DRAIN
        return _with(removal, phase=phase, again=SOON)
    return _with(removal, phase=Phase.DRAIN, done=True)


def _provision(s: Situation) -> Plan:
    if s.artifact_problem:
        return _failed(Phase.ARTIFACTS, FailureCode.BAD_ARGUMENT, s.artifact_problem)
    if s.build == BuildState.FAILED:
        return _failed(Phase.ENVIRONMENT, FailureCode.IMAGE_BUILD_FAILURE, s.build_error)
    if s.build != BuildState.SUCCEEDED:
        return Plan(phase=Phase.ENVIRONMENT, build=s.build == BuildState.PENDING, again=0.25)
    return _bring_up(s)


def _bring_up(s: Situation) -> Plan:
    wanted = _wanted(s, s.generation)
    broken = next((failure for replica in wanted if (failure := _failure(replica))), None)
    if broken:
        return Plan(phase=Phase.PROBE, failure=broken, again=0)
    missing = _missing(s, wanted)
    if missing or not all(replica.started for replica in wanted):
        return Plan(phase=Phase.START, start=missing, again=0.05)
    waiting = [replica for replica in wanted if replica.state != READY]
    if waiting:
        note = f"{len(wanted) - len(waiting)} of {len(wanted)} replicas ready"
        return Plan(phase=Phase.PROBE, note=note, again=SOON)
    return _bring_in(s, wanted)


def _bring_in(s: Situation, wanted: list[ReplicaView]) -> Plan:
    unrouted = tuple(replica.id for replica in wanted if not replica.routed)
    if unrouted:
        return Plan(phase=Phase.ROUTE, route=unrouted, again=0.05)
    if not all(replica.route_confirmed for replica in wanted) or s.healthy < len(wanted):
        return Plan(phase=Phase.ROUTE, note="Waiting for the gateway to confirm", again=0.05)
    return Plan(phase=Phase.ROUTE, done=True, again=0)


def _steady(s: Situation) -> Plan:
    """Heal what serves; take down what does not belong to it."""
    serving = s.serving_generation
    wanted = _wanted(s, serving) if serving is not None else []
    keep = {replica.id for replica in wanted}
    removal = _remove(tuple(replica for replica in s.replicas if replica.id not in keep))
    # A generation that is not the specified one any more cannot be started anew: only its replicas know it.
    startable = serving is not None and serving == s.generation and s.build == BuildState.SUCCEEDED
    start = _missing(s, wanted) if startable and not s.artifact_problem else ()
    route = tuple(replica.id for replica in wanted if replica.state == READY and not replica.routed)
    busy = start or route or removal.unroute or removal.stop or len(keep) < len(s.replicas)
    return _with(removal, start=start, route=route, again=0.25 if busy else None)


def _wanted(s: Situation, generation: int) -> list[ReplicaView]:
    return [
        replica
        for replica in s.replicas
        if replica.generation == generation and replica.ordinal < s.instance_count and not replica.stopping
    ]


def _missing(s: Situation, wanted: list[ReplicaView]) -> tuple[int, ...]:
    """Ordinals to start: those without a row, and those whose process nobody holds. A stopping one must end first."""
    present = {replica.ordinal for replica in wanted if replica.present}
    ending = {r.ordinal for r in s.replicas if r.generation == s.generation and r.stopping}
    return tuple(n for n in range(s.instance_count) if n not in present and n not in ending)


def _remove(replicas: tuple[ReplicaView, ...]) -> Plan:
    """Out of the routes; when that is confirmed, stop; when it is gone, forget."""
    return Plan(
        unroute=tuple(r.id for r in replicas if r.routed),
        stop=tuple(r.id for r in replicas if not _holds_route(r) and r.present and not r.stopping),
        forget=tuple(r.id for r in replicas if not _holds_route(r) and not r.present),
    )


def _holds_route(replica: ReplicaView) -> bool:
    return replica.routed or not replica.route_confirmed


def _failure(replica: ReplicaView) -> Failure | None:
    """Why a replica that was never ready will not become so; None while there is hope."""
    if replica.was_ready:
        return None
    known = failure_of(replica.message)
    if known:
        return Failure(code=known, message=replica.message)
    if replica.reason in ("LivenessProbeFailed", "ReadinessProbeFailed"):
        return Failure(code=FailureCode.RESOURCE_NOT_READY, message=replica.message or "It never became ready.")
    if replica.restarts >= 2:
        return Failure(code=FailureCode.RESOURCE_NOT_READY, message=replica.message or "It keeps ending.")
    return None


def _failed(phase: Phase, code: FailureCode, message: str) -> Plan:
    return Plan(phase=phase, failure=Failure(code=code, message=message), again=0)


def _with(plan: Plan, **changes: object) -> Plan:
    return replace(plan, **changes)  # type: ignore[arg-type]
