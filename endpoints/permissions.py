"""Who may do what. Roles are given in a workspace; staff of the site may do everything everywhere."""

from enum import Enum

from endpoints.domain.errors import Forbidden
from endpoints.enums import Role
from endpoints.models import RoleAssignment, User, Workspace


class Action(Enum):
    """Azure's control-plane actions, and ours beside them (AML/concept-endpoints-online-auth)."""

    READ = "read"
    WRITE = "write"
    DELETE = "delete"
    SCORE = "score"
    LIST_KEYS = "list keys"
    REGENERATE_KEYS = "regenerate keys"
    MANAGE_MEMBERS = "manage members"


_CONTRIBUTOR = frozenset(Action) - {Action.MANAGE_MEMBERS}
ALLOWED: dict[str, frozenset[Action]] = {
    Role.OWNER: frozenset(Action),
    Role.CONTRIBUTOR: _CONTRIBUTOR,
    Role.READER: frozenset({Action.READ}),
}


def role_in(user: User, workspace: Workspace) -> Role | None:
    """Staff are Owners everywhere; None is a stranger."""
    if user.is_superuser:
        return Role.OWNER
    found = RoleAssignment.objects.filter(user=user, workspace=workspace).values_list("role", flat=True).first()
    return Role(found) if found else None


def can(user: User, action: Action, workspace: Workspace) -> bool:
    role = role_in(user, workspace)
    return role is not None and action in ALLOWED[role]


def require(user: User | None, action: Action, workspace: Workspace) -> None:
    """Forbidden unless the person may. None is the system itself."""
    if user is not None and not can(user, action, workspace):
        needed = " or ".join(role.label for role in Role if action in ALLOWED[role])
        raise Forbidden(
            f"To {action.value} here you need the role {needed} in “{workspace}”. An Owner of it can grant it."
        )


def require_staff(user: User | None) -> None:
    """Forbidden unless the person is of the site's IT. None is the system itself."""
    if user is not None and not (user.is_staff and user.is_active):
        raise Forbidden("Only the site's IT can do this. Ask an administrator.")
