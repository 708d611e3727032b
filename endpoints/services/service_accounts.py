"""Service accounts: programs with roles and secrets of their own."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from endpoints.domain.actor import Actor
from endpoints.domain.errors import Conflict, Forbidden, Invalid, NotFound
from endpoints.domain.names import checked_name
from endpoints.models import PersonalToken, ServiceAccount, ServiceSecret, User, Workspace
from endpoints.permissions import Action, require
from endpoints.services import events
from endpoints.services.access_tokens import AccessToken, data_plane_token
from endpoints.services.routes import next_revision
from endpoints.services.tokens import create_token

MOST_SECRETS = 2
API_TOKEN_LIFE = timedelta(hours=1)
_SEEN_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    value: str
    expires_at: datetime


def create_service_account(
    *, actor: Actor, workspace: Workspace, name: str, description: str = ""
) -> tuple[ServiceAccount, str]:
    """The account, which has no role yet, and its first secret, shown this once."""
    require(actor.user, Action.MANAGE_MEMBERS, workspace)
    checked_name(name)
    client_id = f"sa-{secrets.token_hex(10)}"
    try:
        with transaction.atomic():
            user = User.objects.create_user(f"{client_id}@service.invalid", display_name=name, is_service=True)
            account = ServiceAccount.objects.create(
                user=user,
                workspace=workspace,
                name=name.lower(),
                description=description.strip()[:300],
                client_id=client_id,
                created_by=actor.user,
            )
            secret = _new_secret(account, expires_at=None)
            _record(actor, account, "created")
    except IntegrityError:
        raise Invalid({"name": f"There is a service account “{name}” already."}) from None
    return account, secret


def add_secret(*, actor: Actor, account: ServiceAccount, expires_at: datetime | None = None) -> str:
    """A second one, so that the first can be replaced while it works. Shown this once."""
    require(actor.user, Action.MANAGE_MEMBERS, account.workspace)
    if expires_at is not None and expires_at <= timezone.now():
        raise Invalid({"expires_at": "The expiry lies in the past."})
    with transaction.atomic():
        ServiceAccount.objects.select_for_update(no_key=True).get(pk=account.pk)
        if account.secrets.count() >= MOST_SECRETS:
            raise Conflict(f"It has {MOST_SECRETS} secrets already. Remove the one that nothing uses.")
        secret = _new_secret(account, expires_at=expires_at)
        _record(actor, account, "secret_added")
    return secret


def remove_secret(*, actor: Actor, account: ServiceAccount, secret_id: int) -> None:
    require(actor.user, Action.MANAGE_MEMBERS, account.workspace)
    with transaction.atomic():
        if not account.secrets.filter(pk=secret_id).delete()[0]:
            raise NotFound("It has no such secret any more.")
        _record(actor, account, "secret_removed")


def set_enabled(*, actor: Actor, account: ServiceAccount, enabled: bool) -> None:
    """One that is disabled gets no token, and those that it has open nothing any more."""
    require(actor.user, Action.MANAGE_MEMBERS, account.workspace)
    with transaction.atomic():
        changed = User.objects.filter(pk=account.user_id).exclude(is_active=enabled).update(is_active=enabled)
        if changed:
            account.user.is_active = enabled
            _record(actor, account, "enabled" if enabled else "disabled")
            next_revision()


def delete_service_account(*, actor: Actor, account: ServiceAccount) -> None:
    require(actor.user, Action.MANAGE_MEMBERS, account.workspace)
    with transaction.atomic():
        _record(actor, account, "deleted")
        account.user.delete()
        next_revision()


def api_token(*, client_id: str, client_secret: str) -> ApiToken:
    """For the REST API. Raises Forbidden, with the same words for whatever is wrong."""
    account = _authenticated(client_id, client_secret)
    expires_at = timezone.now() + API_TOKEN_LIFE
    PersonalToken.objects.filter(user=account.user, expires_at__lt=timezone.now()).delete()
    _, value = create_token(actor=Actor(user=account.user), name="client credentials", expires_at=expires_at)
    return ApiToken(value=value, expires_at=expires_at)


def scoring_token(*, client_id: str, client_secret: str) -> AccessToken:
    """For endpoints that take tokens of identity providers. Raises Forbidden."""
    return data_plane_token(actor=Actor(user=_authenticated(client_id, client_secret).user))


def _authenticated(client_id: str, client_secret: str) -> ServiceAccount:
    now = timezone.now()
    secret = (
        ServiceSecret.objects.select_related("account__user")
        .filter(digest=_digest(client_secret), account__client_id=client_id, account__user__is_active=True)
        .first()
    )
    if secret is None or (secret.expires_at is not None and secret.expires_at <= now):
        raise Forbidden("The client id or its secret is not valid.")
    account = secret.account
    if account.last_used_at is None or (now - account.last_used_at).total_seconds() > _SEEN_SECONDS:
        ServiceAccount.objects.filter(pk=account.pk).update(last_used_at=now)
    return account


def _new_secret(account: ServiceAccount, *, expires_at: datetime | None) -> str:
    value = f"ess_{secrets.token_urlsafe(32)}"
    ServiceSecret.objects.create(account=account, prefix=value[:10], digest=_digest(value), expires_at=expires_at)
    return value


def _digest(value: str) -> str:
    """SHA-256 suffices: a secret is 256 random bits, not a password."""
    return hashlib.sha256(value.encode()).hexdigest()


def _record(actor: Actor, account: ServiceAccount, what: str) -> None:
    events.record(actor=actor, verb=f"service_account.{what}", workspace=account.workspace, subject=account.name)
