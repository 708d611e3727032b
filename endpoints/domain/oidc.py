"""OpenID Connect providers: what is usual at each kind, and which addresses may be asked."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from endpoints.domain.errors import Invalid
from endpoints.enums import IdentityKind

DISCOVERY = "/.well-known/openid-configuration"
LONGEST_URL = 500
CLAIM = re.compile(r"[!-~]{1,100}")
AUDIENCE = re.compile(r"[!-~]{1,200}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """What a provider of this kind needs to be told, and the claims that it uses."""

    issuer: str  # what its address looks like
    audience: str
    subject_claim: str = "sub"
    groups_claim: str = "groups"


PRESETS: Mapping[IdentityKind, Preset] = {
    # `oid` is the same for a person in every application; `sub` is another one in each.
    IdentityKind.ENTRA: Preset(
        issuer="https://login.microsoftonline.com/<tenant id>/v2.0",
        audience="the application's client id, or api://<client id>",
        subject_claim="oid",
    ),
    IdentityKind.KEYCLOAK: Preset(
        issuer="https://<host>/realms/<realm>", audience="what an audience mapper of the client adds"
    ),
    IdentityKind.OKTA: Preset(
        issuer="https://<org>.okta.com/oauth2/<authorization server>", audience="the authorization server's audience"
    ),
    IdentityKind.OTHER: Preset(issuer="https://<issuer>", audience="what its tokens have in aud"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInAddresses:
    """Where people are sent to sign in, and where the studio then asks who they are."""

    authorization: str
    token: str
    methods: tuple[str, ...]  # by which a client may say its secret there


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def checked_url(url: str, *, field: str) -> str:
    """An address that keys may come from: https, or http within this machine. Raises Invalid."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        parts, host = urlsplit(""), ""
    if len(url) > LONGEST_URL or not host or re.search(r"[^!-~]", url):
        raise Invalid({field: "Give a whole URL, such as https://login.example.org/tenant."})
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise Invalid({field: "Use https: keys that came over http could be anybody's."})
    if parts.username or parts.password or parts.fragment:
        raise Invalid({field: "Leave out names, passwords and fragments (#)."})
    return url


def checked_issuer(url: str) -> str:
    checked_url(url, field="issuer")
    if urlsplit(url).query:
        raise Invalid({"issuer": "An issuer has no query (?)."})
    if url.endswith(DISCOVERY):
        raise Invalid({"issuer": f"Give the issuer alone, without {DISCOVERY}."})
    return url


def checked_audiences(audiences: object) -> list[str]:
    if not isinstance(audiences, list) or not 1 <= len(audiences) <= 20:
        raise Invalid({"audiences": "Name 1 to 20 audiences: without one, a token for anything would do."})
    if not all(isinstance(each, str) and AUDIENCE.fullmatch(each) for each in audiences):
        raise Invalid({"audiences": "An audience has 1 to 200 characters and no blanks, such as api://models."})
    return list(dict.fromkeys(audiences))


def checked_claim(name: str, *, field: str) -> str:
    if not CLAIM.fullmatch(name):
        raise Invalid({field: "A claim's name has 1 to 100 characters and no blanks, such as sub, oid or groups."})
    return name


def jwks_uri(document: Any, *, issuer: str) -> str:
    """From a discovery document, which must be the issuer's own. Raises Invalid."""
    return _address(document, "jwks_uri", issuer=issuer)


def sign_in_addresses(document: Any, *, issuer: str) -> SignInAddresses:
    """From a discovery document, which must be the issuer's own. Raises Invalid."""
    authorization = _address(document, "authorization_endpoint", issuer=issuer)
    token = _address(document, "token_endpoint", issuer=issuer)
    methods = document.get("token_endpoint_auth_methods_supported")
    named = methods if isinstance(methods, list) else []
    return SignInAddresses(authorization=authorization, token=token, methods=tuple(map(str, named)))


def _address(document: Any, name: str, *, issuer: str) -> str:
    if not isinstance(document, Mapping) or not isinstance(document.get(name), str):
        raise Invalid({"issuer": f"What stands at {DISCOVERY} is no discovery document with {name}."})
    if document.get("issuer") != issuer:
        said = str(document.get("issuer"))[:200]
        raise Invalid({"issuer": f"The provider calls itself “{said}”. Give exactly that as the issuer."})
    url = checked_url(document[name], field="issuer")
    if is_loopback(urlsplit(url).hostname or "") and not is_loopback(urlsplit(issuer).hostname or ""):
        raise Invalid({"issuer": f"Its {name} is said to be on this machine, which it cannot know."})
    return url
