"""Generations are kept, compared and brought back; who comes too late learns why."""

from typing import Any

import pytest

from endpoints.domain.actor import SYSTEM
from endpoints.domain.errors import Conflict, Forbidden, Invalid, NotFound, StaleVersion
from endpoints.models import Deployment, DeploymentRevision, Endpoint, Event
from endpoints.selectors.revisions import as_of, revision_of
from endpoints.services import generations
from endpoints.services.authentication import set_auth_mode
from endpoints.services.deployments import retry_deployment, specification_of, update_deployment
from endpoints.services.endpoints import update_endpoint
from endpoints.services.limits import set_cors, set_limits
from endpoints.services.revisions import compared, roll_back
from endpoints.services.traffic import set_traffic
from tests.world import World


@pytest.fixture
def blue(world: World) -> Deployment:
    return world.deployment(world.endpoint("prices"), "blue", instance_count=2)


def change(deployment: Deployment, **changes: Any) -> Deployment:
    update_deployment(actor=SYSTEM, deployment=deployment, **changes)
    return deployment


def kept(deployment: Deployment) -> list[tuple[int, str]]:
    return list(deployment.revisions.order_by("generation").values_list("generation", "outcome"))


def test_each_generation_is_kept_with_what_became_of_it(world: World, blue: Deployment) -> None:
    assert kept(blue) == [(1, "Succeeded")]
    change(blue, request_timeout_ms=9000)
    assert kept(blue) == [(1, "Succeeded"), (2, "Rolling")]
    world.settle()
    world.compute.breaks["blue"] = {"message": "UserScriptInitFailed: boom"}
    change(blue, request_timeout_ms=7000)
    world.settle()
    assert kept(blue) == [(1, "Succeeded"), (2, "Succeeded"), (3, "Failed")]
    failed = revision_of(blue, 3)
    assert (failed.failure_code, failed.failure_message) == ("UserScriptInitFailed", "UserScriptInitFailed: boom")
    assert [revision_of(blue, number).request_timeout_ms for number in (1, 2, 3)] == [5000, 9000, 7000]
    retry_deployment(actor=SYSTEM, deployment=blue)
    assert kept(blue)[-1] == (4, "Rolling")


def test_a_count_is_noted_in_its_generation(world: World, blue: Deployment) -> None:
    change(blue, instance_count=3)
    world.settle()
    assert (kept(blue), revision_of(blue, 1).instance_count) == ([(1, "Succeeded")], 3)
    world.compute.breaks["blue"] = {"state": "BackingOff", "restarts": 2, "message": "Killed"}
    change(blue, instance_count=4)
    world.settle()
    assert kept(blue) == [(1, "Succeeded")]


def test_what_serves_stays_and_the_oldest_go(world: World, blue: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generations, "KEPT", 2)
    world.compute.breaks["blue"] = {"message": "UserScriptInitFailed: boom"}
    for timeout in (6000, 7000, 8000, 9000):
        change(blue, request_timeout_ms=timeout)
        world.settle()
    assert [number for number, _ in kept(blue)] == [1, 4, 5]


def test_one_from_before_generations_were_kept_gets_its_own_at_the_next_change(world: World, blue: Deployment) -> None:
    DeploymentRevision.objects.all().delete()
    change(blue, request_timeout_ms=9000)
    assert kept(blue) == [(1, "Succeeded"), (2, "Rolling")]
    assert (revision_of(blue, 1).request_timeout_ms, revision_of(blue, 1).actor_name) == (5000, "system")


def test_a_deployment_as_it_was_is_a_copy(world: World, blue: Deployment) -> None:
    change(blue, request_timeout_ms=9000)
    blue.refresh_from_db()
    past = as_of(blue, revision_of(blue, 1))
    assert (past.request_timeout_ms, past.generation, past.environment_hash) == (5000, 1, blue.environment_hash)
    assert (blue.request_timeout_ms, blue.generation) == (9000, 2)


def test_rolling_back_is_a_new_generation(world: World, blue: Deployment) -> None:
    change(blue, request_timeout_ms=9000, environment_variables={"A": "1"})
    world.settle()
    change(blue, instance_count=3, max_surge="2")
    world.settle()
    changed, operation = roll_back(actor=world.people.actor("contributor"), deployment=blue, generation=1)
    assert (operation.kind, changed.generation) == ("update", 3)
    world.settle()
    changed.refresh_from_db()
    assert (changed.state, changed.serving_generation, changed.request_timeout_ms) == ("Succeeded", 3, 5000)
    assert (changed.instance_count, changed.max_surge, changed.environment_variables) == (3, "2", {})
    revision = revision_of(changed, 3)
    assert (revision.rolled_back_to, revision.reason) == (1, "Back to generation 1.")
    event = Event.objects.get(verb="deployment.rolled_back")
    assert (event.actor_name, event.after) == (
        "contributor@example.com",
        {"environment_variables": [], "request_timeout_ms": 5000},
    )


def test_what_cannot_be_rolled_back(world: World, blue: Deployment) -> None:
    actor = world.people.actor("contributor")
    with pytest.raises(NotFound, match="no generation 9"):
        roll_back(actor=actor, deployment=blue, generation=9)
    with pytest.raises(Conflict, match="specified as in generation 1 already"):
        roll_back(actor=actor, deployment=blue, generation=1)
    change(blue, request_timeout_ms=9000)
    world.settle()
    with pytest.raises(Forbidden):
        roll_back(actor=world.people.actor("reader"), deployment=blue, generation=1)
    with pytest.raises(StaleVersion):
        roll_back(actor=actor, deployment=blue, generation=1, expected_generation=1)
    assert [number for number, _ in kept(blue)] == [1, 2]


def test_an_archived_model_is_not_brought_back(world: World, blue: Deployment) -> None:
    old = blue.model
    assert old is not None
    change(blue, model=world.model("newer"))
    world.settle()
    type(old).objects.filter(pk=old.pk).update(archived_at=blue.created_at)
    with pytest.raises(Invalid, match="is archived"):
        roll_back(actor=SYSTEM, deployment=blue, generation=1)


def test_a_comparison_shows_no_value_of_a_variable(world: World, blue: Deployment) -> None:
    change(blue, environment_variables={"A": "hush", "B": "hush"}, request_timeout_ms=9000)
    world.settle()
    change(blue, environment_variables={"A": "louder"})
    one, two, three = (specification_of(revision_of(blue, number)) for number in (1, 2, 3))
    assert compared(one, two) == [
        {"field": "request_timeout_ms", "before": 5000, "after": 9000},
        {"field": "environment_variables.A", "before": None, "after": "set"},
        {"field": "environment_variables.B", "before": None, "after": "set"},
    ]
    assert compared(two, three) == [
        {"field": "environment_variables.A", "before": "set", "after": "another value"},
        {"field": "environment_variables.B", "before": "set", "after": None},
    ]
    assert compared(one, one) == []


class TestRollout:
    def test_how_it_rolls_needs_no_operation(self, world: World, blue: Deployment) -> None:
        changed, operation = update_deployment(
            actor=SYSTEM, deployment=blue, max_surge="100%", progress_deadline_seconds=60
        )
        assert (operation, changed.generation, changed.max_surge) == (None, 1, "100%")
        event = Event.objects.get(verb="deployment.rollout_set")
        assert event.after == {"max_surge": "100%", "progress_deadline_seconds": 60}
        assert revision_of(blue, 1).max_surge == "100%"

    def test_with_a_count_it_scales(self, world: World, blue: Deployment) -> None:
        changed, operation = update_deployment(actor=SYSTEM, deployment=blue, max_surge="3", instance_count=4)
        assert operation is not None
        assert (operation.kind, changed.generation, changed.max_surge) == ("scale", 1, "3")

    def test_one_that_failed_keeps_its_failure(self, world: World, blue: Deployment) -> None:
        world.compute.breaks["blue"] = {"message": "UserScriptInitFailed: boom"}
        change(blue, request_timeout_ms=9000)
        world.settle()
        changed, operation = update_deployment(actor=SYSTEM, deployment=blue, max_surge="3")
        assert (operation, changed.state, changed.max_surge) == (None, "Failed", "3")

    @pytest.mark.parametrize(
        "wrong", [{"max_surge": "0"}, {"max_surge": "101%"}, {"progress_deadline_seconds": 9}, {"max_surge": ""}]
    )
    def test_what_it_cannot_be(self, blue: Deployment, wrong: dict[str, Any]) -> None:
        with pytest.raises(Invalid) as caught:
            update_deployment(actor=SYSTEM, deployment=blue, **wrong)
        assert set(caught.value.fields) == set(wrong)
        blue.refresh_from_db()
        assert (blue.max_surge, blue.progress_deadline_seconds) == ("25%", None)


class TestStale:
    def test_of_a_deployment(self, world: World, blue: Deployment) -> None:
        update_deployment(
            actor=world.people.actor("contributor"), deployment=blue, request_timeout_ms=9000, reason="Slow."
        )
        world.settle()
        change(blue, environment_variables={"TOKEN": "hush"})
        world.settle()
        with pytest.raises(StaleVersion) as caught:
            change(blue, expected_generation=1, request_timeout_ms=1000)
        first, second = caught.value.changes
        assert (first["by"], first["reason"], first["verb"]) == (
            "contributor@example.com",
            "Slow.",
            "deployment.updated",
        )
        assert first["fields"] == [{"field": "request_timeout_ms", "before": 5000, "after": 9000}]
        assert second["fields"] == [{"field": "environment_variables", "before": [], "after": ["TOKEN"]}]
        assert first["at"] < second["at"]
        with pytest.raises(StaleVersion) as later:
            change(blue, expected_generation=2, request_timeout_ms=1000)
        assert later.value.changes == [second]

    def test_of_one_whose_generations_are_not_kept(self, world: World, blue: Deployment) -> None:
        change(blue, request_timeout_ms=9000)
        DeploymentRevision.objects.all().delete()
        with pytest.raises(StaleVersion) as caught:
            change(blue, expected_generation=1, request_timeout_ms=1000)
        assert caught.value.changes == []

    def test_of_the_traffic(self, world: World, blue: Deployment) -> None:
        endpoint = blue.endpoint
        for shares in ({"blue": 100}, {}, {"blue": 100}):
            set_traffic(actor=world.people.actor("owner"), endpoint=endpoint, traffic=shares)
        with pytest.raises(StaleVersion) as caught:
            set_traffic(actor=SYSTEM, endpoint=endpoint, traffic={}, expected_version=2)
        told = [(each["by"], each["fields"]) for each in caught.value.changes]
        assert told == [
            ("owner@example.com", [{"field": "blue", "before": 100, "after": None}]),
            ("owner@example.com", [{"field": "blue", "before": None, "after": 100}]),
        ]

    def test_of_the_settings(self, world: World, blue: Deployment) -> None:
        endpoint = Endpoint.objects.get(pk=blue.endpoint_id)
        actor = world.people.actor("owner")
        update_endpoint(actor=actor, endpoint=endpoint, description="Prices", expected_version=1)
        set_limits(actor=actor, endpoint=endpoint, requests_per_second=5, kilobytes_per_second=None, expected_version=2)
        set_cors(actor=actor, endpoint=endpoint, origins=["*"], expected_version=3)
        set_auth_mode(actor=actor, endpoint=endpoint, auth_mode="aml_token", expected_version=4)
        update_endpoint(actor=actor, endpoint=endpoint, description="Prices", expected_version=5)  # nothing new
        calls: list[Any] = [
            lambda: update_endpoint(actor=actor, endpoint=endpoint, description="Late", expected_version=4),
            lambda: set_cors(actor=actor, endpoint=endpoint, origins=[], expected_version=4),
            lambda: set_auth_mode(actor=actor, endpoint=endpoint, auth_mode="key", expected_version=4),
        ]
        for call in calls:
            with pytest.raises(StaleVersion) as caught:
                call()
            (only,) = caught.value.changes
            assert only["fields"] == [{"field": "auth_mode", "before": "key", "after": "aml_token"}]
        endpoint.refresh_from_db()
        assert (endpoint.settings_version, endpoint.description, endpoint.auth_mode) == (5, "Prices", "aml_token")
