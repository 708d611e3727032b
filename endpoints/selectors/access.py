"""Who may score with a token of an identity provider, and who holds which role."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from uuid import UUID

from django.db.models import Q, QuerySet

from endpoints.domain.routing import Invokers
from endpoints.models import Endpoint, IdentityProvider, RoleAssignment, ServiceAccount, User, Workspace
from endpoints.permissions import ALLOWED, Action, Scope
from endpoints.selectors.identity import studio_issuer

# Claims that hold an address: IT that takes one of them for the subject says that the provider's addresses are ours.
ADDRESSES = frozenset({"email", "upn", "preferred_username"})
Person = tuple[int, str, tuple[tuple[str, str], ...]]  # id, address, and (issuer, subject) where they signed in
_SCORING = [role for role, actions in ALLOWED.items() if Action.SCORE in actions]


def invokers_of(endpoints: Iterable[Endpoint]) -> Mapping[UUID, Invokers]:
    """By endpoint: subjects as (issuer, subject) and groups as (issuer, group). Three queries."""
    users: dict[object, set[Person]] = defaultdict(set)
    groups: dict[object, set[tuple[str, str]]] = defaultdict(set)
    staff = User.objects.filter(is_superuser=True, is_active=True)
    everywhere = {_person(*row) for row in staff.values_list("pk", "email", "identity_subjects")}
    held = RoleAssignment.objects.filter(Q(user__isnull=True) | Q(user__is_active=True), role__in=_SCORING)
    subjects = "user__identity_subjects"
    for row in held.values_list("workspace_id", "endpoint_id", "user_id", "user__email", subjects, "group"):
        workspace, endpoint, user, email, known_as, group = row
        if user is not None:
            users[endpoint or workspace].add(_person(user, email, known_as))
        else:
            issuer, _, name = group.partition("|")
            groups[endpoint or workspace].add((issuer, name))
    providers = IdentityProvider.objects.enabled().elsewhere().filter(subject_claim__in=ADDRESSES)
    by_address = [provider.location for provider in providers]
    return {
        each.pk: _invokers(
            everywhere | users[each.workspace_id] | users[each.pk],
            groups[each.workspace_id] | groups[each.pk],
            by_address,
        )
        for each in endpoints
    }


def _person(user: int, email: str, known_as: Iterable[tuple[str, str]]) -> Person:
    return user, email, tuple((issuer, subject) for issuer, subject in known_as)


def _invokers(users: Iterable[Person], groups: Iterable[tuple[str, str]], by_address: list[str]) -> Invokers:
    users = list(users)
    subjects = {(studio_issuer(), str(user)) for user, _, _ in users}
    subjects |= {(issuer, email) for issuer in by_address for _, email, _ in users}
    subjects |= {pair for _, _, known_as in users for pair in known_as}
    return Invokers(subjects=tuple(sorted(subjects)), groups=tuple(sorted(groups)))


def assignments_in(scope: Scope) -> QuerySet[RoleAssignment]:
    """Of a workspace: those in it. Of an endpoint: its own, and before them those that it inherits."""
    rows = RoleAssignment.objects.select_related("user", "workspace", "endpoint", "user__service_account")
    if isinstance(scope, Endpoint):
        rows = rows.filter(workspace_id=scope.workspace_id).filter(Q(endpoint=None) | Q(endpoint=scope))
        return rows.order_by("endpoint", "user__email", "group", "role")
    return rows.filter(workspace=scope, endpoint=None).order_by("user__email", "group", "role")


def service_accounts_of(workspace: Workspace) -> QuerySet[ServiceAccount]:
    return workspace.service_accounts.select_related("user", "created_by").prefetch_related("secrets")
