import json
from dataclasses import replace
from typing import Any

import pytest

from endpoints.domain.actor import SYSTEM
from endpoints.domain.errors import Conflict, Invalid, StaleVersion, Unavailable
from endpoints.enums import OperationKind, OperationState, ProvisioningState
from endpoints.models import Deployment, Endpoint, Event, Operation
from endpoints.services import deployments
from endpoints.services.deployments import create_deployment, delete_deployment, retry_deployment, update_deployment
from endpoints.services.endpoints import delete_endpoint
from endpoints.services.specification import check_specification
from tests.factories import DeploymentFactory
from tests.world import World

ANY_CHANGE: list[dict[str, Any]] = [{"instance_count": 2}, {"request_timeout_ms": 9000}]


@pytest.fixture
def endpoint(world: World) -> Endpoint:
    return world.endpoint("prices")


def test_created_with_an_operation_an_event_and_a_hint(world: World, endpoint: Endpoint) -> None:
    actor = world.people.actor("contributor")
    world.hints.take()
    deployment, operation = create_deployment(
        actor=actor,
        endpoint=endpoint,
        name="blue",
        specification=world.specification(environment_variables={"TOKEN": "hush"}),
        tags={"stage": "test"},
    )
    assert (deployment.state, deployment.generation, deployment.serving_generation) == ("Creating", 1, None)
    assert (operation.kind, operation.state, operation.created_by) == ("create", "Running", actor.user)
    assert [phase["name"] for phase in operation.phases] == ["artifacts", "environment", "start", "probe", "route"]
    assert {phase["state"] for phase in operation.phases} == {"pending"}
    event = Event.objects.get(verb="deployment.created")
    assert (event.actor_name, event.subject) == ("contributor@example.com", "prices/blue")
    assert event.after is not None
    assert event.after["model"] == "classifier:1"
    assert event.after["environment_variables"] == ["TOKEN"]
    assert [hint.task for hint in world.hints.take()] == ["reconcile_deployment"]
    endpoint.refresh_from_db()
    assert endpoint.traffic == {}


def test_values_of_variables_are_in_no_event(world: World, endpoint: Endpoint) -> None:
    deployment = world.deployment(endpoint, environment_variables={"TOKEN": "hush"})
    update_deployment(actor=SYSTEM, deployment=deployment, environment_variables={"TOKEN": "hushhush"})
    world.settle()
    told = json.dumps(list(Event.objects.values("subject", "before", "after", "reason")))
    assert "hush" not in told
    assert Event.objects.filter(verb="deployment.updated").exists()


def test_a_name_once_in_an_endpoint_whatever_its_case(world: World, endpoint: Endpoint) -> None:
    world.deployment(endpoint, "blue")
    with pytest.raises(Invalid) as caught:
        world.deployment(endpoint, "Blue")
    assert "has a deployment “Blue” already" in caught.value.fields["name"]
    assert endpoint.deployments.count() == 1
    assert Operation.objects.count() == 1


def test_the_same_name_under_another_endpoint(world: World, endpoint: Endpoint) -> None:
    world.deployment(endpoint, "blue")
    assert world.deployment(world.endpoint("other"), "blue").state == "Succeeded"


def test_twenty_and_no_more(world: World, endpoint: Endpoint) -> None:
    DeploymentFactory.create_batch(20, endpoint=endpoint)
    with pytest.raises(Invalid, match="at most 20 deployments"):
        world.deployment(endpoint, settled=False)


def test_colours_are_taken_in_turn(world: World, endpoint: Endpoint) -> None:
    slots = [world.deployment(endpoint, f"d-{n}0", settled=False).color_slot for n in range(9)]
    assert slots == [0, 1, 2, 3, 4, 5, 6, 7, 0]


def test_not_under_what_is_being_deleted(world: World, endpoint: Endpoint) -> None:
    specification = world.specification()
    delete_endpoint(actor=SYSTEM, endpoint=endpoint)
    with pytest.raises(Conflict, match="is being deleted"):
        create_deployment(actor=SYSTEM, endpoint=endpoint, name="blue", specification=specification)


def test_words_change_without_an_operation(world: World, endpoint: Endpoint) -> None:
    deployment = world.deployment(endpoint)
    changed, operation = update_deployment(
        actor=world.people.actor("owner"), deployment=deployment, description="New", tags={"a": "b"}
    )
    assert operation is None
    assert (changed.description, changed.tags, changed.state, changed.generation) == ("New", {"a": "b"}, "Succeeded", 1)
    event = Event.objects.get(verb="deployment.described")
    assert (event.before, event.after) == (
        {"description": "", "tags": {}},
        {"description": "New", "tags": {"a": "b"}},
    )


def test_nothing_new_changes_nothing(world: World, endpoint: Endpoint) -> None:
    deployment = world.deployment(endpoint)
    before = Event.objects.count()
    _, operation = update_deployment(actor=SYSTEM, deployment=deployment, instance_count=1, description="")
    assert operation is None
    assert Event.objects.count() == before


def test_a_count_scales(world: World, endpoint: Endpoint) -> None:
    deployment = world.deployment(endpoint)
    changed, operation = update_deployment(actor=SYSTEM, deployment=deployment, instance_count=3)
    assert operation is not None
    assert (changed.state, changed.generation, operation.kind) == ("Scaling", 1, OperationKind.SCALE)
    event = Event.objects.get(verb="deployment.scaled")
    assert (event.before, event.after) == ({"instance_count": 1}, {"instance_count": 3})


def test_anything_else_is_a_new_generation(world: World, endpoint: Endpoint) -> None:
    deployment = world.deployment(endpoint)
    changed, operation = update_deployment(
        actor=SYSTEM, deployment=deployment, instance_count=2, request_timeout_ms=9000
    )
    assert operation is not None
    assert (changed.state, changed.generation, operation.kind) == ("Updating", 2, OperationKind.UPDATE)
    event = Event.objects.get(verb="deployment.updated")
    assert event.before == {"instance_count": 1, "request_timeout_ms": 5000}
    assert event.after == {"instance_count": 2, "request_timeout_ms": 9000}


def test_not_while_an_operation_runs(world: World, endpoint: Endpoint) -> None:
    deployment = world.deployment(endpoint, settled=False)
    for changes in ANY_CHANGE:
        with pytest.raises(Conflict, match="blue is Creating; it cannot"):
            update_deployment(actor=SYSTEM, deployment=deployment, description="Not kept", **changes)
    deployment.refresh_from_db()
    assert (deployment.instance_count, deployment.generation, deployment.description) == (1, 1, "")
    with pytest.raises(Conflict):
        retry_deployment(actor=SYSTEM, deployment=deployment)


def test_words_may_change_while_an_operation_runs(world: World, endpoint: Endpoint) -> None:
    deployment = world.deployment(endpoint, settled=False)
    update_deployment(actor=SYSTEM, deployment=deployment, description="New")
    world.settle()
    deployment.refresh_from_db()
    assert (deployment.description, deployment.state) == ("New", "Succeeded")


def test_made_against_an_older_generation_is_refused(world: World, endpoint: Endpoint) -> None:
    deployment = world.deployment(endpoint)
    update_deployment(actor=SYSTEM, deployment=deployment, request_timeout_ms=9000, expected_generation=1)
    world.settle()
    with pytest.raises(StaleVersion, match="at generation 2, your change was made against 1"):
        update_deployment(actor=SYSTEM, deployment=deployment, request_timeout_ms=8000, expected_generation=1)


def test_a_field_that_is_not_there(world: World, endpoint: Endpoint) -> None:
    with pytest.raises(Invalid) as caught:
        update_deployment(actor=SYSTEM, deployment=world.deployment(endpoint), replicas=3)
    assert caught.value.fields == {"replicas": "There is no such field."}


def test_what_failed_may_be_given_another_count(world: World, endpoint: Endpoint) -> None:
    world.compute.breaks["blue"] = {"message": "UserScriptInitFailed: boom"}
    deployment = world.deployment(endpoint)
    assert deployment.state == "Failed"
    world.compute.breaks.clear()
    changed, operation = update_deployment(actor=SYSTEM, deployment=deployment, instance_count=2)
    assert operation is not None
    assert (changed.state, changed.generation, changed.failure_message) == ("Updating", 2, "")
    world.settle()
    assert Deployment.objects.get().state == "Succeeded"


def test_retry_is_a_new_generation_of_the_same(world: World, endpoint: Endpoint) -> None:
    world.builder.error = "No such package: nosuch"
    deployment = world.deployment(endpoint)
    assert (deployment.state, deployment.failure_code) == ("Failed", "ImageBuildFailure")
    world.builder.error = ""
    operation = retry_deployment(actor=world.people.actor("owner"), deployment=deployment)
    assert (operation.kind, operation.generation) == ("update", 2)
    world.settle()
    deployment.refresh_from_db()
    assert (deployment.state, deployment.serving_generation) == ("Succeeded", 2)
    assert Event.objects.get(verb="deployment.retried").actor_name == "owner@example.com"
    with pytest.raises(Conflict, match="nothing to retry"):
        retry_deployment(actor=SYSTEM, deployment=deployment)


def test_retry_of_what_cannot_run_any_more(world: World, endpoint: Endpoint) -> None:
    world.builder.error = "No such package: nosuch"
    deployment = world.deployment(endpoint)
    type(deployment.instance_type).objects.update(enabled=False)
    with pytest.raises(Invalid) as caught:
        retry_deployment(actor=SYSTEM, deployment=deployment)
    assert list(caught.value.fields) == ["instance_type"]
    deployment.refresh_from_db()
    assert (deployment.state, deployment.generation) == ("Failed", 1)


def test_words_change_though_the_specification_is_out_of_date(world: World, endpoint: Endpoint) -> None:
    deployment = world.deployment(endpoint)
    type(deployment.instance_type).objects.update(enabled=False)
    changed, _ = update_deployment(actor=SYSTEM, deployment=deployment, description="New")
    assert changed.description == "New"


def test_delete_is_refused_with_traffic_asked_for_or_live(world: World, endpoint: Endpoint) -> None:
    blue = world.deployment(endpoint, "blue")
    world.deployment(endpoint, "green")
    world.traffic(endpoint, {"blue": 90, "green": 10})
    with pytest.raises(Conflict, match=r"blue has 90 % of the traffic of “prices”\. Shift it to another deployment"):
        delete_deployment(actor=SYSTEM, deployment=blue)
    world.gateway.live = False
    world.traffic(endpoint, {"green": 100})
    with pytest.raises(Conflict, match="blue has 90 %"):
        delete_deployment(actor=SYSTEM, deployment=blue)
    world.gateway.live = True
    world.settle()
    delete_deployment(actor=SYSTEM, deployment=blue)
    world.settle()
    assert [item.name for item in endpoint.deployments.present()] == ["green"]


def test_delete_twice(world: World, endpoint: Endpoint) -> None:
    deployment = world.deployment(endpoint)
    delete_deployment(actor=SYSTEM, deployment=deployment)
    with pytest.raises(Conflict, match="is being deleted already"):
        delete_deployment(actor=SYSTEM, deployment=deployment)
    for change in (update_deployment, retry_deployment):
        with pytest.raises(Conflict, match="blue is being deleted"):
            change(actor=SYSTEM, deployment=deployment)


def test_delete_supersedes_what_runs(world: World, endpoint: Endpoint) -> None:
    deployment = world.deployment(endpoint, settled=False)
    world.step()
    world.step()
    running = world.running(endpoint)[0]
    deletion = delete_deployment(actor=SYSTEM, deployment=deployment)
    running.refresh_from_db()
    assert (running.state, running.failure_code) == (OperationState.CANCELED, "OperationCanceled")
    assert running.failure_message == "Superseded: delete was asked for."
    assert running.finished_at is not None
    assert {phase["state"] for phase in running.phases} <= {"succeeded", "canceled"}
    assert (deletion.kind, [phase["name"] for phase in deletion.phases]) == ("delete", ["unroute", "drain"])
    world.settle()
    deployment.refresh_from_db()
    assert deployment.deleted_at is not None
    assert world.compute.seen == {}


def test_restart_of_a_replica(world: World, endpoint: Endpoint) -> None:
    replica = world.deployment(endpoint, instance_count=2).replicas.get(ordinal=1)
    world.hints.take()
    deployments.restart_replica(actor=world.people.actor("contributor"), replica=replica)
    assert world.compute.restarted == [replica.pk]
    assert Event.objects.get(verb="replica.restarted").subject == "prices/blue/1"
    assert [hint.delay for hint in world.hints.take()] == [0.5]


def test_restart_where_nobody_answers(world: World, endpoint: Endpoint) -> None:
    replica = world.deployment(endpoint).replicas.get()
    world.compute.refusal = "supervisord does not answer."
    with pytest.raises(Unavailable, match="supervisord does not answer"):
        deployments.restart_replica(actor=SYSTEM, replica=replica)
    assert not Event.objects.filter(verb="replica.restarted").exists()


def test_restart_of_what_is_being_stopped(world: World, endpoint: Endpoint) -> None:
    deployment = world.deployment(endpoint)
    delete_deployment(actor=SYSTEM, deployment=deployment)
    with pytest.raises(Conflict):
        deployments.restart_replica(actor=SYSTEM, replica=deployment.replicas.get())


def test_changed_between_reading_and_writing(world: World, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else's change lands while the specification is being checked."""
    deployment = world.deployment(endpoint)

    def meanwhile(specification: Any, **rest: Any) -> Any:
        Deployment.objects.update(request_timeout_ms=1234)
        return check_specification(specification, **rest)

    monkeypatch.setattr(deployments, "check_specification", meanwhile)
    with pytest.raises(StaleVersion, match="changed at the same moment"):
        update_deployment(actor=SYSTEM, deployment=deployment, max_request_bytes=4096)
    deployment.refresh_from_db()
    assert (deployment.state, deployment.generation, deployment.request_timeout_ms) == ("Succeeded", 1, 1234)


def test_describe_has_every_field(world: World) -> None:
    specification = replace(world.specification(), model=None)
    described = deployments.describe(specification)
    assert set(described) == set(specification.__dataclass_fields__)
    assert described["model"] == ""
    json.dumps(described)


def test_states_are_left_at_rest(world: World, endpoint: Endpoint) -> None:
    world.deployment(endpoint)
    assert endpoint.deployments.get().state == ProvisioningState.SUCCEEDED
    assert world.running(endpoint) == []
