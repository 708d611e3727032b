"""Who may do what, and where.

A role is held by a person, a group of an identity provider or a service account, in a workspace or on one endpoint of
it. Several add up; what is held in the workspace holds on its endpoints. Staff who are superusers may do everything.
"""

from collections.abc import Collection
from enum import Enum
from uuid import UUID

from django.db.models import Q

from endpoints.domain.errors import Forbidden
from endpoints.enums import Role
from endpoints.models import Endpoint, RoleAssignment, User, Workspace

Scope = Workspace | Endpoint


class Action(Enum):
    """Azure's control-plane actions, and ours beside them (AML/concept-endpoints-online-auth)."""

    READ = "read"
    WRITE = "write"
    DELETE = "delete"
    SCORE = "score"
    LIST_KEYS = "list keys"
    REGENERATE_KEYS = "regenerate keys"
    MANAGE_WORKSPACE = "manage the workspace"
    MANAGE_MEMBERS = "manage members"


_CONTRIBUTOR = frozenset(Action) - {Action.MANAGE_MEMBERS}
ALLOWED: dict[Role, frozenset[Action]] = {
    Role.OWNER: frozenset(Action),
    Role.CONTRIBUTOR: _CONTRIBUTOR,
    Role.DATA_SCIENTIST: _CONTRIBUTOR - {Action.MANAGE_WORKSPACE},
    Role.READER: frozenset({Action.READ}),
    Role.ENDPOINT_INVOKER: frozenset({Action.SCORE}),
    Role.SECRETS_READER: frozenset({Action.LIST_KEYS}),
}
MEANING = {
    Role.OWNER: "Everything, and gives roles to others.",
    Role.CONTRIBUTOR: "Everything but roles.",
    Role.DATA_SCIENTIST: "Endpoints, deployments, models and keys; not the workspace's own settings.",
    Role.READER: "Sees everything but keys, changes nothing and does not score.",
    Role.ENDPOINT_INVOKER: "Scores, and gets tokens for it; sees what calling needs.",
    Role.SECRETS_READER: "Reads keys; each reading is recorded.",
}


def held_by(user: User) -> Q:
    """Assignments of the person, and of the groups that the person's last sign-in named."""
    groups = [group_key(issuer, group) for issuer, group in user.identity_groups]
    return Q(user=user) | Q(group__in=groups) if groups else Q(user=user)


def group_key(issuer: str, group: str) -> str:
    """As groups stand in assignments."""
    return f"{issuer}|{group}"


def roles_in(user: User, scope: Scope) -> frozenset[Role]:
    """Empty for a stranger. One query."""
    if user.is_superuser:
        return frozenset({Role.OWNER})
    where = Q(workspace=scope, endpoint=None)
    if isinstance(scope, Endpoint):
        where = Q(workspace_id=scope.workspace_id) & (Q(endpoint=None) | Q(endpoint=scope))
    found = RoleAssignment.objects.filter(held_by(user), where).values_list("role", flat=True)
    return frozenset(Role(role) for role in found)


def actions_in(user: User, scope: Scope) -> frozenset[Action]:
    return frozenset().union(*(ALLOWED[role] for role in roles_in(user, scope)))


def can(user: User, action: Action, scope: Scope) -> bool:
    return action in actions_in(user, scope)


def endpoints_where(user: User, action: Action, endpoints: Collection[Endpoint]) -> set[UUID]:
    """Of these, those on which the person may. One query."""
    if user.is_superuser:
        return {endpoint.pk for endpoint in endpoints}
    roles = [role for role, actions in ALLOWED.items() if action in actions]
    where = Q(endpoint__in=endpoints) | Q(endpoint=None, workspace__in={each.workspace_id for each in endpoints})
    found = set(
        RoleAssignment.objects.filter(held_by(user), where, role__in=roles).values_list("workspace_id", "endpoint_id")
    )
    return {row.pk for row in endpoints if found & {(row.workspace_id, None), (row.workspace_id, row.pk)}}


def require(user: User | None, action: Action, scope: Scope) -> None:
    """Forbidden unless the person may. None is the system itself."""
    if user is not None and not can(user, action, scope):
        names = [role.label for role in Role if action in ALLOWED[role]]
        needed = " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 2 else names)
        raise Forbidden(f"To {action.value} here you need the role {needed} in “{scope}”. An Owner of it can grant it.")


def require_staff(user: User | None) -> None:
    """Forbidden unless the person is of the site's IT. None is the system itself."""
    if user is not None and not (user.is_staff and user.is_active):
        raise Forbidden("Only the site's IT can do this. Ask an administrator.")
