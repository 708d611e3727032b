"""JSON Web Keys (RFC 7517) that may verify tokens: public ones, of kinds that the gateway knows, and nothing beside."""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from endpoints.domain.errors import Invalid

# Kind: what it must have. `oct` is a shared secret, and never believed.
MEMBERS: Mapping[str, tuple[str, ...]] = {
    "RSA": ("kty", "n", "e"),
    "EC": ("kty", "crv", "x", "y"),
    "OKP": ("kty", "crv", "x"),
}
CURVES = frozenset({"P-256", "P-384", "P-521", "Ed25519"})
KEPT = ("kid", "alg", "use")
PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})
MOST_KEYS = 50
SHORTEST_RSA = 256  # bytes: 2048 bits


def signing_keys(text: str, *, field: str = "jwks") -> list[dict[str, str]]:
    """Those of a key set that the gateway can use, bare of everything else. Raises Invalid where there is none."""
    try:
        document = json.loads(text)
        keys = document["keys"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Invalid({field: 'This is no JSON Web Key Set; it looks like {"keys": [{"kty": "RSA", …}]}.'}) from None
    if not isinstance(keys, list):
        raise Invalid({field: '"keys" must be a list.'})
    if any(kind(key) and PRIVATE & set(key) for key in keys):
        raise Invalid({field: "A key in it is private. Publish public keys alone, and replace the one that got out."})
    found = [bare(key) for key in keys[:MOST_KEYS] if is_usable(key)]
    if not found:
        raise Invalid({field: "It has no public RSA (2048 bits or more), EC or Ed25519 key that signs tokens."})
    return found


def is_usable(key: object) -> bool:
    if not isinstance(key, Mapping) or not kind(key) or key.get("use", "sig") != "sig":
        return False
    members = MEMBERS[key["kty"]]
    if not all(isinstance(key.get(name), str) and key[name] for name in members):
        return False
    if key["kty"] == "RSA":
        return len(decoded(key["n"])) >= SHORTEST_RSA and len(decoded(key["e"])) > 0
    return key["crv"] in CURVES and all(decoded(key[name]) for name in members[2:])


def kind(key: object) -> str:
    """Empty for what is no key of a kind that can be public."""
    found = key.get("kty") if isinstance(key, Mapping) else None
    return found if isinstance(found, str) and found in MEMBERS else ""


def bare(key: Mapping[str, Any]) -> dict[str, str]:
    names = (*MEMBERS[key["kty"]], *KEPT)
    return {name: key[name] for name in names if isinstance(key.get(name), str)}


def decoded(text: str) -> bytes:
    """Base64url without padding; empty where it is none."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return b""


def key_set(keys: Iterable[Mapping[str, str]]) -> str:
    return json.dumps({"keys": list(keys)}, sort_keys=True)


def thumbprint(key: Mapping[str, str]) -> str:
    """RFC 7638."""
    required = {name: key[name] for name in sorted(MEMBERS[key["kty"]])}
    digest = hashlib.sha256(json.dumps(required, separators=(",", ":")).encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
