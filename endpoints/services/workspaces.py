"""Workspaces and their members."""

from django.db import IntegrityError, transaction

from endpoints.domain.actor import Actor
from endpoints.domain.errors import Conflict, Forbidden, Invalid, NotFound
from endpoints.domain.names import checked_name
from endpoints.enums import Role
from endpoints.models import RoleAssignment, User, Workspace
from endpoints.permissions import Action, require
from endpoints.services import events


def create_workspace(*, actor: Actor, name: str, display_name: str = "") -> Workspace:
    """Staff only; the maker becomes its first Owner."""
    if actor.user is not None and not actor.user.is_superuser:
        raise Forbidden("Only an administrator of the site can create a workspace.")
    checked_name(name)
    try:
        with transaction.atomic():
            workspace = Workspace.objects.create(name=name.lower(), display_name=display_name)
            if actor.user is not None:
                RoleAssignment.objects.create(user=actor.user, workspace=workspace, role=Role.OWNER)
            events.record(actor=actor, verb="workspace.created", workspace=workspace, subject=name)
    except IntegrityError:
        raise Invalid({"name": f"There is a workspace “{name}” already."}) from None
    return workspace


def set_role(*, actor: Actor, workspace: Workspace, email: str, role: str) -> RoleAssignment:
    """Gives a person who has an account a role in the workspace, in place of the one that they had."""
    require(actor.user, Action.MANAGE_MEMBERS, workspace)
    if role not in Role.values:
        raise Invalid({"role": f"“{role}” is not a role. Use {', '.join(Role.values)}."})
    user = User.objects.filter(email=email.strip().lower(), is_active=True).first()
    if user is None:
        raise Invalid({"email": "Nobody has an account with this address. An administrator can make one."})
    with transaction.atomic():
        _lock_members(workspace)
        previous = RoleAssignment.objects.filter(user=user, workspace=workspace).first()
        if previous and previous.role == Role.OWNER and role != Role.OWNER:
            _check_not_last_owner(workspace)
        assignment, _ = RoleAssignment.objects.update_or_create(user=user, workspace=workspace, defaults={"role": role})
        before = {"role": previous.role} if previous else None
        events.record(
            actor=actor,
            verb="member.role_set",
            workspace=workspace,
            subject=user.email,
            before=before,
            after={"role": role},
        )
    return assignment


def remove_member(*, actor: Actor, assignment: RoleAssignment) -> None:
    require(actor.user, Action.MANAGE_MEMBERS, assignment.workspace)
    with transaction.atomic():
        _lock_members(assignment.workspace)
        assignment = _present(assignment)
        if assignment.role == Role.OWNER:
            _check_not_last_owner(assignment.workspace)
        events.record(
            actor=actor,
            verb="member.removed",
            workspace=assignment.workspace,
            subject=assignment.user.email,
            before={"role": assignment.role},
        )
        assignment.delete()


def _lock_members(workspace: Workspace) -> None:
    Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)


def _present(assignment: RoleAssignment) -> RoleAssignment:
    found = RoleAssignment.objects.select_related("user", "workspace").filter(pk=assignment.pk).first()
    if found is None:
        raise NotFound("This person has no role here any more.")
    return found


def _check_not_last_owner(workspace: Workspace) -> None:
    if RoleAssignment.objects.filter(workspace=workspace, role=Role.OWNER).count() <= 1:
        raise Conflict("A workspace needs an Owner. Give the role to somebody else first.")
