"""Who may do what: every service, by every kind of person."""

from collections.abc import Callable
from typing import Any

import pytest

from endpoints.domain.actor import SYSTEM, Actor
from endpoints.domain.errors import Forbidden
from endpoints.domain.requests import ScoringRequest
from endpoints.enums import CredentialKind, Role
from endpoints.models import Event, RoleAssignment
from endpoints.permissions import ALLOWED, Action, can, require, roles_in
from endpoints.services import assets, credentials, deployments, endpoints, invoke, operations, traffic, workspaces
from tests.factories import (
    DeploymentFactory,
    EndpointFactory,
    ModelVersionFactory,
    OperationFactory,
    ReplicaFactory,
    RoleAssignmentFactory,
    WorkspaceFactory,
)
from tests.people import People
from tests.world import World

Use = Callable[[World, Actor], Any]


def endpoint(world: World) -> Any:
    return EndpointFactory(workspace=world.workspace)


def deployment(world: World, **fields: Any) -> Any:
    return DeploymentFactory(endpoint=endpoint(world), **fields)


WRITES: dict[str, Use] = {
    "create_endpoint": lambda w, who: endpoints.create_endpoint(actor=who, workspace=w.workspace, name="fresh"),
    "update_endpoint": lambda w, who: endpoints.update_endpoint(actor=who, endpoint=endpoint(w), description="x"),
    "delete_endpoint": lambda w, who: endpoints.delete_endpoint(actor=who, endpoint=endpoint(w)),
    "set_traffic": lambda w, who: traffic.set_traffic(actor=who, endpoint=endpoint(w), traffic={}),
    "create_deployment": lambda w, who: deployments.create_deployment(
        actor=who, endpoint=endpoint(w), name="blue", specification=w.specification()
    ),
    "update_deployment": lambda w, who: deployments.update_deployment(
        actor=who, deployment=deployment(w), description="x"
    ),
    "retry_deployment": lambda w, who: deployments.retry_deployment(actor=who, deployment=failed(w)),
    "delete_deployment": lambda w, who: deployments.delete_deployment(actor=who, deployment=deployment(w)),
    "restart_replica": lambda w, who: deployments.restart_replica(
        actor=who, replica=ReplicaFactory(deployment=deployment(w))
    ),
    "cancel_operation": lambda w, who: operations.cancel_operation(
        actor=who, operation=OperationFactory(deployment=deployment(w))
    ),
    "read_keys": lambda w, who: credentials.read_keys(actor=who, endpoint=endpoint(w)),
    "regenerate_key": lambda w, who: credentials.regenerate_key(
        actor=who, endpoint=endpoint(w), kind=CredentialKind.PRIMARY
    ),
    "invoke": lambda w, who: invoke.invoke(actor=who, endpoint=endpoint(w), request=ScoringRequest(body=b"{}")),
    "register_model": lambda w, who: assets.register_model(
        actor=who, workspace=w.workspace, name="m", type="custom_model", folder=w.folder({"a": "b"})
    ),
    "register_code": lambda w, who: assets.register_code(
        actor=who, workspace=w.workspace, name="c", folder=w.folder({"score.py": ""})
    ),
    "register_environment": lambda w, who: assets.register_environment(
        actor=who, workspace=w.workspace, name="e", text="numpy\n"
    ),
    "archive_asset": lambda w, who: assets.archive_asset(actor=who, asset=ModelVersionFactory(workspace=w.workspace)),
}
OWNERS_ONLY: dict[str, Use] = {
    "set_role": lambda w, who: workspaces.set_role(
        actor=who, workspace=w.workspace, email="stranger@example.com", role=Role.READER
    ),
    "remove_member": lambda w, who: workspaces.remove_member(
        actor=who, assignment=RoleAssignmentFactory(workspace=w.workspace)
    ),
}


def failed(world: World) -> Any:
    """One whose assets are there, so that only the permission is in the way."""
    made = world.deployment(endpoint(world), settled=False)
    type(made).objects.filter(pk=made.pk).update(state="Failed")
    made.operations.all().delete()
    made.refresh_from_db()
    return made


@pytest.mark.parametrize("service", WRITES)
@pytest.mark.parametrize("kind", ["owner", "contributor", "staff"])
def test_who_may_write(world: World, service: str, kind: str) -> None:
    WRITES[service](world, world.people.actor(kind))


@pytest.mark.parametrize("service", WRITES)
@pytest.mark.parametrize("kind", ["reader", "stranger"])
def test_who_may_not(world: World, service: str, kind: str) -> None:
    with pytest.raises(Forbidden, match="you need the role Owner, Contributor"):
        WRITES[service](world, world.people.actor(kind))
    assert not Event.objects.filter(actor=getattr(world.people, kind)).exists()


@pytest.mark.parametrize("service", OWNERS_ONLY)
@pytest.mark.parametrize("kind", ["owner", "staff"])
def test_owners_manage_members(world: World, service: str, kind: str) -> None:
    OWNERS_ONLY[service](world, world.people.actor(kind))


@pytest.mark.parametrize("service", OWNERS_ONLY)
@pytest.mark.parametrize("kind", ["contributor", "reader", "stranger"])
def test_nobody_else_manages_members(world: World, service: str, kind: str) -> None:
    before = set(RoleAssignment.objects.values_list("user__email", "role"))
    with pytest.raises(Forbidden, match="you need the role Owner in"):
        OWNERS_ONLY[service](world, world.people.actor(kind))
    after = set(RoleAssignment.objects.exclude(user__email__startswith="person").values_list("user__email", "role"))
    assert after == before


def test_only_staff_create_workspaces(people: People) -> None:
    assert workspaces.create_workspace(actor=people.actor("staff"), name="physics").name == "physics"
    for kind in ("owner", "contributor", "reader", "stranger"):
        with pytest.raises(Forbidden):
            workspaces.create_workspace(actor=people.actor(kind), name="chemistry")


@pytest.mark.parametrize(
    ("kind", "role"),
    [
        ("owner", Role.OWNER),
        ("contributor", Role.CONTRIBUTOR),
        ("reader", Role.READER),
        ("stranger", None),
        ("staff", Role.OWNER),
    ],
)
def test_roles(people: People, kind: str, role: Role | None) -> None:
    user = getattr(people, kind)
    workspace = people.owner.role_assignments.get().workspace
    assert roles_in(user, workspace) == ({role} if role else frozenset())
    assert [can(user, action, workspace) for action in Action] == [
        role is not None and action in ALLOWED[role] for action in Action
    ]


def test_a_role_counts_in_its_own_workspace_only(people: People) -> None:
    elsewhere = WorkspaceFactory()
    assert roles_in(people.owner, elsewhere) == frozenset()
    with pytest.raises(Forbidden):
        require(people.owner, Action.READ, elsewhere)


def test_what_each_role_may() -> None:
    """Control plane and data plane apart: each cell of the table, literally."""
    table = {
        Role.OWNER: "RWDSKGwM",
        Role.CONTRIBUTOR: "RWDSKGw",
        Role.DATA_SCIENTIST: "RWDSKG",
        Role.READER: "R",
        Role.ENDPOINT_INVOKER: "S",
        Role.SECRETS_READER: "K",
    }
    letters = dict(zip(Action, "RWDSKGwM", strict=True))
    assert {role: "".join(letters[action] for action in Action if action in ALLOWED[role]) for role in Role} == table


def test_the_system_may_everything(people: People) -> None:
    for action in Action:
        require(SYSTEM.user, action, WorkspaceFactory())
