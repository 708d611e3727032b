"""Who may score with a token of an identity provider."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from endpoints.domain.routing import Invokers
from endpoints.models import Endpoint, IdentityProvider, RoleAssignment, User
from endpoints.permissions import ALLOWED, Action
from endpoints.selectors.identity import studio_issuer

# Claims that hold an address: IT that takes one of them for the subject says that the provider's addresses are ours.
ADDRESSES = frozenset({"email", "upn", "preferred_username"})


def invokers_of(endpoints: Iterable[Endpoint]) -> Mapping[UUID, Invokers]:
    """By endpoint: subjects as (issuer, subject) and groups as (issuer, group). Three queries."""
    everywhere = set(User.objects.filter(is_superuser=True, is_active=True).values_list("pk", "email"))
    roles = [role for role, actions in ALLOWED.items() if Action.SCORE in actions]
    held = RoleAssignment.objects.filter(role__in=roles, user__is_active=True)
    members: dict[int, set[tuple[int, str]]] = {}
    for workspace, user, email in held.values_list("workspace_id", "user_id", "user__email"):
        members.setdefault(workspace, set()).add((user, email))
    providers = IdentityProvider.objects.enabled().elsewhere().filter(subject_claim__in=ADDRESSES)
    by_address = [provider.location for provider in providers]
    return {each.pk: _invokers(everywhere | members.get(each.workspace_id, set()), by_address) for each in endpoints}


def _invokers(users: Iterable[tuple[int, str]], by_address: Iterable[str]) -> Invokers:
    subjects = {(studio_issuer(), str(user)) for user, _ in users}
    subjects |= {(issuer, email) for issuer in by_address for _, email in users}
    return Invokers(subjects=tuple(sorted(subjects)))
