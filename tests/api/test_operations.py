"""Operations: listed, followed, cancelled."""

from uuid import uuid4

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from endpoints.enums import OperationState
from endpoints.models import Endpoint, Workspace
from tests.api.problems import fields, problem
from tests.factories import DeploymentFactory, EndpointFactory, OperationFactory
from tests.world import World

pytestmark = pytest.mark.django_db
LIST = "/api/v1/operations/"


def test_one_shows_its_phases_and_who_started_it(owner: APIClient, world: World, prices: Endpoint) -> None:
    world.deployment(prices, "blue")
    url = owner.patch("/api/v1/endpoints/prices/deployments/blue/", {"instance_count": 2})["Location"]
    shown = owner.get(url).json()
    assert (shown["endpoint"], shown["deployment"], shown["kind"], shown["generation"]) == (
        "prices",
        "blue",
        "scale",
        1,
    )
    assert (shown["created_by"], shown["source"], shown["error"]) == ("owner@example.com", "api", None)
    assert [phase["name"] for phase in shown["phases"]] == ["artifacts", "environment", "start", "probe", "route"]
    world.settle()
    done = owner.get(url).json()
    assert {phase["state"] for phase in done["phases"]} <= {"succeeded", "skipped"}
    assert done["finished_at"] > done["started_at"]


def test_a_failure_is_azures_code_and_the_line_that_matters(owner: APIClient, world: World, prices: Endpoint) -> None:
    world.builder.error = "There is no numpy 99."
    world.deployment(prices, "blue")
    (operation,) = owner.get(LIST).json()["value"]
    assert operation["status"] == "Failed"
    assert operation["error"]["code"] == "ImageBuildFailure"
    assert "There is no numpy 99." in operation["error"]["message"]


def test_the_list_can_be_narrowed(owner: APIClient, reader: APIClient, workspace: Workspace) -> None:
    prices = EndpointFactory(workspace=workspace, name="prices")
    for name in ("blue", "green"):
        OperationFactory(deployment=DeploymentFactory(endpoint=prices, name=name))
    OperationFactory(
        deployment=DeploymentFactory(endpoint=EndpointFactory(workspace=workspace, name="churn")),
        state=OperationState.FAILED,
    )
    OperationFactory()  # of another workspace

    def deployments(query: str) -> list[str]:
        return [item["deployment"] for item in reader.get(f"{LIST}?{query}").json()["value"]]

    assert len(deployments("")) == 3
    assert deployments("endpoint=PRICES") == ["green", "blue"]
    assert deployments("endpoint=prices&deployment=blue") == ["blue"]
    assert len(deployments("status=Failed")) == 1
    assert deployments("workspace=elsewhere") == []
    assert fields(owner.get(f"{LIST}?status=Odd")).keys() == {"status"}


@pytest.mark.parametrize("rows", [1, 3])
def test_the_lists_queries_are_constant(
    rows: int, reader: APIClient, workspace: Workspace, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(rows):
        OperationFactory(deployment=DeploymentFactory(endpoint__workspace=workspace))
    reader.get("/api/v1/me/")
    with django_assert_num_queries(2):  # token, operations
        assert len(reader.get(LIST).json()["value"]) == rows


def test_a_running_one_is_cancelled(owner: APIClient, world: World, prices: Endpoint) -> None:
    world.deployment(prices, "blue", settled=False)
    (operation,) = owner.get(LIST).json()["value"]
    response = owner.post(f"{LIST}{operation['id']}/cancel/")
    assert response.status_code == 202
    assert response.json()["cancel_requested_at"]
    world.settle()
    assert owner.get(response["Location"]).json()["status"] == "Canceled"
    problem(owner.post(f"{LIST}{operation['id']}/cancel/"), 409, "conflict")


def test_a_reader_may_look_only(reader: APIClient, stranger: APIClient, workspace: Workspace) -> None:
    operation = OperationFactory(deployment=DeploymentFactory(endpoint__workspace=workspace))
    assert reader.get(f"{LIST}{operation.pk}/").json()["status"] == "Running"
    problem(reader.post(f"{LIST}{operation.pk}/cancel/"), 403)
    problem(stranger.get(f"{LIST}{operation.pk}/"), 404)
    problem(stranger.post(f"{LIST}{operation.pk}/cancel/"), 404)
    problem(reader.get(f"{LIST}{uuid4()}/"), 404)
