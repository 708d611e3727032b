"""The keys that the studio signs its tokens with: made, rotated, retired, and dropped when no token needs them."""

import contextlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from jwt.algorithms import RSAAlgorithm

from endpoints.domain.actor import SYSTEM, Actor
from endpoints.domain.jwks import bare, thumbprint
from endpoints.models import GatewayState, SigningKey
from endpoints.permissions import require_staff
from endpoints.services import events
from endpoints.services.routes import next_revision

BITS = 2048
SLACK = timedelta(minutes=10)  # for clocks that differ, and for a gateway that follows late


def sign(claims: Mapping[str, Any]) -> str:
    """A signed token of these claims."""
    key = signing_key()
    return jwt.encode(dict(claims), key.private_key, algorithm=key.algorithm, headers={"kid": key.kid})


def signing_key() -> SigningKey:
    """The newest that the gateway is known to believe; the very first is made when it is needed."""
    confirmed = GatewayState.objects.filter(id=1).values_list("confirmed_revision", flat=True).first() or 0
    ensure_key()
    keys = list(SigningKey.objects.all())
    return next((key for key in keys if key.route_revision <= confirmed), keys[0])


def ensure_key() -> None:
    """So that a fresh studio's first token finds a gateway that knows its key."""
    if not SigningKey.objects.filter(retired_at=None).exists():
        with contextlib.suppress(IntegrityError):  # somebody else was quicker
            rotate(actor=SYSTEM)


def rotate(*, actor: Actor, revoke: bool = False) -> SigningKey:
    """A new key signs from when the gateway has it. The old ones are believed until their tokens have expired; with
    `revoke` not even that: every token that the studio has issued stops working."""
    require_staff(actor.user)
    private, public = _pair()
    with transaction.atomic():
        if revoke:
            SigningKey.objects.all().delete()
        SigningKey.objects.filter(retired_at=None).update(retired_at=timezone.now())
        events.record(actor=actor, verb="signing_key.rotated", subject=public["kid"], after={"revoked": revoke})
        key = SigningKey.objects.create(kid=public["kid"], private_key=private, public_key=public)
        key.route_revision = next_revision()
        SigningKey.objects.filter(pk=key.pk).update(route_revision=key.route_revision)
    return key


def _pair() -> tuple[str, dict[str, str]]:
    """The private key as PEM, and the public one as a JSON Web Key."""
    made = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    pem = made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    public = bare(json.loads(RSAAlgorithm.to_jwk(made.public_key())))
    return pem, {**public, "kid": thumbprint(public), "alg": "RS256", "use": "sig"}


def keep_fresh(*, now: datetime) -> None:
    """Rotates by age, and drops what no token needs any more."""
    newest = SigningKey.objects.filter(retired_at=None).first()
    if newest is None or newest.created_at < now - timedelta(days=settings.STUDIO_SIGNING_KEY_DAYS):
        rotate(actor=SYSTEM)
    with transaction.atomic():
        if SigningKey.objects.filter(retired_at__lt=now - longest_life()).delete()[0]:
            next_revision()


def longest_life() -> timedelta:
    """How long after its retirement a key may still be needed."""
    return timedelta(minutes=settings.STUDIO_TOKEN_MINUTES) + SLACK
