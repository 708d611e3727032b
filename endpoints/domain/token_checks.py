"""What the gateway would say of a token, and why: its own checks, one after the other, for people to read."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import jwt

from endpoints.domain.routing import Claim, Issuer

CLOCK_SKEW_SECONDS = 10
LONGEST = 16_384  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    name: str
    passed: bool
    words: str


@dataclass(slots=True, kw_only=True)
class Finding:
    """`accepted`: the gateway would let it in. Checks stop at the first that fails."""

    checks: list[Check] = field(default_factory=list)
    issuer: Issuer | None = None
    claims: dict[str, Any] = field(default_factory=dict)

    @property
    def accepted(self) -> bool:
        return bool(self.checks) and all(check.passed for check in self.checks)


def examine(token: str, issuers: Iterable[Issuer], *, now: datetime, wanted: Iterable[Claim] | None = None) -> Finding:
    """`wanted`: what opens the endpoint in question; None leaves out who may score."""
    finding = Finding()
    for check in _checks(token.strip().removeprefix("Bearer ").strip(), list(issuers), now, wanted, finding):
        finding.checks.append(check)
        if not check.passed:
            break
    return finding


def _checks(
    token: str, issuers: list[Issuer], now: datetime, wanted: Iterable[Claim] | None, finding: Finding
) -> Iterator[Check]:
    head, claims = _parts(token)
    yield Check(name="Form", passed=bool(head), words="A signed JSON Web Token." if head else NO_TOKEN)
    finding.claims = claims
    finding.issuer = next((each for each in issuers if each.issuer == claims.get("iss")), None)
    yield _issuer(claims, finding.issuer, issuers)
    assert finding.issuer is not None
    yield _times(claims, now)
    yield _audience(claims, finding.issuer)
    yield _signature(token, head, finding.issuer)
    if wanted is not None:
        yield _role(claims, list(wanted))


NO_TOKEN = (
    "This is no signed JSON Web Token: it should be three parts with a dot between them, and say how it is signed."  # noqa: S105
)


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims; empty where it is none."""
    try:
        if len(token) > LONGEST:
            return {}, {}
        head = jwt.get_unverified_header(token)
        claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError):
        return {}, {}
    signed = str(head.get("alg", "none")).lower() != "none" and token.rpartition(".")[2]
    return (head, claims) if signed else ({}, {})


def _issuer(claims: Mapping[str, Any], issuer: Issuer | None, issuers: list[Issuer]) -> Check:
    if issuer is not None:
        return Check(name="Issuer", passed=True, words=f"“{issuer.issuer}” is trusted.")
    known = ", ".join(each.issuer for each in issuers) or "nobody"
    return Check(name="Issuer", passed=False, words=f"“{claims.get('iss', '')}” is not trusted. Trusted: {known}.")


def _times(claims: Mapping[str, Any], now: datetime) -> Check:
    at = now.timestamp()
    expiry, start = claims.get("exp"), claims.get("nbf", 0)
    if not isinstance(expiry, int | float) or not isinstance(start, int | float):
        return Check(
            name="Time", passed=False, words="It has no expiry (exp), and none is taken that is good for ever."
        )
    if at > expiry + CLOCK_SKEW_SECONDS:
        return Check(name="Time", passed=False, words=f"It expired at {_time(expiry)}. Get a new one.")
    if at < start - CLOCK_SKEW_SECONDS:
        return Check(name="Time", passed=False, words=f"It is good from {_time(start)} only. Compare the clocks.")
    return Check(name="Time", passed=True, words=f"Good until {_time(expiry)}.")


def _time(seconds: float) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return str(seconds)


def _audience(claims: Mapping[str, Any], issuer: Issuer) -> Check:
    found = claims.get("aud")
    listed = found if isinstance(found, list) else [found]
    named = [each for each in listed if isinstance(each, str)]
    if common := set(named) & set(issuer.audiences):
        return Check(name="Audience", passed=True, words=f"It is for “{min(common)}”.")
    words = f"It is for “{', '.join(named) or 'nobody'}”; wanted is {' or '.join(issuer.audiences)}."
    return Check(name="Audience", passed=False, words=words)


def _signature(token: str, head: Mapping[str, Any], issuer: Issuer) -> Check:
    keys = json.loads(issuer.jwks)["keys"]
    chosen = [key for key in keys if key.get("kid") == head["kid"]] if "kid" in head else keys
    if not chosen:
        words = f"Its key “{head.get('kid', '')}” is not among the {len(keys)} of the issuer. Refresh the provider."
        return Check(name="Signature", passed=False, words=words)
    if any(_verifies(token, head, key) for key in chosen):
        return Check(name="Signature", passed=True, words=f"Signed by a key of the issuer ({head.get('alg')}).")
    return Check(name="Signature", passed=False, words="The issuer's key did not sign this. It may be forged.")


def _verifies(token: str, head: Mapping[str, Any], key: Mapping[str, str]) -> bool:
    """By what the key is good for, whatever the token asks for."""
    allowed = {"RSA": ("RS", "PS"), "EC": ("ES",), "OKP": ("Ed",)}[key["kty"]]
    algorithm = str(head.get("alg", ""))
    if not algorithm.startswith(allowed) or key.get("alg", algorithm) != algorithm:
        return False
    try:
        made = jwt.PyJWK.from_dict(dict(key), algorithm=algorithm)
        jwt.decode(token, made, algorithms=[algorithm], options=ONLY_SIGNATURE)
    except (jwt.PyJWTError, ValueError):
        return False
    return True


ONLY_SIGNATURE: Any = dict.fromkeys(("verify_exp", "verify_nbf", "verify_iat", "verify_aud", "verify_iss"), False)


def _role(claims: Mapping[str, Any], wanted: list[Claim]) -> Check:
    if any(_meets(claims, each) for each in wanted):
        return Check(name="Role", passed=True, words="Its subject may score on this endpoint.")
    return Check(name="Role", passed=False, words="Neither its subject nor its groups have a role to score here.")


def _meets(claims: Mapping[str, Any], wanted: Claim) -> bool:
    if claims.get("iss") != wanted.issuer:
        return False
    found = claims.get(wanted.name)
    return isinstance(found, list) and wanted.value in found if wanted.listed else found == wanted.value
