"""People as identity providers know them: who an identity is here, and what the provider says of them.

What a provider says is kept under its issuer, and goes with it: a later provider inherits nothing.
"""

from collections.abc import Iterable
from typing import Any

from django.db import transaction

from endpoints.domain.actor import SYSTEM, Actor
from endpoints.domain.errors import Forbidden
from endpoints.domain.sign_in import Identity
from endpoints.models import IdentityProvider, User
from endpoints.selectors.access import ADDRESSES
from endpoints.services import events
from endpoints.services.routes import next_revision


def person_of(provider: IdentityProvider, identity: Identity) -> User | None:
    """Whose address the provider vouches for; a new account where it may make some. None: nobody here."""
    if not identity.vouched:
        return None
    found = User.objects.filter(email__iexact=identity.email, is_service=False).first()
    return found or (_made(provider, identity) if provider.creates_accounts else None)


def _made(provider: IdentityProvider, identity: Identity) -> User:
    """Without a password: they come through the provider, or with a passkey; and without any role."""
    user = User.objects.create_user(identity.email, None, display_name=identity.name)
    events.record(
        actor=SYSTEM, verb="account.created", subject=user.email, reason=f"First sign-in through “{provider.name}”."
    )
    return user


def remember(*, actor: Actor, provider: IdentityProvider, identity: Identity, linked: bool) -> None:
    """What the provider says of the person now, in place of what it said before. `linked`: for the first time."""
    user: User = actor.user
    with transaction.atomic():
        if not IdentityProvider.objects.for_sign_in().select_for_update().filter(pk=provider.pk).exists():
            raise Forbidden(f"Nobody signs in through “{provider.name}” any more.")
        user = User.objects.select_for_update().get(pk=user.pk)
        if linked:
            after = {"subject": identity.subject, "email": identity.email}
            events.record(actor=actor, verb="identity.linked", subject=provider.name, after=after)
        known_as = _known_as(provider, identity)
        groups = _with(user.identity_groups, identity.issuer, identity.groups)
        subjects = _with(user.identity_subjects, identity.issuer, known_as)
        moved = subjects != user.identity_subjects
        _record_groups(actor, provider, user.identity_groups, groups)
        user.identity_groups, user.identity_subjects = groups, subjects
        user.save(update_fields=["identity_groups", "identity_subjects"])
        if moved:
            next_revision()  # the gateway knows by whose tokens they may score


def _known_as(provider: IdentityProvider, identity: Identity) -> tuple[str, ...]:
    """By address, they are known already: by that of their account."""
    named = identity.known_as and provider.subject_claim not in ADDRESSES
    return (identity.known_as,) if named else ()


def _record_groups(actor: Actor, provider: IdentityProvider, before: list[Any], after: list[Any]) -> None:
    if sorted(before) != sorted(after):
        was, now = (sorted(name for issuer, name in each if issuer == provider.location) for each in (before, after))
        events.record(
            actor=actor,
            verb="identity.groups_changed",
            subject=provider.name,
            before={"groups": was},
            after={"groups": now},
        )


def unlink(*, actor: Actor, user: User, provider: IdentityProvider) -> None:
    """By the person, or IT: the provider knows them no more."""
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=user.pk)
        events.record(actor=actor, verb="identity.unlinked", subject=provider.name, reason=f"Of {user.email}.")
        _forget([user], provider.location)
        next_revision()


def forget_groups(provider: IdentityProvider) -> None:
    """Of everybody; with them go the roles that were given to these groups."""
    people = User.objects.select_for_update().exclude(identity_groups=[])
    for user in people:
        user.identity_groups = _with(user.identity_groups, provider.location, ())
        user.save(update_fields=["identity_groups"])


def forget_subjects(provider: IdentityProvider) -> None:
    """Of everybody: until they sign in again, its tokens for endpoints are nobody's. Call before next_revision()."""
    people = User.objects.select_for_update().exclude(identity_subjects=[])
    for user in people:
        user.identity_subjects = _with(user.identity_subjects, provider.location, ())
        user.save(update_fields=["identity_subjects"])


def forget_everybody(provider: IdentityProvider) -> None:
    """Groups, and who is who. Call inside atomic(), before next_revision()."""
    _forget(User.objects.select_for_update().exclude(identity_groups=[], identity_subjects=[]), provider.location)


def _forget(people: Iterable[User], issuer: str) -> None:
    for user in people:
        user.identity_groups = _with(user.identity_groups, issuer, ())
        user.identity_subjects = _with(user.identity_subjects, issuer, ())
        user.save(update_fields=["identity_groups", "identity_subjects"])


def _with(pairs: list[list[str]], issuer: str, values: Iterable[str]) -> list[list[str]]:
    """[[issuer, value], …] with these of the issuer in place of those before."""
    return [*(pair for pair in pairs if pair[0] != issuer), *([issuer, value] for value in values)]
