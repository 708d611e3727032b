"""Short-lived tokens: of one endpoint (Azure's aml_token), and of a person for the whole data plane (aad_token)."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from endpoints.domain.actor import Actor
from endpoints.domain.errors import Conflict, Forbidden
from endpoints.domain.routing import ENDPOINT_CLAIM
from endpoints.enums import AuthMode
from endpoints.models import Endpoint, User
from endpoints.permissions import Action, require
from endpoints.selectors.identity import ENDPOINT_AUDIENCE, endpoint_issuer, studio_issuer
from endpoints.services import events
from endpoints.services.credentials import test_key
from endpoints.services.identity import ensure_studio_provider
from endpoints.services.signing import sign

TEST_SECONDS = 120  # of the tokens that the studio's own test calls use


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    value: str
    expires_at: datetime
    refresh_after: datetime  # half of its life is over: time to get the next


def endpoint_token(*, actor: Actor, endpoint: Endpoint) -> AccessToken:
    """What opens this endpoint for whoever holds it, until it expires. The history says who got one."""
    require(actor.user, Action.SCORE, endpoint)
    if endpoint.auth_mode != AuthMode.AML_TOKEN:
        raise Conflict(
            f"“{endpoint.name}” does not take tokens of its own: its authentication is "
            f"“{AuthMode(endpoint.auth_mode).label}”."
        )
    token = _signed(bound_claims(actor, endpoint), _lifetime())
    events.record(actor=actor, verb="token.issued", endpoint=endpoint, after={"expires_at": _iso(token.expires_at)})
    return token


def data_plane_token(*, actor: Actor) -> AccessToken:
    """Who asks, signed; on record. What it opens is a matter of roles, so that getting one needs none."""
    token = _signed(personal_claims(actor.user), _lifetime())
    after = {"expires_at": _iso(token.expires_at)}
    events.record(actor=actor, verb="access_token.issued", subject=actor.name, after=after)
    return token


def token_for(*, actor: Actor, endpoint: Endpoint) -> AccessToken:
    """The one that the endpoint takes, of the two."""
    if endpoint.auth_mode == AuthMode.AAD_TOKEN:
        return data_plane_token(actor=actor)
    return endpoint_token(actor=actor, endpoint=endpoint)


def test_credential(*, actor: Actor, endpoint: Endpoint) -> str:
    """With which the studio sends a person's test calls; never shown. The caller has checked what they may."""
    if endpoint.auth_mode == AuthMode.KEY:
        return test_key(endpoint)
    bound = endpoint.auth_mode == AuthMode.AML_TOKEN
    claims = bound_claims(actor, endpoint) if bound else personal_claims(actor.user)
    return _signed(claims, timedelta(seconds=TEST_SECONDS)).value


test_credential.__test__ = False  # type: ignore[attr-defined]  # not a test


def bound_claims(actor: Actor, endpoint: Endpoint) -> dict[str, Any]:
    return {
        "iss": endpoint_issuer(),
        "aud": ENDPOINT_AUDIENCE,
        "sub": str(actor.user.pk) if actor.user else actor.name,
        ENDPOINT_CLAIM: endpoint.pk.hex,
    }


def personal_claims(user: User | None) -> dict[str, Any]:
    provider = ensure_studio_provider()
    if user is None:
        raise Forbidden("A token says who somebody is; the studio itself has none.")
    if not provider.enabled:
        raise Conflict("The studio's own identity provider is disabled here. Get a token from another one.")
    return {"iss": studio_issuer(), "aud": provider.audiences, "sub": str(user.pk)}


def _lifetime() -> timedelta:
    return timedelta(minutes=settings.STUDIO_TOKEN_MINUTES)


def _signed(claims: dict[str, Any], lifetime: timedelta) -> AccessToken:
    now = timezone.now().replace(microsecond=0)
    times = {name: int(at.timestamp()) for name, at in (("iat", now), ("nbf", now), ("exp", now + lifetime))}
    value = sign({**claims, **times, "jti": uuid.uuid4().hex})
    return AccessToken(value=value, expires_at=now + lifetime, refresh_after=now + lifetime / 2)


def _iso(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
