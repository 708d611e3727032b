from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from endpoints.domain.actor import SYSTEM
from endpoints.domain.errors import NotFound
from endpoints.enums import Role
from endpoints.models import Deployment, Endpoint, User, Workspace
from endpoints.selectors import endpoints as selectors
from endpoints.services.endpoints import delete_endpoint
from tests.factories import (
    DeploymentFactory,
    EndpointFactory,
    EventFactory,
    OperationFactory,
    ReplicaFactory,
    RoleAssignmentFactory,
    WorkspaceFactory,
)
from tests.people import People
from tests.world import World

MEMBERS = ["owner", "contributor", "reader", "staff"]


def person(people: People, kind: str) -> User:
    user: User = getattr(people, kind)
    return user


@pytest.fixture
def endpoint(workspace: Workspace) -> Endpoint:
    made: Endpoint = EndpointFactory(name="Prices", workspace=workspace, description="Of houses")
    return made


@pytest.mark.parametrize("kind", MEMBERS)
def test_members_see_it_by_name_in_any_case(people: People, endpoint: Endpoint, kind: str) -> None:
    user = person(people, kind)
    assert selectors.endpoint_for(user, "pRICES") == endpoint
    assert list(selectors.endpoints_for(user)) == [endpoint]
    assert selectors.workspace_for(user, "research") == endpoint.workspace


def test_a_stranger_learns_no_more_than_that_there_is_none(people: People, endpoint: Endpoint) -> None:
    for name in ("Prices", "nothing"):
        with pytest.raises(NotFound, match=f"There is no endpoint “{name}”"):
            selectors.endpoint_for(people.stranger, name)
    with pytest.raises(NotFound):
        selectors.workspace_for(people.stranger, "research")
    assert not selectors.endpoints_for(people.stranger).exists()


def test_roles_elsewhere_show_nothing_here(people: People, endpoint: Endpoint) -> None:
    RoleAssignmentFactory(user=people.stranger, role=Role.OWNER)
    assert not selectors.endpoints_for(people.stranger).exists()


def test_in_one_workspace(people: People, endpoint: Endpoint) -> None:
    other = EndpointFactory()
    assert list(selectors.endpoints_for(people.staff, workspace=other.workspace)) == [other]
    assert set(selectors.endpoints_for(people.staff)) == {endpoint, other}


@pytest.mark.parametrize("text", ["price", "HOUSES", " prices "])
def test_search(people: People, endpoint: Endpoint, text: str) -> None:
    EndpointFactory(workspace=endpoint.workspace, name="weather")
    assert list(selectors.search_endpoints(selectors.endpoints_for(people.reader), text)) == [endpoint]


def test_search_for_nothing_is_everything(people: People, endpoint: Endpoint) -> None:
    found = selectors.endpoints_for(people.reader)
    assert list(selectors.search_endpoints(found, " ")) == [endpoint]
    assert list(selectors.search_endpoints(found, "100%")) == []


def present(endpoint: Any) -> list[Deployment]:
    """What the selector has put beside it."""
    deployments: list[Deployment] = endpoint.live_deployments
    return deployments


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_takes_two_queries(
    people: People, workspace: Workspace, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for endpoint in EndpointFactory.create_batch(count, workspace=workspace):
        DeploymentFactory.create_batch(2, endpoint=endpoint)
    with django_assert_num_queries(2):
        found = list(selectors.endpoints_for(people.reader))
        shown = [(e.workspace.name, str(d.model), d.instance_type.name) for e in found for d in present(e)]
    assert len(shown) == 2 * count


@pytest.mark.parametrize("count", [1, 3])
def test_deployments_take_two_queries(
    endpoint: Endpoint, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    DeploymentFactory.create_batch(count, endpoint=endpoint, replicas=2)
    with django_assert_num_queries(2):
        found = list(selectors.deployments_of(endpoint))
        shown = [
            (d.endpoint.workspace.name, str(d.model), str(d.code), r.state) for d in found for r in d.replicas.all()
        ]
    assert len(shown) == 2 * count


def test_deleted_deployments_are_not_there(endpoint: Endpoint) -> None:
    gone = DeploymentFactory(endpoint=endpoint, name="blue", deleted_at=endpoint.created_at)
    assert not selectors.deployments_of(endpoint).exists()
    with pytest.raises(NotFound, match="“Prices” has no deployment “blue”"):
        selectors.deployment_of(endpoint, "blue")
    again = DeploymentFactory(endpoint=endpoint, name="Blue")
    assert selectors.deployment_of(endpoint, "blue") == again != gone


def test_replicas_by_ordinal_the_newest_first(endpoint: Endpoint) -> None:
    deployment = DeploymentFactory(endpoint=endpoint, replicas=1)
    newer = ReplicaFactory(deployment=deployment, generation=2)
    assert selectors.replica_of(deployment, 0) == newer
    with pytest.raises(NotFound, match="has no replica 1"):
        selectors.replica_of(deployment, 1)


def test_operations(people: People, endpoint: Endpoint) -> None:
    operation = OperationFactory(deployment=DeploymentFactory(endpoint=endpoint))
    assert selectors.operation_for(people.reader, operation.pk) == operation
    for user, operation_id in (
        (people.stranger, operation.pk),
        (people.reader, "3f1a3c1e-1111-4222-8333-444455556666"),
        (people.reader, "no id"),
    ):
        with pytest.raises(NotFound, match="no such operation"):
            selectors.operation_for(user, operation_id)


def test_events_of_what_one_may_see(people: People, endpoint: Endpoint) -> None:
    mine = EventFactory(endpoint=endpoint)
    EventFactory(workspace=WorkspaceFactory())
    own = EventFactory(workspace=None, actor=people.reader, verb="token.created")
    EventFactory(workspace=None, actor=people.owner, verb="token.created")
    assert list(selectors.events_for(people.reader)) == [own, mine]
    assert list(selectors.events_for(people.reader, endpoint=endpoint)) == [mine]
    assert list(selectors.events_for(people.reader, workspace=endpoint.workspace)) == [mine]
    assert not selectors.events_for(people.stranger, endpoint=endpoint).exists()
    assert not selectors.events_for(people.stranger, workspace=endpoint.workspace).exists()


def test_what_happened_to_ones_ways_in(people: People) -> None:
    own = EventFactory(workspace=None, actor=people.reader, verb="sign_in.succeeded")
    tried = EventFactory(workspace=None, actor=None, subject="owner@example.com", verb="sign_in.failed")
    EventFactory(workspace=None, actor=people.owner, verb="token.created")
    assert list(selectors.own_security_events(people.reader)) == [own]
    assert list(selectors.own_security_events(people.owner)) == [tried]


def test_who_deleted_it(world: World) -> None:
    endpoint = world.endpoint("prices")
    assert selectors.tombstone_for(world.people.reader, "prices") is None
    delete_endpoint(actor=world.people.actor("owner"), endpoint=endpoint)
    world.settle()
    event = selectors.tombstone_for(world.people.reader, "PRICES")
    assert event is not None
    assert event.actor_name == "owner@example.com"
    assert selectors.tombstone_for(world.people.stranger, "prices") is None
    world.endpoint("prices")
    delete_endpoint(actor=SYSTEM, endpoint=Endpoint.objects.present().get())
    newest = selectors.tombstone_for(world.people.reader, "prices")
    assert newest is not None
    assert newest.actor_name == "system"
