"""Roles: given to and taken from people, groups and service accounts, in a workspace or on one endpoint."""

from typing import Any

from django.db import IntegrityError, transaction

from endpoints.domain.actor import Actor
from endpoints.domain.errors import Conflict, Invalid, NotFound
from endpoints.enums import Role
from endpoints.models import Endpoint, RoleAssignment, ServiceAccount, User, Workspace
from endpoints.permissions import Action, Scope, group_key, require
from endpoints.services import events
from endpoints.services.routes import next_revision


def assign_role(
    *,
    actor: Actor,
    scope: Scope,
    role: str,
    email: str = "",
    group: tuple[str, str] | None = None,
    service_account: str = "",
) -> RoleAssignment:
    """To one principal: a person with an account, a group as (issuer, name), or a service account of the workspace.

    Given already, it is what it was. Raises Invalid, Forbidden.
    """
    require(actor.user, Action.MANAGE_MEMBERS, scope)
    if role not in Role.values:
        raise Invalid({"role": f"“{role}” is not a role. Use {', '.join(Role.values)}."})
    workspace = workspace_of(scope)
    holder = _holder(workspace, email, group, service_account)
    place: dict[str, Any] = {"workspace": workspace, "endpoint": scope if isinstance(scope, Endpoint) else None}
    try:
        with transaction.atomic():
            lock_members(workspace)
            assignment, made = RoleAssignment.objects.get_or_create(**holder, **place, role=role)
            if made:
                _record(actor, assignment, "role.assigned")
                next_revision()
    except IntegrityError:
        raise Conflict("Somebody changed these roles at the same moment. Look at them, then try again.") from None
    return assignment


def remove_assignment(*, actor: Actor, assignment: RoleAssignment) -> None:
    """What it allowed ends at once; at the gateway, with the next routes. The last Owner of a workspace stays."""
    scope = assignment.endpoint or assignment.workspace
    require(actor.user, Action.MANAGE_MEMBERS, scope)
    with transaction.atomic():
        lock_members(assignment.workspace)
        found = RoleAssignment.objects.select_related("user", "workspace", "endpoint").filter(pk=assignment.pk).first()
        if found is None:
            raise NotFound("This role is not held any more.")
        if found.role == Role.OWNER and found.endpoint_id is None:
            check_not_last_owner(found)
        _record(actor, found, "role.removed")
        found.delete()
        next_revision()


def workspace_of(scope: Scope) -> Workspace:
    return scope.workspace if isinstance(scope, Endpoint) else scope


def lock_members(workspace: Workspace) -> None:
    Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)


def check_not_last_owner(assignment: RoleAssignment) -> None:
    """A group is no Owner to rely on: it may be empty."""
    owners = RoleAssignment.objects.filter(
        workspace=assignment.workspace, endpoint=None, role=Role.OWNER, user__is_active=True, user__is_service=False
    )
    if not owners.exclude(pk=assignment.pk).exists():
        raise Conflict("A workspace needs an Owner. Give the role to somebody else first.")


def _holder(workspace: Workspace, email: str, group: tuple[str, str] | None, service_account: str) -> dict[str, Any]:
    if sum(map(bool, (email, group, service_account))) != 1:
        raise Invalid({"principal": "Name one: a person by e-mail, a group, or a service account."})
    if group:
        return {"user": None, "group": _group(group)}
    return {"user": _person(email) if email else _account(workspace, service_account), "group": ""}


def _group(group: tuple[str, str]) -> str:
    issuer, name = (part.strip() for part in group)
    if not issuer or not name or "|" in issuer:
        raise Invalid({"group": "A group has the issuer that names it, and a name or id."})
    if len(key := group_key(issuer, name)) > 400:
        raise Invalid({"group": "Issuer and name are too long: at most 399 characters together."})
    return key


def _person(email: str) -> User:
    user = User.objects.filter(email=email.strip().lower(), is_active=True, is_service=False).first()
    if user is None:
        raise Invalid({"email": "Nobody has an account with this address. An administrator can make one."})
    return user


def _account(workspace: Workspace, name: str) -> User:
    account = ServiceAccount.objects.select_related("user").filter(workspace=workspace, name=name).first()
    if account is None:
        raise Invalid({"service_account": f"There is no service account “{name}” in “{workspace}”."})
    return account.user


def _record(actor: Actor, assignment: RoleAssignment, verb: str) -> None:
    change = {"role": assignment.role, "principal": assignment.principal}
    if assignment.group:
        change["issuer"] = assignment.group_issuer
    before, after = (None, change) if verb == "role.assigned" else (change, None)
    events.record(
        actor=actor,
        verb=verb,
        workspace=assignment.workspace,
        endpoint=assignment.endpoint,
        subject=assignment.principal,
        before=before,
        after=after,
    )
