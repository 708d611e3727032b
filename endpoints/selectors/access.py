"""Who may score with a token of an identity provider."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from endpoints.domain.routing import Invokers
from endpoints.models import Endpoint, RoleAssignment, User
from endpoints.permissions import ALLOWED, Action
from endpoints.selectors.identity import studio_issuer


def invokers_of(endpoints: Iterable[Endpoint]) -> Mapping[UUID, Invokers]:
    """By endpoint: subjects as (issuer, subject) and groups as (issuer, group). Two queries."""
    everywhere = set(User.objects.filter(is_superuser=True, is_active=True).values_list("pk", flat=True))
    roles = [role for role, actions in ALLOWED.items() if Action.SCORE in actions]
    held = RoleAssignment.objects.filter(role__in=roles, user__is_active=True)
    members: dict[int, set[int]] = {}
    for workspace, user in held.values_list("workspace_id", "user_id"):
        members.setdefault(workspace, set()).add(user)
    return {each.pk: _invokers(everywhere | members.get(each.workspace_id, set())) for each in endpoints}


def _invokers(users: Iterable[int]) -> Invokers:
    return Invokers(subjects=tuple(sorted((studio_issuer(), str(user)) for user in users)))
