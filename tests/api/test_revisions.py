"""Generations over the API: the list, the difference, the way back; conditions; who comes too late."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from endpoints.domain.actor import SYSTEM
from endpoints.models import Deployment
from endpoints.services.deployments import update_deployment
from tests.api.conftest import Caller
from tests.api.problems import fields, problem
from tests.people import People
from tests.world import World

pytestmark = pytest.mark.django_db
BLUE = "/api/v1/endpoints/prices/deployments/blue/"
REVISIONS = f"{BLUE}revisions/"


@pytest.fixture
def blue(world: World) -> Deployment:
    made = world.deployment(world.endpoint("prices"), "blue", environment_variables={"TOKEN": "hush"})
    update_deployment(
        actor=world.people.actor("contributor"), deployment=made, request_timeout_ms=9000, reason="Slow callers."
    )
    world.settle()
    found: Deployment = Deployment.objects.get(pk=made.pk)
    return found


def test_the_newest_stands_first(owner: APIClient, blue: Deployment) -> None:
    newest, oldest = owner.get(REVISIONS).json()["value"]
    told = {name: newest[name] for name in ("generation", "outcome", "serving", "reason", "created_by", "error")}
    assert told == {
        "generation": 2,
        "outcome": "Succeeded",
        "serving": True,
        "reason": "Slow callers.",
        "created_by": "contributor@example.com",
        "error": None,
    }
    assert (oldest["generation"], oldest["serving"], oldest["request_timeout_ms"]) == (1, False, 5000)
    assert owner.get(f"{REVISIONS}1/").json() == oldest


def test_values_of_variables_are_for_writers(caller: Caller, people: People, blue: Deployment) -> None:
    reader = caller(people.reader)
    for url in (REVISIONS, f"{REVISIONS}1/", f"{REVISIONS}1/diff/"):
        assert "hush" not in reader.get(url).content.decode()
    assert caller(people.owner).get(f"{REVISIONS}1/").json()["environment_variables"] == {"TOKEN": "hush"}


def test_the_difference(reader: APIClient, blue: Deployment) -> None:
    changes = [{"field": "request_timeout_ms", "before": 5000, "after": 9000}]
    assert reader.get(f"{REVISIONS}1/diff/").json() == {"before": 1, "after": 2, "changes": changes}
    backwards = [{"field": "request_timeout_ms", "before": 9000, "after": 5000}]
    assert reader.get(f"{REVISIONS}2/diff/", {"against": 1}).json()["changes"] == backwards
    problem(reader.get(f"{REVISIONS}1/diff/", {"against": 7}), 404)
    assert set(fields(reader.get(f"{REVISIONS}1/diff/", {"against": "x"}))) == {"against"}


def test_rolling_back(owner: APIClient, reader: APIClient, world: World, blue: Deployment) -> None:
    url = f"{REVISIONS}1/roll-back/"
    problem(reader.post(url), 403)
    assert owner.post(url, headers={"If-Match": '"2"'}).json()["kind"] == "update"
    world.settle()
    shown = owner.get(BLUE).json()
    assert (shown["generation"], shown["request_settings"]["request_timeout_ms"]) == (3, 5000)
    assert owner.get(f"{REVISIONS}3/").json()["rolled_back_to"] == 1
    problem(owner.post(url), 409, "conflict")
    problem(owner.post(f"{REVISIONS}9/roll-back/"), 404)


def test_a_late_change_is_told_what_was_changed(owner: APIClient, world: World, blue: Deployment) -> None:
    for answer in (
        owner.patch(BLUE, {"instance_count": 3}, headers={"If-Match": '"1"'}),
        owner.post(f"{REVISIONS}1/roll-back/", headers={"If-Match": '"1"'}),
    ):
        (change,) = problem(answer, 412, "precondition_failed")["changes"]
        assert (change["by"], change["reason"]) == ("contributor@example.com", "Slow callers.")
        assert change["fields"] == [{"field": "request_timeout_ms", "before": 5000, "after": 9000}]


def test_late_traffic_and_late_settings(owner: APIClient, blue: Deployment) -> None:
    endpoint = "/api/v1/endpoints/prices/"
    owner.put(f"{endpoint}traffic/", {"traffic": {"blue": 100}})
    late = problem(owner.put(f"{endpoint}traffic/", {"traffic": {}, "version": 1}), 409, "stale_version")
    assert [change["fields"] for change in late["changes"]] == [[{"field": "blue", "before": None, "after": 100}]]
    first = owner.get(endpoint)
    assert first["ETag"] == '"1"'
    answer = owner.patch(endpoint, {"description": "Theirs"}, headers={"If-Match": first["ETag"]})
    assert answer["ETag"] == '"2"'
    limits = {"requests_per_second": 5, "kilobytes_per_second": None}
    for url, method, body in (
        (endpoint, owner.patch, {"description": "Mine"}),
        (f"{endpoint}limits/", owner.put, limits),
        (f"{endpoint}cors/", owner.put, {"origins": ["*"]}),
    ):
        told = problem(method(url, body, headers={"If-Match": '"1"'}), 412)
        assert [change["fields"] for change in told["changes"]] == [
            [{"field": "description", "before": "", "after": "Theirs"}]
        ]
    assert owner.put(f"{endpoint}limits/", limits, headers={"If-Match": '"2"'})["ETag"] == '"3"'


@pytest.mark.parametrize(
    ("body", "wrong"),
    [({"max_surge": "0"}, "max_surge"), ({"progress_deadline_seconds": 1}, "progress_deadline_seconds")],
)
def test_how_it_rolls(owner: APIClient, blue: Deployment, body: dict[str, Any], wrong: str) -> None:
    assert set(fields(owner.patch(BLUE, body))) == {wrong}
    answer = owner.patch(BLUE, {"max_surge": "2", "progress_deadline_seconds": 60})
    assert (answer.status_code, answer.json()["max_surge"], answer.json()["generation"]) == (200, "2", 2)


def test_conditions(reader: APIClient, world: World, blue: Deployment) -> None:
    def seen() -> dict[str, tuple[str, str]]:
        return {each["type"]: (each["status"], each["reason"]) for each in reader.get(BLUE).json()["conditions"]}

    assert seen() == {
        "Available": ("True", "ReplicasInRotation"),
        "Ready": ("True", "AllReplicasReady"),
        "Live": ("True", "AllReplicasAlive"),
        "Progressing": ("False", "Complete"),
        "Degraded": ("False", "AsSpecified"),
    }
    world.compute.breaks["blue"] = {"message": "UserScriptInitFailed: boom"}
    update_deployment(actor=SYSTEM, deployment=blue, request_timeout_ms=7000)
    world.settle()
    assert seen() == {
        "Available": ("True", "ReplicasInRotation"),
        "Ready": ("True", "AllReplicasReady"),
        "Live": ("True", "AllReplicasAlive"),
        "Progressing": ("False", "UserScriptInitFailed"),
        "Degraded": ("True", "RolloutFailed"),
    }
