from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from endpoints.domain.planning import Failure, Plan, ReplicaView, Situation, Start, plan
from endpoints.enums import BuildState, FailureCode, Phase, ReplicaState
from tests.domain.planned_world import READY, PlannedWorld

COUNTS = st.integers(1, 4)


class Chaos(RuleBasedStateMachine):
    """People and the world do what they may, in any order; `PlannedWorld.step` checks every plan."""

    @initialize(count=COUNTS, surge=st.integers(1, 3), runs=st.sampled_from([True, True, False]))
    def create(self, count: int, surge: int, runs: bool) -> None:
        self.world = PlannedWorld(count=count, surge=surge)
        if runs:
            self.world.settle()

    @rule(rounds=st.integers(1, 9), confirms=st.booleans())
    def go(self, rounds: int, confirms: bool) -> None:
        """The studio works and the machine keeps up, whether the gateway does or not."""
        for _ in range(rounds):
            if not self.world.deleted:
                self.world.step()
                self.world.turn()
            if confirms:
                self.world.confirm()

    @rule()
    def work_alone(self) -> None:
        """Nothing outside moves."""
        for _ in range(3):
            if not self.world.deleted:
                self.world.step()

    @rule()
    def rest(self) -> None:
        if not self.world.deleted:
            self.world.settle()

    @precondition(lambda self: self.world.held)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        self.world.lose(data.draw(st.sampled_from(sorted(self.world.held))))

    @precondition(lambda self: READY in self.world.held.values())
    @rule(data=st.data())
    def blink(self, data: st.DataObject) -> None:
        ready = sorted(name for name, state in self.world.held.items() if state == READY)
        self.world.blink(data.draw(st.sampled_from(ready)))

    @rule(build=st.booleans(), script=st.booleans(), hangs=st.booleans())
    def fail(self, build: bool, script: bool, hangs: bool) -> None:
        self.world.build_fails, self.world.script_fails, self.world.script_hangs = build, script, hangs

    @precondition(lambda self: not self.world.operation and not self.world.deleting)
    @rule(count=COUNTS)
    def update(self, count: int) -> None:
        self.world.update(count)

    @precondition(lambda self: not self.world.operation and self.world.outcome == "succeeded")
    @rule(count=COUNTS)
    def scale(self, count: int) -> None:
        self.world.scale(count)

    @precondition(lambda self: self.world.operation == "provision")
    @rule()
    def cancel(self) -> None:
        self.world.cancel()

    @precondition(lambda self: not self.world.deleting)
    @rule()
    def delete(self) -> None:
        self.world.delete()

    @invariant()
    def every_process_has_its_row(self) -> None:
        assert set(self.world.held) <= set(self.world.rows)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        world, before = self.world, self.world.serving_generation
        world.settle()
        if world.deleting:
            assert not world.rows
            assert not world.held
        elif world.outcome == "succeeded":
            names = {f"r-{world.generation}-{ordinal}" for ordinal in range(world.count)}
            assert {name for name, state in world.held.items() if state == READY} == names
            assert world.in_force == names
        else:
            assert world.serving_generation == before
            assert set(world.held) == world.serving() == world.in_force
            assert len(world.held) == world.serving_count


TestChaos = Chaos.TestCase
TestChaos.settings = settings(max_examples=200, stateful_step_count=25, deadline=None)


def running(count: int = 1) -> PlannedWorld:
    world = PlannedWorld(count=count)
    world.settle()
    assert world.outcome == "succeeded"
    return world


def test_create_goes_through_its_phases_in_order() -> None:
    world, phases = PlannedWorld(count=2), []
    for _ in range(20):
        phases.append(world.step().phase)
        world.turn()
        world.confirm()
    seen = [phase for index, phase in enumerate(phases) if phase and phase not in phases[:index]]
    assert seen == [Phase.ENVIRONMENT, Phase.START, Phase.ROUTE]
    assert sorted(world.starts) == ["r-1-0", "r-1-1"]


def test_probe_is_a_phase_of_its_own_while_a_replica_is_not_ready() -> None:
    world = PlannedWorld(count=2, build=BuildState.SUCCEEDED)
    world.step()
    world.held["r-1-0"] = READY
    decided = world.step()
    assert (decided.phase, decided.note) == (Phase.PROBE, "1 of 2 replicas ready")


def test_update_never_has_fewer_ready_replicas_in_force_than_before() -> None:
    world = running(2)
    world.update(2)

    def enough() -> None:
        assert sum(world.held.get(name) == READY for name in world.in_force) >= 2

    world.settle(each=enough)
    assert world.in_force == {"r-2-0", "r-2-1"}


def test_new_replicas_count_only_when_the_gateway_counts_them_beside_the_old_ones() -> None:
    world = running()
    world.update(1)
    world.build = BuildState.SUCCEEDED
    world.step()
    world.turn()
    world.step()
    world.desired, world.confirmed = 1, 1  # confirmed, but only the old one is in rotation
    waiting = plan(replace(world.situation(), healthy=1))
    assert (waiting.done, waiting.note) == (False, "Waiting for the gateway to confirm")


@pytest.mark.parametrize("count", [1, 3])
def test_failed_update_leaves_what_serves(count: int) -> None:
    world = running(2)
    world.script_fails = True
    world.update(count)
    world.settle()
    assert world.outcome == "failed"
    assert world.in_force == {"r-1-0", "r-1-1"}
    assert set(world.held) == {"r-1-0", "r-1-1"}


def test_rows_of_what_failed_stay_for_their_logs_and_go_with_the_next_try() -> None:
    world = PlannedWorld(script_fails=True)
    world.settle()
    assert (world.outcome, set(world.held), set(world.rows)) == ("failed", set(), {"r-1-0"})
    world.script_fails = False
    world.update(1)
    world.settle()
    assert (world.outcome, set(world.rows)) == ("succeeded", {"r-2-0"})


def test_cancelled_scaling_returns_to_what_served() -> None:
    world = running(1)
    world.scale(3)
    world.step()
    assert set(world.held) == {"r-1-0", "r-1-1", "r-1-2"}
    world.cancel()
    world.settle()
    assert (world.outcome, set(world.held)) == ("canceled", {"r-1-0"})


def test_scaling_up_waits_for_a_replica_that_is_still_draining() -> None:
    world = running(2)
    world.scale(1)
    while "r-1-1" not in world.held or world.held["r-1-1"] == READY:
        world.step()
        world.confirm()
    world.scale(2)
    decided = world.step()
    assert (decided.done, decided.start) == (False, ())
    world.settle()
    assert (world.outcome, set(world.held)) == ("succeeded", {"r-1-0", "r-1-1"})


def test_a_lost_replica_is_started_again() -> None:
    world = running(2)
    world.lose("r-1-1")
    assert world.step().start == (Start(1, 1),)
    assert plan(world.situation()).again is not None, "nobody would look when it is ready"
    world.settle()
    assert world.held == {"r-1-0": READY, "r-1-1": READY}
    assert plan(world.situation()).again is None


def test_what_serves_is_healed_after_a_failed_update() -> None:
    world = running(1)
    world.build_fails = True
    world.update(1)
    world.settle()
    world.lose("r-1-0")
    assert plan(replace(world.situation(), serving_startable=False)).start == ()
    assert world.step().start == (Start(1, 0),)
    world.settle()
    assert world.in_force == {"r-1-0"}


def test_what_serves_is_healed_while_an_update_builds() -> None:
    world = running(2)
    world.update(2)
    world.lose("r-1-1")
    assert world.step().start == (Start(1, 1),)
    world.turn()
    assert world.step().route == ("r-1-1",) or world.rows["r-1-1"].routed


@pytest.mark.parametrize(("count", "surge", "most"), [(1, 1, 2), (4, 1, 5), (4, 2, 6), (8, 3, 11)])
def test_an_update_rolls_by_steps_within_its_surge(count: int, surge: int, most: int) -> None:
    world = running(count)
    world.surge, world.most = surge, 0
    world.update(count)
    mixed: set[tuple[int, int]] = set()

    def enough() -> None:
        ready = [name for name in world.in_force if world.held.get(name) == READY]
        assert len(ready) >= count
        mixed.add((sum("r-1" in name for name in ready), sum("r-2" in name for name in ready)))

    world.settle(each=enough)
    assert (world.most, world.outcome) == (most, "succeeded")
    assert len(mixed) >= count / surge


@pytest.mark.parametrize("trouble", ["script_fails", "script_hangs"])
def test_an_update_that_goes_bad_half_way_goes_back(trouble: str) -> None:
    world = running(3)
    world.update(3)
    while not any(name.startswith("r-2") for name in world.in_force):
        world.step()
        world.turn()
        world.confirm()
    setattr(world, trouble, True)

    def enough() -> None:
        assert sum(world.held.get(name) == READY for name in world.in_force) >= 3

    world.settle(each=enough)
    assert (world.outcome, world.serving_generation) == ("failed", 1)
    assert world.in_force == set(world.held) == {"r-1-0", "r-1-1", "r-1-2"}


def test_an_update_that_gets_nowhere_says_so() -> None:
    world = running(2)
    world.script_hangs = True
    world.update(2)
    failure = None
    for _ in range(60):
        failure = failure or world.step().failure
        world.turn()
        world.confirm()
    assert failure == Failure(
        code=FailureCode.RESOURCE_NOT_READY,
        message="No progress for 30 s: 0 of 2 replicas ready. Replica 0: Starting",
    )
    assert world.in_force == {"r-1-0", "r-1-1"}


def test_the_deadline_waits_for_what_drains() -> None:
    world = running(1)
    world.scale(1)
    draining = ReplicaView(
        id="d", generation=0, ordinal=0, present=True, state=ReplicaState.DRAINING, route_confirmed=True, stopping=True
    )
    stalled = replace(world.situation(), stalled_seconds=99, progress_deadline=10, healthy=0)
    assert plan(stalled).failure
    assert plan(replace(stalled, replicas=(*stalled.replicas, draining))).failure is None


def test_what_is_not_ready_goes_first() -> None:
    world = running(2)
    world.update(2)
    while "r-2-0" not in world.in_force:
        world.step()
        world.turn()
        world.confirm()
    world.blink("r-1-0")
    while not world.step().unroute:
        world.confirm()
    assert not world.rows["r-1-0"].routed
    assert world.rows["r-1-1"].routed


def test_one_whose_route_is_not_confirmed_makes_up_for_nobody() -> None:
    """Two of an update that failed serve yet; one of the generation to go back to has only just been routed."""
    new = ReplicaView(id="r-2-0", generation=2, ordinal=0, present=True, state=READY, routed=True, route_confirmed=True)
    other = replace(new, id="r-2-1", ordinal=1)
    back = replace(new, id="r-1-0", generation=1, route_confirmed=False)
    now = Situation(
        generation=3,
        serving_generation=1,
        instance_count=1,
        serving_count=2,
        replicas=(new, other, back),
        provisioning=True,
        build=BuildState.BUILDING,
    )
    assert plan(now).unroute == ()
    confirmed = replace(now, replicas=(new, other, replace(back, route_confirmed=True)))
    assert plan(confirmed).unroute == ("r-2-1",)


def test_one_that_ended_and_comes_back_is_not_forgotten() -> None:
    """What went to make room for an update that is canceled."""
    world = running(2)
    world.update(2)
    while not any(row.stopping for row in world.rows.values()):
        world.step()
        world.turn()
        world.confirm()
    world.cancel()
    world.settle()
    assert set(world.rows) >= set(world.held) == {"r-1-0", "r-1-1"}


def test_delete_waits_for_the_gateway() -> None:
    world = running(1)
    world.delete()
    world.step()
    held_up = world.step()
    assert (held_up.phase, held_up.stop, held_up.note) == (Phase.UNROUTE, (), "Waiting for the gateway to confirm")
    refused = plan(replace(world.situation(), gateway_refusal="bad cluster"))
    assert refused.note == "The gateway refused the routes: bad cluster"
    world.confirm()
    assert world.step().stop == ("r-1-0",)
    assert world.step().phase == Phase.DRAIN
    world.settle()
    assert world.deleted


def test_stopping_is_asked_for_until_it_is_seen() -> None:
    """The worker may have died between its note and its call."""
    forgotten = ReplicaView(
        id="r", generation=1, ordinal=0, present=True, state=READY, route_confirmed=True, stopping=True
    )
    deleting = Situation(
        generation=1, serving_generation=1, instance_count=1, serving_count=1, replicas=(forgotten,), deleting=True
    )
    assert plan(deleting).stop == ("r",)
    draining = replace(forgotten, state=ReplicaState.DRAINING)
    assert plan(replace(deleting, replicas=(draining,))).stop == ()


def test_at_rest_there_is_nothing_to_do() -> None:
    assert plan(running(3).situation()) == Plan()
