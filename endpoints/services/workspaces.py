"""Workspaces and their members."""

from django.db import IntegrityError, transaction

from endpoints.domain.actor import Actor
from endpoints.domain.errors import Forbidden, Invalid, NotFound
from endpoints.domain.names import checked_name
from endpoints.enums import Role
from endpoints.models import RoleAssignment, User, Workspace
from endpoints.permissions import Action, require
from endpoints.services import events
from endpoints.services.roles import check_not_last_owner, lock_members
from endpoints.services.routes import next_revision


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
    """Gives a person who has an account a role in the workspace, in place of those that they had in it."""
    require(actor.user, Action.MANAGE_MEMBERS, workspace)
    if role not in Role.values:
        raise Invalid({"role": f"“{role}” is not a role. Use {', '.join(Role.values)}."})
    user = User.objects.filter(email=email.strip().lower(), is_active=True).first()
    if user is None:
        raise Invalid({"email": "Nobody has an account with this address. An administrator can make one."})
    with transaction.atomic():
        lock_members(workspace)
        held = RoleAssignment.objects.filter(user=user, workspace=workspace, endpoint=None)
        others = list(held.exclude(role=role))
        for other in others:
            if other.role == Role.OWNER:
                check_not_last_owner(other)
        held.filter(pk__in=[other.pk for other in others]).delete()
        assignment, _ = held.get_or_create(user=user, workspace=workspace, endpoint=None, role=role)
        before = {"role": ", ".join(sorted(other.role for other in others))} if others else None
        events.record(
            actor=actor,
            verb="member.role_set",
            workspace=workspace,
            subject=user.email,
            before=before,
            after={"role": role},
        )
        next_revision()
    return assignment


def remove_member(*, actor: Actor, assignment: RoleAssignment) -> None:
    """All roles of the person in the workspace, those on its endpoints too."""
    require(actor.user, Action.MANAGE_MEMBERS, assignment.workspace)
    with transaction.atomic():
        lock_members(assignment.workspace)
        assignment = _present(assignment)
        held = RoleAssignment.objects.filter(workspace=assignment.workspace, user=assignment.user)
        owner = held.filter(endpoint=None, role=Role.OWNER).first()
        if owner is not None:
            check_not_last_owner(owner)
        events.record(
            actor=actor,
            verb="member.removed",
            workspace=assignment.workspace,
            subject=assignment.principal,
            before={"role": ", ".join(sorted(held.values_list("role", flat=True)))},
        )
        held.delete()
        next_revision()


def _present(assignment: RoleAssignment) -> RoleAssignment:
    found = RoleAssignment.objects.select_related("user", "workspace").filter(pk=assignment.pk).first()
    if found is None or found.user is None:
        raise NotFound("This person has no role here any more.")
    return found
