"""Updates by steps: within their surge, back by themselves, healed from what was kept."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from endpoints import tasks
from endpoints.domain.actor import SYSTEM
from endpoints.models import Deployment, DeploymentRevision, Operation, Replica
from endpoints.services.deployments import update_deployment
from endpoints.services.operations import cancel_operation
from tests.world import World


@pytest.fixture
def blue(world: World) -> Deployment:
    """Four replicas with all of the traffic."""
    endpoint = world.endpoint("prices")
    deployment = world.deployment(endpoint, instance_count=4)
    world.traffic(endpoint, {"blue": 100})
    return deployment


def in_rotation(world: World) -> dict[int, int]:
    """{generation: replicas that are ready and get requests}."""
    assert world.gateway.in_force is not None
    sockets = {s for e in world.gateway.in_force.endpoints for d in e.deployments for s in d.sockets}
    ready = [world.compute.specs[name] for name, seen in world.compute.seen.items() if seen.state == "Ready"]
    generations = [spec.generation for spec in ready if spec.socket in sockets]
    return {generation: generations.count(generation) for generation in generations}


def rolled(world: World, *, most: int) -> set[tuple[int, int]]:
    """Which mixtures of the generations 1 and 2 served on the way."""
    mixtures = set()
    for _ in range(120):
        if not world.run_hints():
            tasks.sweep()
        now = in_rotation(world)
        assert sum(now.values()) >= 4
        assert len(world.compute.seen) <= most
        mixtures.add((now.get(1, 0), now.get(2, 0)))
        world.advance()
    world.settle()
    return mixtures


@pytest.mark.parametrize(("surge", "most"), [("25%", 5), ("2", 6), ("100%", 8)])
def test_a_few_at_a_time(world: World, blue: Deployment, surge: str, most: int) -> None:
    update_deployment(actor=SYSTEM, deployment=blue, max_surge=surge)
    update_deployment(actor=SYSTEM, deployment=blue, request_timeout_ms=9000)
    mixtures = rolled(world, most=most)
    assert {(4, 0), (0, 4)} < mixtures
    blue.refresh_from_db()
    assert (blue.state, blue.serving_generation, in_rotation(world)) == ("Succeeded", 2, {2: 4})
    assert len(world.compute.seen) == 4


def half_way(world: World) -> None:
    while in_rotation(world).get(2, 0) < 2:
        if not world.run_hints():
            tasks.sweep()
        world.advance()


def test_gone_bad_half_way_it_goes_back(world: World, blue: Deployment) -> None:
    """With what the old generation was: its time-out, its variables."""
    update_deployment(actor=SYSTEM, deployment=blue, request_timeout_ms=9000, environment_variables={"MODE": "new"})
    half_way(world)
    world.compute.breaks["blue"] = {"message": "UserScriptInitFailed: boom"}
    for _ in range(60):
        if not world.run_hints():
            tasks.sweep()
        assert sum(in_rotation(world).values()) >= 4
        if Operation.objects.filter(state="Failed").exists():
            world.compute.breaks.clear()  # the old ones come up as ever
        world.advance()
    world.settle()
    blue.refresh_from_db()
    assert (blue.state, blue.failure_code, blue.serving_generation) == ("Failed", "UserScriptInitFailed", 1)
    assert in_rotation(world) == {1: 4}
    assert len(world.compute.seen) == 4
    assert all("MODE" not in world.compute.specs[name].environment for name in world.compute.seen)


def test_cancelled_half_way_it_goes_back(world: World, blue: Deployment) -> None:
    _, operation = update_deployment(actor=SYSTEM, deployment=blue, request_timeout_ms=9000)
    half_way(world)
    assert operation is not None
    cancel_operation(actor=SYSTEM, operation=operation)
    world.settle()
    blue.refresh_from_db()
    assert (blue.state, in_rotation(world)) == ("Canceled", {1: 4})
    assert DeploymentRevision.objects.get(deployment=blue, generation=2).outcome == "Canceled"


@pytest.mark.parametrize("kind", ["script", "build"])
def test_what_serves_is_healed_after_a_failed_update(world: World, blue: Deployment, kind: str) -> None:
    if kind == "script":
        world.compute.breaks["blue"] = {"message": "UserScriptInitFailed: boom"}
    world.builder.error = "No such package." if kind == "build" else ""
    newer = world.environment("newer", "newer==1\n")
    update_deployment(actor=SYSTEM, deployment=blue, environment=newer, environment_variables={"MODE": "new"})
    world.settle()
    blue.refresh_from_db()
    code = {"script": "UserScriptInitFailed", "build": "ImageBuildFailure"}[kind]
    assert (blue.state, blue.failure_code) == ("Failed", code)
    world.compute.breaks.clear()
    lost = f"r-{blue.pk.hex[:12]}-1-3"
    world.compute.vanish(lost)
    world.settle()
    assert in_rotation(world) == {1: 4}
    assert world.compute.starts.count(lost) == 2
    assert "MODE" not in world.compute.specs[lost].environment


def test_without_its_specification_it_is_not_started(world: World, blue: Deployment) -> None:
    world.compute.breaks["blue"] = {"message": "UserScriptInitFailed: boom"}
    update_deployment(actor=SYSTEM, deployment=blue, request_timeout_ms=9000)
    world.settle()
    DeploymentRevision.objects.all().delete()
    world.compute.breaks.clear()
    world.compute.vanish(f"r-{blue.pk.hex[:12]}-1-3")
    world.settle()
    assert in_rotation(world) == {1: 3}
    blue.refresh_from_db()
    (degraded,) = [each for each in blue.conditions if each["type"] == "Degraded"]
    assert (degraded["status"], degraded["reason"]) == ("True", "ReplicasNotReady")
    assert degraded["message"].startswith("3 of 4 replicas answer.")


def test_what_gets_nowhere_stops_at_its_deadline(world: World, blue: Deployment) -> None:
    update_deployment(actor=SYSTEM, deployment=blue, progress_deadline_seconds=60)
    world.compute.breaks["blue"] = {"state": "Starting", "message": "Loading the weights"}
    _, operation = update_deployment(actor=SYSTEM, deployment=blue, request_timeout_ms=9000)
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        for _ in range(12):
            clock.shift(timedelta(seconds=10))
            world.step()
    world.settle()
    assert operation is not None
    operation.refresh_from_db()
    assert (operation.state, operation.failure_code) == ("Failed", "ResourceNotReady")
    expected = "No progress for 60 s: 0 of 4 replicas ready. Replica 0: Loading the weights"
    assert operation.failure_message == expected
    assert in_rotation(world) == {1: 4}
    assert set(world.compute.seen) == set(Replica.objects.filter(generation=1).values_list("pk", flat=True))


def test_time_in_which_nobody_looked_is_not_held_against_it(world: World, blue: Deployment) -> None:
    update_deployment(actor=SYSTEM, deployment=blue, progress_deadline_seconds=60)
    world.compute.breaks["blue"] = {"state": "Starting"}
    _, operation = update_deployment(actor=SYSTEM, deployment=blue, request_timeout_ms=9000)
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        world.step()
        world.step()
        clock.shift(timedelta(hours=1))  # the worker was away
        world.step()
        world.compute.breaks.clear()
        clock.shift(timedelta(seconds=10))
        world.settle()
    assert operation is not None
    operation.refresh_from_db()
    assert operation.state == "Succeeded"


def test_conditions_change_with_their_times(world: World, blue: Deployment) -> None:
    def of(kind: str) -> dict[str, str]:
        blue.refresh_from_db()
        found: dict[str, str] = next(each for each in blue.conditions if each["type"] == kind)
        return found

    before = of("Ready")
    name = f"r-{blue.pk.hex[:12]}-1-0"
    world.compute.tell(name, state="Unready", reason="ReadinessProbeFailed", message="Not ready after 9 s")
    tasks.sweep()
    unready = of("Ready")
    assert (unready["status"], unready["reason"]) == ("False", "ReplicasNotReady")
    assert unready["message"] == "3 of 4 replicas answer. Replica 0: Not ready after 9 s."
    assert unready["lastTransitionTime"] > before["lastTransitionTime"]
    tasks.sweep()
    assert of("Ready") == unready
    assert of("Live")["status"] == of("Available")["status"] == of("Degraded")["status"] == "True"
    world.compute.tell(name, state="Ready", reason="Ready", message="")
    tasks.sweep()
    assert (of("Ready")["status"], of("Degraded")["status"]) == ("True", "False")
