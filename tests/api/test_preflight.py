"""What is checked before anything starts; why something failed."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from endpoints.models import Deployment, Endpoint, EnvironmentBuild
from tests.api.problems import fields, problem
from tests.factories import OperationFactory
from tests.world import World

pytestmark = pytest.mark.django_db
URL = "/api/v1/endpoints/prices/preflight/"


@pytest.fixture
def body(world: World, prices: Endpoint) -> dict[str, Any]:
    """Of a deployment that can run."""
    code, environment = world.code(), world.environment()
    return {
        "name": "blue",
        "code_configuration": {"code": f"azureml:{code}", "scoring_script": "score.py"},
        "environment": f"azureml:{environment}",
        "instance_type": world.instance_type().name,
    }


def checks(client: APIClient, body: dict[str, Any]) -> dict[str, tuple[str, str]]:
    answer = client.post(URL, body)
    assert answer.status_code == 200, answer.content
    return {check["name"]: (check["outcome"], check["message"]) for check in answer.json()["value"]}


def test_all_is_well_and_nothing_was_made(owner: APIClient, world: World, body: dict[str, Any]) -> None:
    found = checks(owner, body)
    assert {outcome for outcome, _ in found.values()} == {"ok"}
    assert {"specification", "script", "requirements"} <= found.keys()
    assert not Deployment.objects.exists()
    assert not EnvironmentBuild.objects.exists()


def test_what_cannot_be_installed_is_told(owner: APIClient, world: World, body: dict[str, Any]) -> None:
    world.builder.error = "There is no such package as nosuch."
    outcome, message = checks(owner, body)["requirements"]
    assert (outcome, "nosuch" in message) == ("error", True)


@pytest.mark.parametrize(
    ("source", "words"),
    [("def init(:\n", "line 1"), ("def init(): pass\n", "does not define run()"), ("x = 1\n", "init() and run()")],
)
def test_a_script_that_cannot_run_is_refused_everywhere(
    owner: APIClient, world: World, body: dict[str, Any], source: str, words: str
) -> None:
    code = world.code(text=source)
    body["code_configuration"]["code"] = f"azureml:{code}"
    answer = owner.post(URL, body).json()["value"]
    assert [(check["outcome"], check["field"]) for check in answer] == [("error", "code_configuration.scoring_script")]
    assert words in answer[0]["message"]
    assert "code_configuration.scoring_script" in fields(owner.post("/api/v1/endpoints/prices/deployments/", body))


def test_an_import_that_nothing_brings_is_a_warning(owner: APIClient, world: World, body: dict[str, Any]) -> None:
    source = "import pandas\n\ndef init(): pass\n\ndef run(data): pass\n"
    body["code_configuration"]["code"] = f"azureml:{world.code(text=source)}"
    outcome, message = checks(owner, body)["imports"]
    assert (outcome, "pandas" in message) == ("warning", True)


def test_causes_of_a_failure(owner: APIClient, stranger: APIClient, world: World, blue: Deployment) -> None:
    world.compute.logs[blue.replicas.get().pk] = "T ModuleNotFoundError: No module named 'pandas'\n"
    operation = OperationFactory(deployment=blue, state="Failed", failure_message="UserScriptImportError: pandas")
    url = f"/api/v1/operations/{operation.pk}/causes/"
    first = owner.get(url).json()["value"][0]
    assert (first["title"], first["field"]) == ("The environment has no module pandas", "environment")
    assert "No module named 'pandas'" in first["evidence"]
    problem(stranger.get(url), 404)


def test_a_reader_checks_nothing(reader: APIClient, body: dict[str, Any]) -> None:
    problem(reader.post(URL, body), 403)
