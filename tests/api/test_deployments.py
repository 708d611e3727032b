"""Deployments: bodies as in Azure's YAML, and operations to follow."""

from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from endpoints.models import Deployment, Endpoint
from studio.api.serializers.deployments import DeploymentChanges
from tests.api.conftest import Caller
from tests.api.problems import fields, problem
from tests.factories import DeploymentFactory, EndpointFactory, ModelVersionFactory
from tests.people import People
from tests.world import World

pytestmark = pytest.mark.django_db
LIST = "/api/v1/endpoints/prices/deployments/"
BLUE = f"{LIST}blue/"


# A change to a body that could run, and the field at which it is refused.
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"name": "-"}, "name"),
    ({"endpoint_name": "churn"}, "endpoint_name"),
    ({"model": "azureml:nothing:1"}, "model"),
    ({"model": "./model"}, "model"),
    ({"model": {"path": "./model"}}, "model"),
    ({"code_configuration": {"code": "./src", "scoring_script": "score.py"}}, "code_configuration.code"),
    ({"code_configuration": {"scoring_script": "score.py"}}, "code_configuration.code"),
    ({"code_configuration": {"path": "x"}}, "code_configuration.path"),
    ({"code_configuration": "score.py"}, "code_configuration"),
    ({"environment": {"image": "python:3.11"}}, "code_configuration.scoring_script"),
    ({"environment": None}, "environment"),
    ({"environment_variables": {"1X": "a"}}, "environment_variables"),
    ({"environment_variables": {"X": True}}, "environment_variables.X"),
    ({"environment_variables": {"X": "<not shown>"}}, "environment_variables"),
    ({"instance_type": "Standard_DS3_v2"}, "instance_type"),
    ({"instance_type": {"name": "x"}}, "instance_type"),
    ({"instance_count": 0}, "instance_count"),
    ({"instance_count": "many"}, "instance_count"),
    ({"request_settings": {"request_timeout_ms": 180_001}}, "request_settings.request_timeout_ms"),
    ({"request_settings": {"max_queue_wait_ms": 500}}, "request_settings.max_queue_wait_ms"),
    (
        {"request_settings": {"max_concurrent_requests_per_instance": 0}},
        "request_settings.max_concurrent_requests_per_instance",
    ),
    ({"liveness_probe": {"success_threshold": 2}}, "liveness_probe"),
    ({"liveness_probe": {"path": "/live"}}, "liveness_probe.path"),
    ({"readiness_probe": {"period": 0}}, "readiness_probe"),
    ({"readiness_probe": {"period": "soon"}}, "readiness_probe.period"),
    ({"app_insights_enabled": True}, "app_insights_enabled"),
    ({"scale_settings": {"type": "target_utilization"}}, "scale_settings"),
    ({"egress_public_network_access": "closed"}, "egress_public_network_access"),
    ({"type": "kubernetes"}, "type"),
    ({"data_collector": {"collections": {}}}, "data_collector"),
    ({"identity": {"type": "system_assigned"}}, "identity"),
    ({"model_mount_path": "/var/models"}, "model_mount_path"),
    ({"command": "python server.py"}, "command"),
    ({"command": ["python"]}, "code_configuration.scoring_script"),
    (
        {"server": "custom", "command": ["python"], "inference_config": {"scoring": 1}, "code_configuration": None},
        "inference_config",
    ),
    ({"environment": {"image": "a", "conda_file": "b"}}, "environment"),
    ({"environment": {"image": "No Image"}, "code_configuration": None}, "image"),
    ({"resources": {"limits": {"cpu": "1"}}}, "resources"),
    ({"colour": "red"}, "colour"),
]


@pytest.fixture
def blue(world: World, prices: Endpoint) -> Deployment:
    return world.deployment(prices, "blue")


@pytest.fixture
def body(world: World, prices: Endpoint) -> dict[str, Any]:
    """Of a deployment that can run."""
    return {
        "$schema": "https://…",
        "name": "blue",
        "endpoint_name": "prices",
        "model": f"azureml:{world.model()}",
        "code_configuration": {"code": f"azureml:{world.code()}", "scoring_script": "score.py"},
        "environment": f"azureml:{world.environment().name}@latest",
        "environment_variables": {"WORKER_COUNT": 1, "TOKEN": "hush"},
        "instance_type": world.instance_type().name,
        "instance_count": 2,
        "request_settings": {"request_timeout_ms": 3000, "max_concurrent_requests_per_instance": 4},
        "liveness_probe": {"period": 5},
        "tags": {"team": "risk"},
        "app_insights_enabled": False,
        "scale_settings": {"type": "default"},
        "egress_public_network_access": "enabled",
    }


class TestCreate:
    def test_it_answers_with_an_operation_to_follow(self, owner: APIClient, world: World, body: dict[str, Any]) -> None:
        response = owner.post(LIST, body)
        assert response.status_code == 202, response.content
        url = response["Azure-AsyncOperation"]
        assert response["Location"] == url == f"http://testserver/api/v1/operations/{response.json()['id']}/"
        assert response["Retry-After"] == "1"
        assert response.json()["status"] == "Running"
        world.settle()
        assert owner.get(url).json()["status"] == "Succeeded"

    def test_it_is_shown_in_the_words_it_was_made_with(
        self, owner: APIClient, world: World, body: dict[str, Any]
    ) -> None:
        owner.post(LIST, body)
        world.settle()
        shown = owner.get(BLUE).json()
        for name in ("name", "endpoint_name", "model", "code_configuration", "instance_type", "instance_count", "tags"):
            assert shown[name] == body[name]
        assert shown["environment"] == "azureml:python:1"
        assert shown["environment_variables"] == {"WORKER_COUNT": "1", "TOKEN": "hush"}
        assert shown["request_settings"] == {**body["request_settings"], "max_request_bytes": 16 * 1024 * 1024}
        expected = {"initial_delay": 10, "period": 5, "timeout": 2, "success_threshold": 1, "failure_threshold": 30}
        assert shown["liveness_probe"] == expected
        assert shown["readiness_probe"] == {**expected, "period": 10}
        assert (shown["provisioning_state"], shown["error"], shown["ready_replicas"]) == ("Succeeded", None, 2)
        assert (shown["generation"], shown["serving_generation"]) == (1, 1)

    def test_all_traffic_is_given_once_it_serves(self, owner: APIClient, world: World, body: dict[str, Any]) -> None:
        owner.post(f"{LIST}?all_traffic=true", body)
        assert owner.get("/api/v1/endpoints/prices/traffic/").json()["traffic"] == {}
        world.settle()
        assert owner.get("/api/v1/endpoints/prices/traffic/").json()["live_traffic"] == {"blue": 100}

    def test_what_cannot_be_honoured_is_refused_by_name(self, owner: APIClient, body: dict[str, Any]) -> None:
        for change, field in REFUSED:
            assert (change, list(fields(owner.post(LIST, body | change)))) == (change, [field])
        assert not Deployment.objects.exists()

    def test_a_script_that_is_not_in_the_code_is_named(self, owner: APIClient, body: dict[str, Any]) -> None:
        body["code_configuration"]["scoring_script"] = "main.py"
        assert "score.py" in fields(owner.post(LIST, body))["code_configuration.scoring_script"]

    def test_another_workspaces_model_is_none(self, owner: APIClient, body: dict[str, Any]) -> None:
        theirs = ModelVersionFactory(name="theirs")
        assert list(fields(owner.post(LIST, body | {"model": f"azureml:{theirs}"}))) == ["model"]

    def test_a_name_is_taken_once(self, owner: APIClient, body: dict[str, Any]) -> None:
        owner.post(LIST, body)
        assert "already" in fields(owner.post(LIST, body))["name"]

    def test_a_reader_may_not(self, reader: APIClient, stranger: APIClient, body: dict[str, Any]) -> None:
        problem(reader.post(LIST, body), 403)
        problem(stranger.post(LIST, body), 404)


class TestRead:
    def test_only_who_may_write_sees_the_values_of_variables(
        self, caller: Caller, people: People, world: World, prices: Endpoint
    ) -> None:
        world.deployment(prices, "blue", environment_variables={"TOKEN": "hush"})
        for client in (caller(people.reader), caller(people.owner, read_only=True)):
            for response in (client.get(BLUE), client.get(LIST)):
                assert "hush" not in response.content.decode()
            assert client.get(BLUE).json()["environment_variables"] == {"TOKEN": "<not shown>"}
        assert caller(people.contributor).get(BLUE).json()["environment_variables"] == {"TOKEN": "hush"}

    def test_an_mlflow_model_needs_no_code(self, reader: APIClient, prices: Endpoint) -> None:
        DeploymentFactory(endpoint=prices, name="blue", mlflow_model=True)
        shown = reader.get(BLUE).json()
        assert (shown["code_configuration"], shown["environment"]) == (None, None)
        assert shown["model"].startswith("azureml:model-")

    def test_a_failure_says_why(self, reader: APIClient, prices: Endpoint) -> None:
        DeploymentFactory(
            endpoint=prices, name="blue", failure_code="UserScriptInitFailed", failure_message="No file weights.txt"
        )
        expected = {"code": "UserScriptInitFailed", "message": "No file weights.txt"}
        assert reader.get(BLUE).json()["error"] == expected

    def test_a_stranger_sees_none(self, stranger: APIClient, blue: Deployment) -> None:
        problem(stranger.get(LIST), 404)
        problem(stranger.get(BLUE), 404)

    def test_one_of_another_endpoint_is_none(self, owner: APIClient, prices: Endpoint) -> None:
        other = EndpointFactory(workspace=prices.workspace)
        DeploymentFactory(endpoint=other, name="blue")
        problem(owner.get(BLUE), 404)
        assert owner.get(LIST).json() == {"value": [], "nextLink": None}

    @pytest.mark.parametrize("rows", [1, 3])
    def test_the_lists_queries_are_constant(
        self, rows: int, owner: APIClient, prices: Endpoint, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        for _ in range(rows):
            DeploymentFactory(endpoint=prices, replicas=rows)
        owner.get("/api/v1/me/")
        with django_assert_num_queries(7):  # token, endpoint, its deployments, roles twice, deployments, replicas
            assert len(owner.get(LIST).json()["value"]) == rows


class TestChange:
    def test_what_is_given_of_a_block_changes_that_part(self, owner: APIClient, world: World, blue: Deployment) -> None:
        before = owner.get(BLUE)
        assert before["ETag"] == '"1"'
        response = owner.patch(
            BLUE,
            {"request_settings": {"request_timeout_ms": 9000}, "readiness_probe": {"period": 3}},
            headers={"If-Match": before["ETag"]},
        )
        assert response.status_code == 202
        assert response.json()["kind"] == "update"
        world.settle()
        after = owner.get(BLUE).json()
        assert after["request_settings"] == {**before.json()["request_settings"], "request_timeout_ms": 9000}
        assert after["readiness_probe"] == {**before.json()["readiness_probe"], "period": 3}
        unchanged = ("model", "code_configuration", "environment", "instance_count", "liveness_probe")
        assert all(after[name] == before.json()[name] for name in unchanged)
        assert (after["generation"], after["serving_generation"]) == (2, 2)

    def test_a_count_scales(self, owner: APIClient, world: World, blue: Deployment) -> None:
        assert owner.patch(BLUE, {"instance_count": 3}).json()["kind"] == "scale"
        world.settle()
        assert owner.get(BLUE).json()["ready_replicas"] == 3

    def test_words_need_no_operation(self, owner: APIClient, blue: Deployment) -> None:
        response = owner.patch(BLUE, {"description": "The first", "tags": {"team": "risk"}})
        assert response.status_code == 200
        assert (response.json()["description"], response.json()["tags"]) == ("The first", {"team": "risk"})
        assert response["ETag"] == '"1"'

    def test_what_was_shown_can_be_sent_back(self, owner: APIClient, blue: Deployment) -> None:
        shown = owner.get(BLUE).json()
        assert owner.patch(BLUE, {name: shown[name] for name in DeploymentChanges().fields}).status_code == 200

    def test_whoever_comes_second_is_told(self, owner: APIClient, world: World, blue: Deployment) -> None:
        owner.patch(BLUE, {"environment_variables": {"A": "1"}})
        world.settle()
        late = owner.patch(BLUE, {"environment_variables": {"A": "2"}}, headers={"If-Match": '"1"'})
        problem(late, 412, "precondition_failed")

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"name": "green"}, "name"),
            ({"endpoint_name": "churn"}, "endpoint_name"),
            ({"code_configuration": None}, "code_configuration.code"),
            ({"code_configuration": {"scoring_script": "main.py"}}, "code_configuration.scoring_script"),
            ({"generation": 4}, "generation"),
        ],
        ids=str,
    )
    def test_what_cannot_be_is_refused(
        self, change: dict[str, Any], field: str, owner: APIClient, blue: Deployment
    ) -> None:
        assert list(fields(owner.patch(BLUE, change))) == [field]

    def test_a_reader_may_not(self, reader: APIClient, stranger: APIClient, blue: Deployment) -> None:
        problem(reader.patch(BLUE, {"instance_count": 2}), 403)
        problem(stranger.patch(BLUE, {"instance_count": 2}), 404)


class TestDeleteAndRetry:
    def test_it_is_gone_once_the_operation_is_over(self, owner: APIClient, world: World, blue: Deployment) -> None:
        response = owner.delete(BLUE)
        assert (response.status_code, response.json()["kind"]) == (202, "delete")
        assert [phase["name"] for phase in response.json()["phases"]] == ["unroute", "drain"]
        world.settle()
        problem(owner.get(BLUE), 404)
        assert owner.get(response["Location"]).json()["status"] == "Succeeded"

    def test_one_with_traffic_stays(self, owner: APIClient, world: World, blue: Deployment) -> None:
        owner.put("/api/v1/endpoints/prices/traffic/", {"traffic": {"blue": 100}})
        world.settle()
        assert "100 %" in problem(owner.delete(BLUE), 409, "conflict")["detail"]

    def test_a_failed_one_is_tried_again(self, owner: APIClient, world: World, prices: Endpoint) -> None:
        world.builder.error = "There is no numpy 99."
        world.deployment(prices, "blue")
        assert owner.get(BLUE).json()["provisioning_state"] == "Failed"
        world.builder.error = ""
        response = owner.post(f"{BLUE}retry/")
        assert response.status_code == 202
        world.settle()
        assert owner.get(BLUE).json()["provisioning_state"] == "Succeeded"
        problem(owner.post(f"{BLUE}retry/"), 409, "conflict")

    def test_a_reader_may_not(self, reader: APIClient, stranger: APIClient, blue: Deployment) -> None:
        for client, status in ((reader, 403), (stranger, 404)):
            problem(client.delete(BLUE), status)
            problem(client.post(f"{BLUE}retry/"), status)


class TestServers:
    def test_the_server_is_shown_and_changed(self, owner: APIClient, world: World, blue: Deployment) -> None:
        assert owner.get(BLUE).json()["server"] == "studio"
        assert owner.patch(BLUE, {"server": "azureml"}).status_code == 202
        world.settle()
        shown = owner.get(BLUE).json()
        assert (shown["server"], shown["serving_generation"]) == ("azureml", 2)

    def test_what_no_server_is(self, owner: APIClient, blue: Deployment) -> None:
        assert list(fields(owner.patch(BLUE, {"server": "gunicorn"}))) == ["server"]
        assert owner.get(BLUE).json()["generation"] == 1

    def test_a_schema_that_nobody_knows(self, reader: APIClient, stranger: APIClient, blue: Deployment) -> None:
        assert reader.get(f"{BLUE}schema/").json() == {"schema": {}, "sample": None}
        problem(stranger.get(f"{BLUE}schema/"), 404)


class TestReplicas:
    def test_they_are_listed_as_they_were_seen(self, reader: APIClient, blue: Deployment) -> None:
        (replica,) = reader.get(f"{BLUE}replicas/").json()["value"]
        assert (replica["ordinal"], replica["state"], replica["routed"], replica["generation"]) == (0, "Ready", True, 1)

    def test_one_is_restarted(self, owner: APIClient, world: World, blue: Deployment) -> None:
        response = owner.post(f"{BLUE}replicas/0/restart/")
        assert response.status_code == 202
        assert world.compute.restarted == [blue.replicas.get().pk]
        problem(owner.post(f"{BLUE}replicas/7/restart/"), 404)

    def test_where_it_cannot_be_reached_that_is_said(self, owner: APIClient, world: World, blue: Deployment) -> None:
        world.compute.refusal = "Supervisor does not answer."
        detail = problem(owner.post(f"{BLUE}replicas/0/restart/"), 503, "unavailable")["detail"]
        assert "Supervisor does not answer." in detail

    def test_a_reader_may_not_restart(self, reader: APIClient, stranger: APIClient, blue: Deployment) -> None:
        problem(reader.post(f"{BLUE}replicas/0/restart/"), 403)
        problem(stranger.post(f"{BLUE}replicas/0/restart/"), 404)
        problem(stranger.get(f"{BLUE}replicas/"), 404)
