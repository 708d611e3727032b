"""Updates and scaling of what serves; its healing; its end."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from endpoints import tasks
from endpoints.domain.actor import SYSTEM
from endpoints.models import Deployment, Event, Replica
from endpoints.services.deployments import delete_deployment, update_deployment
from endpoints.services.operations import cancel_operation
from tests.world import World


@pytest.fixture
def blue(world: World) -> Deployment:
    """Two replicas with all of the traffic."""
    endpoint = world.endpoint("prices")
    deployment = world.deployment(endpoint, instance_count=2)
    world.traffic(endpoint, {"blue": 100})
    return deployment


def serving(world: World) -> set[str]:
    """Replicas to which the gateway sends, and which are ready."""
    assert world.gateway.in_force is not None
    sockets = {s for e in world.gateway.in_force.endpoints for d in e.deployments for s in d.sockets}
    ready = {name for name, seen in world.compute.seen.items() if seen.state == "Ready"}
    return {name for name in ready if world.compute.specs[name].socket in sockets}


def generations(world: World) -> set[int]:
    return {world.compute.specs[name].generation for name in serving(world)}


def test_the_new_one_serves_before_the_old_one_goes(world: World, blue: Deployment) -> None:
    _, operation = update_deployment(actor=SYSTEM, deployment=blue, request_timeout_ms=9000)
    mixed = False
    for _ in range(40):
        world.run_hints()
        assert len(serving(world)) >= 2
        world.advance()
        mixed = mixed or generations(world) == {1, 2}
    world.settle()
    assert mixed
    blue.refresh_from_db()
    assert (blue.state, blue.serving_generation, generations(world)) == ("Succeeded", 2, {2})
    assert sorted(world.compute.seen) == sorted(blue.replicas.values_list("pk", flat=True))
    assert blue.replicas.count() == 2
    assert operation is not None
    operation.refresh_from_db()
    assert operation.state == "Succeeded"


def test_the_gateway_holds_a_generation_to_its_own_limits(world: World, blue: Deployment) -> None:
    def in_force() -> tuple[int, int]:
        assert world.gateway.in_force is not None
        route = world.gateway.in_force.endpoints[0].deployments[0]
        return route.request_timeout_ms, route.max_concurrent_requests_per_instance

    world.compute.breaks["blue"] = {"message": "UserScriptInitFailed: boom"}
    update_deployment(actor=SYSTEM, deployment=blue, request_timeout_ms=9000, max_concurrent_requests_per_instance=4)
    world.settle()
    assert in_force() == (5000, 1)
    world.compute.breaks.clear()
    update_deployment(actor=SYSTEM, deployment=blue, request_timeout_ms=8000)
    world.settle()
    assert in_force() == (8000, 4)


@pytest.mark.parametrize("count", [1, 3])
def test_a_failed_update_keeps_serving_and_says_why(world: World, blue: Deployment, count: int) -> None:
    before = serving(world)
    world.compute.breaks["blue"] = {"message": "UserScriptImportError: No module named 'torch'"}
    update_deployment(actor=SYSTEM, deployment=blue, request_timeout_ms=9000, instance_count=count)
    world.settle()
    blue.refresh_from_db()
    assert (blue.state, blue.failure_code) == ("Failed", "UserScriptImportError")
    assert blue.failure_message == "UserScriptImportError: No module named 'torch'"
    assert serving(world) == before == set(world.compute.seen)
    assert blue.endpoint.traffic == {"blue": 100}
    assert Event.objects.get(verb="deployment.update_failed").reason == blue.failure_message


def test_a_cancelled_update_keeps_serving(world: World, blue: Deployment) -> None:
    before = serving(world)
    _, operation = update_deployment(actor=SYSTEM, deployment=blue, request_timeout_ms=9000)
    for _ in range(3):
        world.run_hints()
    assert operation is not None
    cancel_operation(actor=SYSTEM, operation=operation)
    world.settle()
    blue.refresh_from_db()
    assert (blue.state, set(world.compute.seen)) == ("Canceled", before)


def test_scale_up(world: World, blue: Deployment) -> None:
    before = serving(world)
    update_deployment(actor=SYSTEM, deployment=blue, instance_count=4)
    world.settle()
    blue.refresh_from_db()
    assert (blue.state, blue.generation, blue.serving_count, len(serving(world))) == ("Succeeded", 1, 4, 4)
    assert before < serving(world)
    assert Event.objects.filter(verb="deployment.scale_succeeded").count() == 1


def test_scale_down_unroutes_before_it_stops(world: World, blue: Deployment) -> None:
    update_deployment(actor=SYSTEM, deployment=blue, instance_count=1)
    for _ in range(30):
        world.run_hints()
        assert world.gateway.in_force is not None
        sockets = set(world.gateway.in_force.endpoints[0].deployments[0].sockets)
        stopped = {world.compute.specs[name].socket for name in world.compute.stops}
        assert not sockets & stopped
    world.settle()
    assert len(serving(world)) == len(world.compute.seen) == 1
    assert blue.replicas.get().ordinal == 0


def test_a_failed_scaling_keeps_what_served(world: World, blue: Deployment) -> None:
    before = serving(world)
    world.compute.breaks["blue"] = {"state": "BackingOff", "restarts": 2, "message": "Killed"}
    update_deployment(actor=SYSTEM, deployment=blue, instance_count=3)
    world.settle()
    blue.refresh_from_db()
    assert (blue.state, blue.failure_message, set(world.compute.seen)) == ("Failed", "Killed", before)


def test_a_lost_replica_is_started_again_and_told(world: World, blue: Deployment) -> None:
    lost = f"r-{blue.pk.hex[:12]}-1-1"
    world.compute.vanish(lost)
    world.settle()
    assert len(serving(world)) == 2
    assert world.compute.starts.count(lost) == 2
    told = Event.objects.filter(deployment_id=blue.pk, subject="prices/blue/1").order_by("id")
    assert list(told.values_list("verb", flat=True)) == ["replica.ready", "replica.lost", "replica.ready"]
    blue.refresh_from_db()
    assert blue.state == "Succeeded"


def test_a_replica_that_ends_and_comes_back_is_told(world: World, blue: Deployment) -> None:
    name = f"r-{blue.pk.hex[:12]}-1-0"
    world.compute.tell(name, state="BackingOff", restarts=1, exit_code=-9, reason="BackOff", message="Killed")
    tasks.sweep()
    replica = Replica.objects.get(pk=name)
    assert (replica.state, replica.restarts, replica.exit_code) == ("BackingOff", 1, -9)
    world.compute.tell(name, state="Starting", reason="Started", message="")
    world.settle()
    told = Event.objects.filter(subject="prices/blue/0", verb__startswith="replica.").order_by("id")
    assert [(event.verb, event.reason) for event in told] == [
        ("replica.ready", ""),
        ("replica.ended", "Killed"),
        ("replica.ready", ""),
    ]


def test_delete_goes_out_of_the_routes_first(world: World, blue: Deployment) -> None:
    world.traffic(blue.endpoint, {})
    world.gateway.live = False
    operation = delete_deployment(actor=world.people.actor("owner"), deployment=blue)
    world.settle()
    operation.refresh_from_db()
    assert world.compute.stops == []
    assert [(phase["name"], phase["state"]) for phase in operation.phases] == [
        ("unroute", "running"),
        ("drain", "pending"),
    ]
    assert operation.phases[0]["message"] == "Waiting for the gateway to confirm"
    world.gateway.live = True
    world.settle()
    operation.refresh_from_db()
    blue.refresh_from_db()
    assert (operation.state, blue.deleted_at is not None) == ("Succeeded", True)
    assert {phase["state"] for phase in operation.phases} == {"succeeded"}
    assert (world.compute.seen, world.compute.purged) == ({}, [str(blue.pk)])
    assert world.gateway.tables[-1].endpoints[0].deployments == ()
    verbs = Event.objects.filter(verb__startswith="deployment.delet").order_by("id")
    assert list(verbs.values_list("verb", "actor_name")) == [
        ("deployment.deletion_started", "owner@example.com"),
        ("deployment.deleted", "system"),
    ]


def test_a_deletion_that_meets_trouble_goes_on_for_ever(world: World, blue: Deployment) -> None:
    world.traffic(blue.endpoint, {})
    world.compute.refusal = "supervisord does not answer."
    operation = delete_deployment(actor=SYSTEM, deployment=blue)
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        world.settle()
    operation.refresh_from_db()
    blue.refresh_from_db()
    assert (operation.state, blue.state) == ("Running", "Deleting")
    assert "supervisord does not answer. Trying again." in [phase["message"] for phase in operation.phases]
    world.compute.refusal = ""
    world.settle()
    blue.refresh_from_db()
    assert blue.deleted_at is not None
