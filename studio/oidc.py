"""The studio as an OpenID Connect provider: with its own signing keys, at its own URL, for its own audience."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from allauth.idp.oidc.adapter import DefaultOIDCAdapter
from allauth.idp.oidc.models import Client, PrivateKey
from django.utils import timezone

from endpoints.models import SigningKey
from endpoints.selectors.identity import studio_issuer
from endpoints.services.identity import ensure_studio_provider
from endpoints.services.signing import longest_life, signing_key

JWKS_SECONDS = 300  # how long others may keep the key set: a new key signs before they ask again only if they are slow


class OIDCAdapter(DefaultOIDCAdapter):
    def get_issuer(self) -> str:
        return studio_issuer()

    def list_private_keys(self, *, did_activate: bool | None = None, is_active: bool | None = None) -> list[PrivateKey]:
        found = [private_key(row) for row in SigningKey.objects.all()]
        now = timezone.now()
        return [key for key in found if not is_active or key.expires_at is None or key.expires_at > now]

    def get_signing_key(self) -> PrivateKey:
        return private_key(signing_key())

    def get_jwks_cache_control(self) -> int:
        return JWKS_SECONDS

    def populate_access_token(
        self, access_token: dict[str, Any], *, client: Client, scopes: Iterable[str], user: Any, **kwargs: Any
    ) -> None:
        """For the studio's audience where the caller named no other; a client without a person is itself."""
        access_token.setdefault("aud", ensure_studio_provider().audiences)
        access_token.setdefault("sub", f"client:{client.pk}")
        access_token.setdefault("nbf", access_token["iat"])


def private_key(row: SigningKey) -> PrivateKey:
    expires_at = row.retired_at + longest_life() + timedelta(minutes=1) if row.retired_at else None
    return PrivateKey(pem=row.private_key, issued_at=row.created_at, expires_at=expires_at)
