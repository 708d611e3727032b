"""From an ID token to who signed in."""

from datetime import datetime

import jwt

from endpoints.domain.errors import Invalid
from endpoints.domain.jwks import key_set
from endpoints.domain.routing import Issuer
from endpoints.domain.sign_in import Identity, checked_claims, identity_of
from endpoints.enums import AuthMode
from endpoints.models import IdentityProvider
from endpoints.services.identity import refresh


def identity_from(*, provider: IdentityProvider, id_token: str, nonce: str, now: datetime) -> Identity:
    """Signature, issuer, audience, times and nonce are checked first. Raises Invalid, with the reason."""
    if not provider.pasted_jwks and _key_of(id_token) not in {key.get("kid") for key in provider.keys}:
        refresh(provider)  # it may have a new one since the last look
    issuer = Issuer(
        name=provider.name,
        issuer=provider.location,
        audiences=(provider.client_id,),
        jwks=key_set(provider.keys),
        auth_mode=AuthMode.AAD_TOKEN,
    )
    try:
        claims = checked_claims(id_token, issuer, nonce=nonce, now=now)
    except Invalid as error:
        raise Invalid(f"The provider's ID token is refused. {error}") from None
    return identity_of(
        claims,
        issuer=provider.location,
        subject_claim=provider.subject_claim,
        groups_claim=provider.groups_claim,
        trusts_email=provider.trusts_email,
    )


def _key_of(token: str) -> object:
    try:
        return jwt.get_unverified_header(token).get("kid")
    except jwt.PyJWTError:
        return None
