"""A world of pure data that does what plans say, and complains when one would do harm."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from endpoints.domain.planning import Plan, ReplicaView, Situation, plan
from endpoints.enums import BuildState, ReplicaState

STARTING, READY, DRAINING = ReplicaState.STARTING, ReplicaState.READY, ReplicaState.DRAINING
UNREADY = ReplicaState.UNREADY
PATIENCE = 30  # steps without progress before an operation fails


@dataclass
class Row:
    """What the database knows of a replica."""

    generation: int
    ordinal: int
    routed: bool = False
    revision: int = 0
    stopping: bool = False
    was_ready: bool = False


@dataclass
class PlannedWorld:
    generation: int = 1
    count: int = 1
    serving_generation: int | None = None
    serving_count: int = 0
    operation: str = "provision"
    deleting: bool = False
    deleted: bool = False
    cancel_requested: bool = False
    outcome: str = ""  # of the last operation
    build: BuildState = BuildState.PENDING
    build_fails: bool = False
    script_fails: bool = False
    script_hangs: bool = False
    surge: int = 1
    best: int = 0  # progress of the operation
    stalled: int = 0
    rows: dict[str, Row] = field(default_factory=dict)
    held: dict[str, ReplicaState] = field(default_factory=dict)  # by the adapter
    message: dict[str, str] = field(default_factory=dict)
    desired: int = 0
    confirmed: int = 0
    in_force: frozenset[str] = frozenset()
    starts: list[str] = field(default_factory=list)
    most: int = 0  # replicas that ran at once

    # What people do

    def update(self, count: int) -> None:
        self.generation, self.count = self.generation + 1, count
        self.build = BuildState.PENDING
        self._begin()

    def scale(self, count: int) -> None:
        self.count = count
        self._begin()

    def _begin(self) -> None:
        self.operation, self.best, self.stalled = "provision", 0, 0

    def cancel(self) -> None:
        self.cancel_requested = True

    def delete(self) -> None:
        self.deleting, self.operation = True, "delete"

    # What the world does

    def turn(self) -> None:
        """What starts comes up or fails, what drains is gone, what builds is built."""
        for name, state in list(self.held.items()):
            if state == DRAINING:
                del self.held[name]
            elif state == STARTING and self._fails(name):
                self.message[name] = "UserScriptInitFailed: boom"
            elif state == STARTING and self.script_hangs and self._is_new(name):
                continue
            elif state in (STARTING, UNREADY):
                self.held[name] = READY
                self.rows[name].was_ready = True
        if self.build == BuildState.BUILDING:
            self.build = BuildState.FAILED if self.build_fails else BuildState.SUCCEEDED

    def _fails(self, name: str) -> bool:
        return self.script_fails and self._is_new(name)

    def _is_new(self, name: str) -> bool:
        return self.rows[name].generation == self.generation != self.serving_generation

    def confirm(self) -> None:
        self.confirmed = self.desired
        self.in_force = frozenset(name for name, row in self.rows.items() if row.routed)

    def lose(self, name: str) -> None:
        self.held.pop(name, None)

    def blink(self, name: str) -> None:
        """Its readiness probe fails, until the next turn."""
        self.held[name] = UNREADY

    # What the studio does

    def situation(self) -> Situation:
        return Situation(
            generation=self.generation,
            serving_generation=self.serving_generation,
            serving_count=self.serving_count,
            instance_count=self.count,
            replicas=tuple(self._view(name, row) for name, row in sorted(self.rows.items())),
            provisioning=self.operation == "provision",
            deleting=self.deleting,
            cancel_requested=self.cancel_requested,
            build=self.build,
            build_error="No such package.",
            healthy=sum(self.held.get(name) == READY for name in self.in_force),
            max_surge=self.surge,
            stalled_seconds=self.stalled,
            progress_deadline=PATIENCE,
        )

    def _view(self, name: str, row: Row) -> ReplicaView:
        state = self.held.get(name)
        return ReplicaView(
            id=name,
            generation=row.generation,
            ordinal=row.ordinal,
            present=state is not None,
            state=state or ReplicaState.STOPPED,
            started=state is not None,
            was_ready=row.was_ready,
            message=self.message.get(name, ""),
            routed=row.routed,
            route_confirmed=row.revision <= self.confirmed,
            stopping=row.stopping,
        )

    def step(self) -> Plan:
        decided = plan(self.situation())
        self._check(decided)
        self._apply(decided)
        self.stalled = 0 if decided.progress > self.best else self.stalled + 1
        self.best = max(self.best, decided.progress)
        return decided

    def serving(self) -> set[str]:
        """Replicas that must go on: those of the generation that serves."""
        return {
            name
            for name, row in self.rows.items()
            if row.generation == self.serving_generation and row.ordinal < self.serving_count and not row.stopping
        }

    def _check(self, decided: Plan) -> None:
        for name in decided.stop:
            row = self.rows[name]
            assert not row.routed, f"{name} is stopped while it is routed"
            assert row.revision <= self.confirmed, f"{name} is stopped before the gateway confirmed"
            assert name not in self.in_force, f"{name} is stopped while the gateway sends to it"
        for name in decided.forget:
            assert name not in self.held, f"{name} is forgotten while it runs"
            assert name not in self.in_force, f"{name} is forgotten while the gateway sends to it"
        starts = [self._id(*start) for start in decided.start]
        assert len(set(starts)) == len(starts), "an ordinal is started twice"
        assert not set(starts) & set(self.held), "an ordinal is started that runs"
        assert not {*decided.route} & {*decided.unroute, *decided.stop, *decided.forget}, "in and out at once"
        if starts:
            most = max(self.count, self.serving_count) + self.surge
            assert len(self.held) + len(starts) <= most, "more run than the surge allows"
        if not self.deleting:
            self._check_strength(decided)
        if decided.done and not self.deleting:
            self._check_done()

    def _check_strength(self, decided: Plan) -> None:
        """Nobody who can answer goes, unless as many stay as serve, or all that are wanted are there."""
        ready = {name for name in self.in_force if self.held.get(name) == READY and self.rows[name].routed}
        if not ready & set(decided.unroute):
            return
        goal = (self.generation, self.count) if self.operation else (self.serving_generation or 0, self.serving_count)
        arrived = {self._id(goal[0], ordinal) for ordinal in range(goal[1])} <= ready
        assert arrived or len(ready - set(decided.unroute)) >= self.serving_count, "fewer serve than before"

    def _check_done(self) -> None:
        wanted = {self._id(self.generation, ordinal) for ordinal in range(self.count)}
        assert all(self.held.get(name) == READY for name in wanted), "done, and not all are ready"
        assert wanted <= self.in_force, "done, and the gateway does not send to all"

    def _apply(self, decided: Plan) -> None:
        if decided.build and self.build == BuildState.PENDING:
            self.build = BuildState.BUILDING
        for generation, ordinal in decided.start:
            name = self._id(generation, ordinal)
            old = self.rows.get(name, Row(generation, ordinal))
            self.rows[name] = replace(old, stopping=False, was_ready=False)
            self.held[name] = STARTING
            self.message.pop(name, None)
            self.starts.append(name)
        self.most = max(self.most, len(self.held))
        for name in decided.stop:
            self.rows[name].stopping = True
            self.held[name] = DRAINING
        for name in decided.forget:
            del self.rows[name]
        for names, routed in ((decided.route, True), (decided.unroute, False)):
            if names:
                self.desired += 1
            for name in names:
                self.rows[name].routed, self.rows[name].revision = routed, self.desired
        self._end(decided)

    def _end(self, decided: Plan) -> None:
        if self.deleting:
            self.deleted = decided.done
            return
        ends = {"failed": decided.failure is not None, "canceled": decided.canceled, "succeeded": decided.done}
        for outcome, holds in ends.items():
            if holds:
                self.operation, self.outcome, self.cancel_requested = "", outcome, False
        if decided.done:
            self.serving_generation, self.serving_count = self.generation, self.count

    def _id(self, generation: int, ordinal: int) -> str:
        return f"r-{generation}-{ordinal}"

    def settle(self, *, each: Callable[[], None] = lambda: None) -> None:
        """A world that cooperates: everything comes to rest."""
        for _ in range(200):
            before = dict(self.held)
            decided = self.step()
            each()
            self.turn()
            self.confirm()
            if self.deleted or (decided == Plan() and not self.operation and self.held == before):
                return
        raise AssertionError(f"It never comes to rest: {self.situation()}")
