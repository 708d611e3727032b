"""Endpoints: list, create, show, change, delete."""

from typing import Any

import pytest
from django.conf import settings
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from endpoints.enums import ProvisioningState
from endpoints.models import Deployment, Endpoint, Event, Workspace
from tests.api.conftest import Caller
from tests.api.problems import fields, problem
from tests.factories import DeploymentFactory, EndpointFactory, WorkspaceFactory, member
from tests.people import People
from tests.world import World

pytestmark = pytest.mark.django_db
LIST = "/api/v1/endpoints/"
ONE = f"{LIST}prices/"
REFUSED: list[tuple[str, Any]] = [
    ("name", "x!"),
    ("name", ""),
    ("name", None),
    ("tags", {"team": ["risk"]}),
    ("tags", "team"),
    ("auth_mode", "password"),
    ("kind", "batch"),
    ("traffic", {"blue": 100}),
    ("mirror_traffic", {"blue": 10}),
    ("identity", {"type": "system_assigned"}),
    ("public_network_access", "disabled"),
    ("compute", "azureml:cluster"),
    ("scoring_uri", "http://elsewhere"),
    ("provisioning_state", "Succeeded"),
    ("colour", "red"),
]


def names(response: Any) -> list[str]:
    assert response.status_code == 200, response.content
    return [item["name"] for item in response.json()["value"]]


class TestList:
    def test_it_holds_what_is_of_ones_workspaces(self, caller: Caller, people: People, workspace: Workspace) -> None:
        EndpointFactory(workspace=workspace, name="ours")
        EndpointFactory(name="theirs")
        assert names(caller(people.reader).get(LIST)) == ["ours"]
        assert names(caller(people.stranger).get(LIST)) == []
        assert names(caller(people.staff).get(LIST)) == ["ours", "theirs"]

    def test_it_can_be_narrowed(self, owner: APIClient, workspace: Workspace) -> None:
        EndpointFactory(workspace=workspace, name="prices", description="of flats")
        EndpointFactory(workspace=workspace, name="churn", state=ProvisioningState.FAILED)
        assert names(owner.get(f"{LIST}?search=FLAT")) == ["prices"]
        assert names(owner.get(f"{LIST}?provisioning_state=Failed")) == ["churn"]
        assert names(owner.get(f"{LIST}?workspace=research&search=")) == ["churn", "prices"]
        problem(owner.get(f"{LIST}?workspace=other"), 404)
        assert fields(owner.get(f"{LIST}?provisioning_state=Odd")).keys() == {"provisioning_state"}

    def test_pages_follow_one_another_to_the_end(self, owner: APIClient, workspace: Workspace) -> None:
        for number in range(5):
            EndpointFactory(workspace=workspace, name=f"endpoint-{number}")
        url, seen = f"{LIST}?limit=2&search=endpoint", []
        while url:
            page = owner.get(url)
            seen.append(names(page))
            url = page.json()["nextLink"]
        assert seen == [["endpoint-0", "endpoint-1"], ["endpoint-2", "endpoint-3"], ["endpoint-4"]]

    @pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "cursor=nonsense", "cursor=cD14"])
    def test_a_page_that_cannot_be_is_refused(self, query: str, owner: APIClient) -> None:
        response = owner.get(f"/api/v1/operations/?{query}")
        assert fields(response).keys() == {query.partition("=")[0]}

    @pytest.mark.parametrize("rows", [1, 3])
    def test_its_queries_are_constant(
        self, rows: int, owner: APIClient, workspace: Workspace, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        for _ in range(rows):
            endpoint = EndpointFactory(workspace=workspace)
            for _ in range(rows):
                DeploymentFactory(endpoint=endpoint)
        owner.get("/api/v1/me/")  # notes the use of the token
        with django_assert_num_queries(3):  # token, endpoints, deployments
            assert len(names(owner.get(LIST))) == rows


class TestCreate:
    def test_the_answer_is_the_endpoint_in_azures_words(self, owner: APIClient, world: World) -> None:
        body = {"$schema": "https://…", "name": "prices", "description": "Of flats", "tags": {"team": "risk"}}
        response = owner.post(LIST, body | {"auth_mode": "key", "public_network_access": "enabled"})
        assert response.status_code == 201
        assert response["Location"] == f"http://testserver{ONE}"
        made = response.json()
        assert made == owner.get(ONE).json()
        gateway = settings.STUDIO_GATEWAY_URL
        expected = {
            "name": "prices",
            "workspace": "research",
            "kind": "online",
            "description": "Of flats",
            "tags": {"team": "risk"},
            "auth_mode": "key",
            "provisioning_state": "Creating",
            "scoring_uri": f"{gateway}/prices/score",
            "openapi_uri": f"{gateway}/prices/swagger.json",
            "host_scoring_uri": "",
            "traffic": {},
            "live_traffic": {},
            "deployments": [],
            "created_by": "owner@example.com",
        }
        assert {name: made[name] for name in expected} == expected
        world.settle()
        assert owner.get(ONE).json()["provisioning_state"] == "Succeeded"

    def test_what_cannot_be_honoured_is_refused_by_name(self, owner: APIClient) -> None:
        for field, value in REFUSED:
            found = fields(owner.post(LIST, {"name": "prices", field: value}))
            assert {name.partition(".")[0] for name in found} == {field}
        assert not Endpoint.objects.exists()

    def test_a_name_is_taken_once(self, owner: APIClient, prices: Endpoint) -> None:
        assert "taken" in fields(owner.post(LIST, {"name": "Prices"}))["name"]

    def test_who_is_in_several_workspaces_names_one(self, caller: Caller, workspace: Workspace, hints: object) -> None:
        other = WorkspaceFactory(name="other")
        person = member(workspace, "contributor")  # type: ignore[arg-type]
        other.role_assignments.create(user=person, role="contributor")
        client = caller(person)
        assert fields(client.post(LIST, {"name": "prices"})).keys() == {"workspace"}
        assert client.post(f"{LIST}?workspace=other", {"name": "prices"}).json()["workspace"] == "other"
        problem(client.post(f"{LIST}?workspace=third", {"name": "churn"}), 404)

    def test_a_reader_may_not_and_a_stranger_has_nowhere_to(self, reader: APIClient, stranger: APIClient) -> None:
        assert "Contributor" in problem(reader.post(LIST, {"name": "prices"}), 403)["detail"]
        problem(stranger.post(LIST, {"name": "prices"}), 404)
        problem(stranger.post(f"{LIST}?workspace=research", {"name": "prices"}), 404)
        assert not Endpoint.objects.exists()


class TestShow:
    def test_a_reader_sees_it_by_a_name_in_either_case(self, reader: APIClient, blue: Deployment) -> None:
        shown = reader.get(f"{LIST}PRICES").json()
        assert shown["deployments"] == [
            {
                "name": "blue",
                "provisioning_state": "Succeeded",
                "instance_type": blue.instance_type.name,
                "instance_count": 1,
            }
        ]

    def test_a_stranger_does_not(self, stranger: APIClient, prices: Endpoint) -> None:
        problem(stranger.get(ONE), 404, "not_found")


class TestChange:
    def test_what_is_given_changes(self, owner: APIClient, prices: Endpoint) -> None:
        owner.patch(ONE, {"description": "Of flats", "tags": {"team": "risk"}})
        changed = owner.patch(ONE, {"tags": {}}).json()
        assert (changed["description"], changed["tags"]) == ("Of flats", {})
        assert Event.objects.filter(verb="endpoint.updated", source="api").count() == 2

    @pytest.mark.parametrize("field", ["name", "auth_mode", "traffic", "kind"])
    def test_what_cannot_change_is_refused(self, field: str, owner: APIClient, prices: Endpoint) -> None:
        assert fields(owner.patch(ONE, {field: "x"})).keys() == {field}

    def test_a_reader_may_not(self, reader: APIClient, stranger: APIClient, prices: Endpoint) -> None:
        problem(reader.patch(ONE, {"colour": "red"}), 403)
        problem(stranger.patch(ONE, {}), 404)


class TestDelete:
    def test_it_answers_where_to_follow_it_until_it_is_gone(
        self, owner: APIClient, world: World, blue: Deployment
    ) -> None:
        response = owner.delete(ONE)
        assert response.status_code == 202
        assert response.json()["provisioning_state"] == "Deleting"
        assert response["Location"] == f"http://testserver{ONE}"
        problem(owner.delete(ONE), 409, "conflict")
        world.settle()
        problem(owner.get(response["Location"]), 404)

    def test_a_reader_may_not(self, reader: APIClient, stranger: APIClient, prices: Endpoint) -> None:
        problem(reader.delete(ONE), 403)
        problem(stranger.delete(ONE), 404)
        assert Endpoint.objects.get().state == "Succeeded"
