"""From “create deployment” to an answer, or to the reason why not."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from endpoints import tasks
from endpoints.domain.actor import SYSTEM
from endpoints.models import Deployment, Endpoint, Event, Operation, Replica
from endpoints.selectors.endpoints import deployment_of, replica_of
from endpoints.services.deployments import create_deployment, delete_deployment
from endpoints.services.operations import cancel_operation
from tests.world import World


@pytest.fixture
def endpoint(world: World) -> Endpoint:
    return world.endpoint("prices")


def phases(operation: Operation) -> dict[str, str]:
    operation.refresh_from_db()
    return {phase["name"]: phase["state"] for phase in operation.phases}


def test_through_its_phases_to_succeeded(world: World, endpoint: Endpoint) -> None:
    deployment = world.deployment(endpoint, instance_count=2)
    assert (deployment.state, deployment.serving_generation, deployment.serving_count) == ("Succeeded", 1, 2)
    operation = deployment.operations.get()
    assert (operation.state, operation.finished_at is not None) == ("Succeeded", True)
    assert set(phases(operation).values()) == {"succeeded"}
    times = [(phase["started_at"], phase["finished_at"]) for phase in operation.phases]
    assert all(started <= finished for started, finished in times)
    assert times == sorted(times)
    route = world.gateway.tables[-1].endpoints[0].deployments[0]
    assert (route.name, route.weight, len(route.sockets)) == ("blue", 0, 2)
    assert {replica.state for replica in deployment.replicas.all()} == {"Ready"}


def test_each_phase_is_seen_while_it_runs(world: World, endpoint: Endpoint) -> None:
    world.deployment(endpoint, settled=False)
    operation = Operation.objects.get()
    seen: list[str] = []
    for _ in range(40):
        running = [name for name, state in phases(operation).items() if state == "running"]
        seen += [name for name in running if name not in seen]
        world.run_hints()
        world.advance()
        tasks.reconcile_gateway()
    assert seen == ["environment", "start", "route"]
    assert operation.state == "Succeeded"


def test_what_runs_is_what_was_specified(world: World, endpoint: Endpoint) -> None:
    deployment = world.deployment(endpoint, environment_variables={"LEVEL": "debug"}, request_timeout_ms=7000)
    spec = world.compute.specs[deployment.replicas.get().pk]
    assert (spec.endpoint, spec.deployment, spec.generation, spec.ordinal) == ("prices", "blue", 1, 0)
    assert spec.environment["LEVEL"] == "debug"
    assert deployment.model is not None
    assert spec.environment["AZUREML_MODEL_DIR"] == str(world.store.path(deployment.model.artifact_id))
    assert "7000" in spec.command
    assert spec.memory_bytes == deployment.instance_type.memory_mib * 1024 * 1024
    assert not any("SECRET" in name or "DJANGO" in name for name in spec.environment)
    assert spec.socket == deployment.replicas.get().socket
    assert len(spec.socket.encode()) <= 107


def test_events_tell_who_and_what(world: World, endpoint: Endpoint) -> None:
    deployment = world.deployment(endpoint)
    told = Event.objects.filter(deployment_id=deployment.pk).order_by("id")
    assert [(event.verb, event.actor_name, event.source) for event in told] == [
        ("deployment.created", "system", "system"),
        ("replica.ready", "system", "system"),
        ("deployment.create_succeeded", "system", "system"),
    ]
    done = told.last()
    assert done is not None
    assert (done.before, done.after) == ({"state": "Creating"}, {"state": "Succeeded"})


def test_build_failure_is_quoted(world: World, endpoint: Endpoint) -> None:
    world.builder.error = "Because nosuch was not found in the package registry, it cannot be installed."
    deployment = world.deployment(endpoint)
    assert (deployment.state, deployment.failure_code) == ("Failed", "ImageBuildFailure")
    assert deployment.failure_message == world.builder.error
    operation = deployment.operations.get()
    assert (operation.state, operation.failure_code) == ("Failed", "ImageBuildFailure")
    assert phases(operation) == {
        "artifacts": "succeeded",
        "environment": "failed",
        "start": "pending",
        "probe": "pending",
        "route": "pending",
    }
    assert operation.phases[1]["message"] == world.builder.error
    assert world.compute.starts == []
    event = Event.objects.get(verb="deployment.create_failed")
    assert (event.after, event.reason) == ({"state": "Failed", "code": "ImageBuildFailure"}, world.builder.error)


def test_a_build_that_fails_at_once_is_not_tried_for_ever(
    world: World, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.builder.error = "No such package."
    start = world.builder.start

    def fails_at_once(spec: Any) -> None:
        start(spec)
        world.builder.advance()

    monkeypatch.setattr(world.builder, "start", fails_at_once)
    assert world.deployment(endpoint).failure_message == "No such package."
    assert len(world.builder.starts) == 1


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("UserScriptImportError: ModuleNotFoundError: No module named 'torch'", "UserScriptImportError"),
        ("UserScriptInitFailed: FileNotFoundError: model.pkl", "UserScriptInitFailed"),
        ("UserScriptFunctionNotFound: score.py has no function run", "UserScriptFunctionNotFound"),
    ],
)
def test_script_failures_are_quoted_and_cost_nothing_more(
    world: World, endpoint: Endpoint, message: str, code: str
) -> None:
    world.compute.breaks["blue"] = {"state": "BackingOff", "restarts": 1, "message": message}
    deployment = world.deployment(endpoint)
    assert (deployment.state, deployment.failure_code, deployment.failure_message) == ("Failed", code, message)
    assert world.compute.seen == {}
    assert deployment.serving_generation is None
    world.settle()
    assert len(world.compute.starts) == 1


def test_the_log_of_what_failed_can_still_be_found(world: World, endpoint: Endpoint) -> None:
    world.compute.breaks["blue"] = {"message": "UserScriptInitFailed: boom"}
    world.deployment(endpoint)
    replica = replica_of(deployment_of(endpoint, "blue"), 0)
    world.compute.logs[replica.pk] = "Traceback ...\n"
    assert (replica.state, replica.pid) == ("Stopped", None)
    assert replica.stopping_at is not None
    assert world.compute.read_log(replica.pk).text == "Traceback ...\n"


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (
            {"state": "Unready", "reason": "ReadinessProbeFailed", "message": "Not ready after 310 s: 503."},
            "Not ready after 310 s: 503.",
        ),
        ({"state": "BackingOff", "reason": "BackOff", "restarts": 2, "message": "exit code 1"}, "exit code 1"),
    ],
)
def test_never_ready(world: World, endpoint: Endpoint, seen: dict[str, Any], said: str) -> None:
    world.compute.breaks["blue"] = seen
    deployment = world.deployment(endpoint)
    assert (deployment.state, deployment.failure_code) == ("Failed", "ResourceNotReady")
    assert deployment.failure_message == said
    assert phases(deployment.operations.get())["probe"] == "failed"
    assert world.compute.seen == {}


def test_files_that_are_gone(world: World, endpoint: Endpoint) -> None:
    deployment = world.deployment(endpoint, settled=False)
    assert deployment.model is not None
    world.store.delete(deployment.model.artifact_id)
    world.settle()
    deployment.refresh_from_db()
    assert (deployment.state, deployment.failure_code) == ("Failed", "BadArgument")
    assert "model classifier:1 are not in the store" in deployment.failure_message
    assert phases(deployment.operations.get())["artifacts"] == "failed"


@pytest.mark.parametrize("steps", range(7))
def test_cancel_at_any_point(world: World, endpoint: Endpoint, steps: int) -> None:
    """The gateway does not answer, so that it is never through by then."""
    world.gateway.live = False
    deployment = world.deployment(endpoint, settled=False)
    operation = deployment.operations.get()
    for _ in range(steps):
        world.run_hints()
        world.advance()
    world.gateway.live = True
    cancel_operation(actor=world.people.actor("owner"), operation=operation)
    world.settle()
    deployment.refresh_from_db()
    operation.refresh_from_db()
    assert (deployment.state, operation.state) == ("Canceled", "Canceled")
    assert world.compute.seen == {}
    assert "running" not in phases(operation).values()
    assert Event.objects.filter(verb="deployment.create_canceled").count() == 1


def test_deletion_while_creating(world: World, endpoint: Endpoint) -> None:
    deployment = world.deployment(endpoint, settled=False)
    for _ in range(3):
        world.run_hints()
        world.advance()
    delete_deployment(actor=SYSTEM, deployment=deployment)
    world.settle()
    deployment.refresh_from_db()
    assert deployment.deleted_at is not None
    assert world.compute.seen == {}
    assert not Replica.objects.exists()


def test_nothing_is_called_done_that_the_gateway_did_not_confirm(world: World, endpoint: Endpoint) -> None:
    world.gateway.live = False
    deployment = world.deployment(endpoint)
    assert (deployment.state, deployment.serving_generation) == ("Creating", None)
    assert phases(deployment.operations.get())["route"] == "running"
    assert deployment.operations.get().phases[-1]["message"] == "Waiting for the gateway to confirm"
    world.gateway.live = True
    world.settle()
    deployment.refresh_from_db()
    assert deployment.state == "Succeeded"


def test_nor_what_the_gateway_does_not_find_healthy(world: World, endpoint: Endpoint) -> None:
    world.gateway.unhealthy = 1
    deployment = world.deployment(endpoint, instance_count=2)
    assert (deployment.state, deployment.operations.get().phases[-1]["state"]) == ("Creating", "running")
    world.gateway.unhealthy = 0
    world.settle()
    deployment.refresh_from_db()
    assert deployment.state == "Succeeded"


def test_a_supervisor_that_is_away_for_a_while(world: World, endpoint: Endpoint) -> None:
    world.compute.refusal = "supervisord does not answer."
    deployment = world.deployment(endpoint)
    operation = deployment.operations.get()
    assert (deployment.state, operation.troubled_at is not None) == ("Creating", True)
    assert "supervisord does not answer. Trying again." in [phase["message"] for phase in operation.phases]
    world.compute.refusal = ""
    world.settle()
    deployment.refresh_from_db()
    operation.refresh_from_db()
    assert (deployment.state, operation.troubled_at) == ("Succeeded", None)


def test_a_supervisor_that_does_not_come_back(world: World, endpoint: Endpoint) -> None:
    world.compute.refusal = "supervisord does not answer."
    deployment = world.deployment(endpoint)
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        world.settle()
    deployment.refresh_from_db()
    assert (deployment.state, deployment.failure_code) == ("Failed", "InternalServerError")
    assert deployment.failure_message == "supervisord does not answer."


def test_a_shared_environment_is_built_once(world: World, endpoint: Endpoint) -> None:
    world.deployment(endpoint, "blue")
    world.deployment(endpoint, "green")
    assert len(world.builder.starts) == 1


def test_an_environment_that_was_thrown_away_is_built_again(world: World, endpoint: Endpoint) -> None:
    world.deployment(endpoint, "blue")
    world.builder.seen.clear()
    assert world.deployment(endpoint, "green").state == "Succeeded"
    assert len(world.builder.starts) == 2


def test_two_deployments_at_once(world: World, endpoint: Endpoint) -> None:
    world.deployment(endpoint, "blue", settled=False)
    world.deployment(endpoint, "green", settled=False)
    world.settle()
    assert set(Deployment.objects.values_list("state", flat=True)) == {"Succeeded"}


def test_all_the_traffic_is_given_once_it_serves(world: World, endpoint: Endpoint) -> None:
    world.gateway.live = False
    create_deployment(
        actor=SYSTEM, endpoint=endpoint, name="blue", specification=world.specification(), all_traffic=True
    )
    world.settle()
    endpoint.refresh_from_db()
    assert endpoint.traffic == {}
    world.gateway.live = True
    world.settle()
    endpoint.refresh_from_db()
    assert endpoint.live_traffic == {"blue": 100}
    assert Event.objects.get(verb="traffic.updated").reason == "Asked for when blue was created."
    world.deployment(endpoint, "green")
    world.traffic(endpoint, {"green": 100})
    endpoint.refresh_from_db()
    assert endpoint.live_traffic == {"green": 100}
