import pytest

from endpoints.domain.errors import Conflict, Invalid, NotFound
from endpoints.enums import Role
from endpoints.models import Event, RoleAssignment, Workspace
from endpoints.permissions import roles_in
from endpoints.services.workspaces import create_workspace, remove_member, set_role
from tests.factories import UserFactory, member
from tests.people import People


def test_the_maker_is_its_first_owner(people: People) -> None:
    workspace = create_workspace(actor=people.actor("staff"), name="Physics", display_name="Physics group")
    assert (workspace.name, str(workspace)) == ("physics", "Physics group")
    assert RoleAssignment.objects.get(workspace=workspace).user == people.staff
    assert Event.objects.get(verb="workspace.created").actor_name == "staff@example.com"
    with pytest.raises(Invalid, match="There is a workspace “physics” already"):
        create_workspace(actor=people.actor("staff"), name="physics")


def test_a_role_replaces_the_one_before(people: People, workspace: Workspace) -> None:
    set_role(actor=people.actor("owner"), workspace=workspace, email=" Stranger@Example.com ", role=Role.READER)
    set_role(actor=people.actor("owner"), workspace=workspace, email="stranger@example.com", role=Role.CONTRIBUTOR)
    assert roles_in(people.stranger, workspace) == {Role.CONTRIBUTOR}
    told = Event.objects.filter(verb="member.role_set").order_by("id").values_list("subject", "before", "after")
    assert list(told) == [
        ("stranger@example.com", None, {"role": "reader"}),
        ("stranger@example.com", {"role": "reader"}, {"role": "contributor"}),
    ]


def test_who_can_be_given_a_role(people: People, workspace: Workspace) -> None:
    UserFactory(email="left@example.com", is_active=False)
    for email in ("nobody@example.com", "left@example.com"):
        with pytest.raises(Invalid) as caught:
            set_role(actor=people.actor("owner"), workspace=workspace, email=email, role=Role.READER)
        assert list(caught.value.fields) == ["email"]
    with pytest.raises(Invalid) as caught:
        set_role(actor=people.actor("owner"), workspace=workspace, email="reader@example.com", role="king")
    assert list(caught.value.fields) == ["role"]


def test_a_workspace_keeps_an_owner(people: People, workspace: Workspace) -> None:
    mine = RoleAssignment.objects.get(user=people.owner)
    with pytest.raises(Conflict, match="needs an Owner"):
        set_role(actor=people.actor("owner"), workspace=workspace, email="owner@example.com", role=Role.READER)
    with pytest.raises(Conflict, match="needs an Owner"):
        remove_member(actor=people.actor("owner"), assignment=mine)
    member(workspace, Role.OWNER)
    remove_member(actor=people.actor("owner"), assignment=mine)
    assert roles_in(people.owner, workspace) == frozenset()


def test_removing_twice_is_told_once(people: People, workspace: Workspace) -> None:
    assignment = RoleAssignment.objects.get(user=people.reader)
    remove_member(actor=people.actor("owner"), assignment=assignment)
    with pytest.raises(NotFound):
        remove_member(actor=people.actor("owner"), assignment=RoleAssignment(pk=10**6, workspace=workspace))
    assert Event.objects.get(verb="member.removed").before == {"role": "reader"}
