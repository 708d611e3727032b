"""Lists without a home of their own: as many queries for three rows as for one."""

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from endpoints.models import Deployment, Workspace
from tests.factories import (
    InstanceTypeFactory,
    ModelVersionFactory,
    PersonalTokenFactory,
    ReplicaFactory,
    RoleAssignmentFactory,
)
from tests.people import People

pytestmark = [pytest.mark.django_db, pytest.mark.parametrize("rows", [1, 3])]


@pytest.fixture
def filled(rows: int, people: People, workspace: Workspace, blue: Deployment) -> None:
    """`rows` of everything; one is there already of tokens, workspaces, replicas and instance types."""
    for version in range(2, rows + 1):
        PersonalTokenFactory(user=people.reader)
        RoleAssignmentFactory(user=people.reader)
        ReplicaFactory(deployment=blue, ordinal=version)
        InstanceTypeFactory()
        ModelVersionFactory(workspace=workspace, name="churn", version=version)
    ModelVersionFactory(workspace=workspace, name="churn", version=1)


@pytest.mark.parametrize(
    ("path", "queries"),
    [
        ("tokens/", 2),  # token, tokens
        ("workspaces/", 2),  # token, workspaces
        ("instance-types/", 2),  # token, instance types
        ("models/churn/versions/", 4),  # token, workspaces of this name, whether there is one, versions
        ("endpoints/prices/deployments/blue/replicas/", 6),  # token, endpoint, deployments, role, deployment, replicas
    ],
)
def test_a_list(
    path: str,
    queries: int,
    rows: int,
    reader: APIClient,
    filled: None,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    reader.get("/api/v1/me/")  # notes the use of the token
    with django_assert_num_queries(queries):
        assert len(reader.get(f"/api/v1/{path}").json()["value"]) == rows


def test_the_roles_of_who_asks(
    rows: int, reader: APIClient, filled: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    reader.get("/api/v1/me/")
    with django_assert_num_queries(3):  # token, roles, their workspaces
        assert len(reader.get("/api/v1/me/").json()["roles"]) == rows
