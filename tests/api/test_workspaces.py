"""Workspaces, and who is in them."""

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from endpoints.enums import Role
from endpoints.models import RoleAssignment, Workspace
from tests.api.conftest import Caller
from tests.api.problems import fields, problem
from tests.factories import UserFactory, WorkspaceFactory, member
from tests.people import People

pytestmark = pytest.mark.django_db
LIST = "/api/v1/workspaces/"
MEMBERS = f"{LIST}research/members/"


def test_one_sees_ones_own(reader: APIClient, stranger: APIClient, caller: Caller, people: People) -> None:
    WorkspaceFactory(name="other")
    assert [item["name"] for item in reader.get(LIST).json()["value"]] == ["research"]
    assert stranger.get(LIST).json()["value"] == []
    assert len(caller(people.staff).get(LIST).json()["value"]) == 2
    assert reader.get(f"{LIST}research/").json()["name"] == "research"
    problem(reader.get(f"{LIST}other/"), 404)


def test_an_administrator_makes_one(caller: Caller, people: People, owner: APIClient) -> None:
    made = caller(people.staff).post(LIST, {"name": "risk", "display_name": "Risk"})
    assert (made.status_code, made.json()["display_name"]) == (201, "Risk")
    assert list(fields(caller(people.staff, name="second").post(LIST, {"name": "risk"}))) == ["name"]
    problem(owner.post(LIST, {"name": "mine"}), 403)


def test_members_are_listed_with_their_roles(reader: APIClient, stranger: APIClient) -> None:
    listed = {item["email"]: item["role"] for item in reader.get(MEMBERS).json()["value"]}
    assert listed == {
        "owner@example.com": "owner",
        "contributor@example.com": "contributor",
        "reader@example.com": "reader",
    }
    problem(stranger.get(MEMBERS), 404)


@pytest.mark.parametrize("rows", [1, 3])
def test_the_lists_queries_are_constant(
    rows: int, reader: APIClient, workspace: Workspace, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(rows):
        member(workspace, Role.READER)
    reader.get("/api/v1/me/")
    with django_assert_num_queries(3):  # token, workspace, members
        assert len(reader.get(MEMBERS).json()["value"]) == 3 + rows


def test_an_owner_gives_and_takes_a_role(owner: APIClient, workspace: Workspace) -> None:
    UserFactory(email="ada@example.com")
    url = f"{MEMBERS}ada@example.com/"
    assert owner.put(url, {"role": "reader"}).json()["role"] == "reader"
    assert owner.put(url, {"role": "contributor"}).json()["role"] == "contributor"
    assert owner.delete(f"{MEMBERS}ADA@example.com/").status_code == 204
    assert not RoleAssignment.objects.filter(user__email="ada@example.com").exists()
    problem(owner.delete(url), 404)


def test_what_cannot_be_is_refused(owner: APIClient, people: People) -> None:
    assert list(fields(owner.put(f"{MEMBERS}nobody@example.com/", {"role": "reader"}))) == ["email"]
    assert list(fields(owner.put(f"{MEMBERS}reader@example.com/", {"role": "king"}))) == ["role"]
    problem(owner.put(f"{MEMBERS}owner@example.com/", {"role": "reader"}), 409, "conflict")
    problem(owner.delete(f"{MEMBERS}owner@example.com/"), 409, "conflict")


def test_only_owners_may(caller: Caller, people: People) -> None:
    for person, status in ((people.contributor, 403), (people.reader, 403), (people.stranger, 404)):
        client = caller(person)
        problem(client.put(f"{MEMBERS}reader@example.com/", {"role": "owner"}), status)
        problem(client.delete(f"{MEMBERS}reader@example.com/"), status)
    assert RoleAssignment.objects.get(user=people.reader).role == Role.READER
