"""Personal tokens for the REST API."""

import hashlib
import secrets
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from endpoints.domain.actor import Actor
from endpoints.domain.errors import Invalid, NotFound
from endpoints.models import PersonalToken, User
from endpoints.services import events

PREFIX = "est_"


def create_token(
    *, actor: Actor, name: str, expires_at: datetime | None = None, read_only: bool = False
) -> tuple[PersonalToken, str]:
    """The row and the token itself, which is shown this once and stored only as a digest."""
    name = name.strip()
    if not 0 < len(name) <= 100:
        raise Invalid({"name": "Give the token a name of 1 to 100 characters, such as where it is used."})
    if expires_at is not None and expires_at <= timezone.now():
        raise Invalid({"expires_at": "The expiry lies in the past."})
    secret = PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        token = PersonalToken.objects.create(
            user=actor.user,
            name=name,
            prefix=secret[:10],
            digest=digest(secret),
            expires_at=expires_at,
            read_only=read_only,
        )
        events.record(actor=actor, verb="token.created", subject=name, after={"read_only": read_only})
    return token, secret


def revoke_token(*, actor: Actor, token_id: int) -> None:
    with transaction.atomic():
        mine = PersonalToken.objects.filter(user=actor.user, pk=token_id, revoked_at__isnull=True)
        if not mine.update(revoked_at=timezone.now()):
            raise NotFound("You have no such token, or it is revoked already.")
        events.record(actor=actor, verb="token.revoked", subject=str(token_id))


def user_of(secret: str) -> tuple[User, PersonalToken] | None:
    """Whose token this is, if it is valid; notes its use at most once a minute."""
    token = PersonalToken.objects.valid().select_related("user").filter(digest=digest(secret)).first()
    if token is None:
        return None
    now = timezone.now()
    if token.last_used_at is None or (now - token.last_used_at).total_seconds() > 60:
        PersonalToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token.user, token


def digest(secret: str) -> str:
    """SHA-256 suffices: the token is 256 random bits, not a password."""
    return hashlib.sha256(secret.encode()).hexdigest()
