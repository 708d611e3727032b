"""Accounts of people, as the site's IT makes and changes them."""

from collections.abc import Collection

from django.db import transaction
from django.db.models import Q

from endpoints.domain.actor import Actor
from endpoints.domain.errors import Conflict
from endpoints.models import User
from endpoints.permissions import require_staff
from endpoints.services import events
from endpoints.services.routes import next_revision

# The gateway knows who may score with tokens of an identity provider by these.
ROUTED = ("is_active", "is_superuser", "email")
FIELDS = ("email", "display_name", "is_active", "is_staff", "is_superuser")
MAY_EVERYTHING = Q(is_active=True, is_staff=True, is_superuser=True)  # IT's pages are open to staff alone


def save_account(*, actor: Actor, user: User, changed: Collection[str]) -> User:
    """A new one, or one with `changed` fields set. Raises Conflict for the last who may do everything."""
    require_staff(actor.user)
    with transaction.atomic():
        # All who may do everything are locked: two of them at once cannot each take the other for the one who stays.
        concerned = User.objects.select_for_update().filter(Q(pk=user.pk) | MAY_EVERYTHING)
        before = {row.pk: row for row in concerned.order_by("pk")}.get(user.pk)
        if (why := last_superuser_fault(user)) and before is not None:
            raise Conflict(why)
        user.save()
        names = [name for name in FIELDS if name in changed or before is None]
        events.record(
            actor=actor,
            verb="user.changed" if before else "user.added",
            subject=str(user),
            before={name: getattr(before, name) for name in names} if before else None,
            after={name: getattr(user, name) for name in names},
        )
        if before is None or any(name in changed for name in ROUTED):
            next_revision()
    return user


def last_superuser_fault(user: User) -> str:
    """Why it may not be saved like this; empty where it may."""
    if user.is_active and user.is_staff and user.is_superuser:
        return ""
    who = User.objects.filter(MAY_EVERYTHING)
    if who.filter(pk=user.pk).exists() and not who.exclude(pk=user.pk).exists():
        return "Nobody else may do everything. Make another one staff and a superuser first."
    return ""
