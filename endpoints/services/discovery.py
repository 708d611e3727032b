"""Asks an identity provider for its keys: by https, within limits of size and time, and nowhere else than told."""

import ipaddress
import json
import socket
import time
from typing import Any
from urllib.parse import urlsplit

import httpx

from endpoints.domain.errors import Invalid, Unavailable
from endpoints.domain.jwks import signing_keys
from endpoints.domain.oidc import (
    DISCOVERY,
    SignInAddresses,
    checked_url,
    is_loopback,
    jwks_uri,
    sign_in_addresses,
)

MAX_BYTES = 512 * 1024
SECONDS = 10.0  # for one document, all in all


def fetch_keys(*, issuer: str, jwks_url: str = "") -> list[dict[str, str]]:
    """The issuer's signing keys. Raises Invalid or Unavailable with what stood in the way."""
    url = jwks_url or jwks_uri(_document(issuer.rstrip("/") + DISCOVERY), issuer=issuer)
    if is_loopback(_host(url)) and not is_loopback(_host(issuer)):
        raise Invalid({"issuer": "Its keys are said to be on this machine, which it cannot know."})
    return signing_keys(json.dumps(_document(url)), field="issuer")


def fetch_sign_in(issuer: str) -> SignInAddresses:
    """Where the issuer lets people sign in. Raises Invalid or Unavailable."""
    found = sign_in_addresses(_document(issuer.rstrip("/") + DISCOVERY), issuer=issuer)
    for url in (found.authorization, found.token):
        _check_address(_host(url))
    return found


def _document(url: str) -> Any:
    checked_url(url, field="issuer")
    _check_address(_host(url))
    body = _body(url)
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Invalid({"issuer": f"{url} answers with something else than JSON."}) from None


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _check_address(host: str) -> None:
    """Not the addresses at which clouds hand out this machine's own identity."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Unavailable(f"The name {host} is not found: {error}.") from None
    for *_, address in found:
        place = ipaddress.ip_address(str(address[0]).partition("%")[0])
        if place.is_link_local or place.is_multicast or place.is_unspecified:
            raise Invalid({"issuer": f"{host} has an address that belongs to no identity provider."})


def _body(url: str) -> bytes:
    """No redirect is followed: it could lead to where nobody would have sent us."""
    deadline, body = time.monotonic() + SECONDS, b""
    try:
        with httpx.Client(timeout=5, follow_redirects=False) as client, client.stream("GET", url) as answer:
            if answer.is_redirect:
                raise Invalid({"issuer": f"{url} leads on to {answer.headers['location'][:200]}. Give that address."})
            if answer.status_code != 200:
                raise Unavailable(f"{url} answers {answer.status_code}.")
            for part in answer.iter_bytes():
                body += part
                if len(body) > MAX_BYTES:
                    raise Invalid({"issuer": f"{url} answers with more than {MAX_BYTES // 1024} KiB."})
                if time.monotonic() > deadline:
                    raise Unavailable(f"{url} takes longer than {SECONDS:.0f} s.")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unavailable(f"{url} cannot be reached: {error or type(error).__name__}.") from None
    return body
