"""Who an identity provider says that somebody is: an ID token of OpenID Connect, and what may be read from it."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from endpoints.domain.errors import Invalid
from endpoints.domain.routing import Issuer
from endpoints.domain.token_checks import examine

LONGEST_SUBJECT = 255  # OpenID Connect Core 2
LONGEST_EMAIL = 254
LONGEST_NAME = 100
LONGEST_GROUP = 200
MOST_GROUPS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A person at a provider."""

    issuer: str
    subject: str  # the claim `sub`: never anybody else's, whatever their address becomes
    known_as: str  # the claim by which the provider's tokens for endpoints name them; may be empty
    email: str  # lower case; may be empty
    vouched: bool  # the provider says, or IT does in its place, that the address is theirs
    name: str
    groups: tuple[str, ...]


def checked_claims(token: str, issuer: Issuer, *, nonce: str, now: datetime) -> dict[str, Any]:
    """The claims of an ID token for the client that is the issuer's one audience. Raises Invalid, with the reason."""
    finding = examine(token, [issuer], now=now)
    if not finding.accepted:
        raise Invalid(" ".join(check.words for check in finding.checks if not check.passed))
    claims = finding.claims
    (client,) = issuer.audiences
    audience = claims.get("aud")
    if claims.get("azp", client) != client or (
        isinstance(audience, list) and len(audience) > 1 and "azp" not in claims
    ):
        raise Invalid("It was issued to another client (azp).")
    said = claims.get("nonce")
    if not isinstance(said, str) or not hmac.compare_digest(said.encode(), nonce.encode()):
        raise Invalid("It does not belong to this sign-in (nonce).")
    return claims


def identity_of(
    claims: Mapping[str, Any], *, issuer: str, subject_claim: str, groups_claim: str, trusts_email: bool
) -> Identity:
    """Raises Invalid for one that names nobody."""
    subject = _text(claims.get("sub"), LONGEST_SUBJECT)
    if not subject:
        raise Invalid("The provider does not say who signed in (sub).")
    email = _text(claims.get("email"), LONGEST_EMAIL).lower()
    verified = claims.get("email_verified")
    return Identity(
        issuer=issuer,
        subject=subject,
        known_as=_text(claims.get(subject_claim), LONGEST_SUBJECT),
        email=email if "@" in email else "",
        vouched="@" in email and (trusts_email or verified is True or verified == "true"),
        name=_text(claims.get("name"), 10 * LONGEST_NAME)[:LONGEST_NAME],
        groups=_groups(claims.get(groups_claim) if groups_claim else None),
    )


def _text(value: object, longest: int) -> str:
    """Empty for what is no text, too much of it, or nothing that can be shown."""
    return value.strip() if isinstance(value, str) and len(value) <= longest and value.isprintable() else ""


def _groups(value: object) -> tuple[str, ...]:
    named: Sequence[object] = value if isinstance(value, list) else []
    texts = dict.fromkeys(_text(each, LONGEST_GROUP) for each in named[:MOST_GROUPS])
    return tuple(text for text in texts if text)
