"""Webhooks: signed as Standard Webhooks has it, and sent to no address of the inside.

A name is looked up once, every address that it has is checked, and the connection goes to the address that was
checked: a name that answers differently the second time leads nowhere else. No redirect is followed.
"""

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import json
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

import httpx

from endpoints.domain.notices import Destination, Notice, slack_body, webhook_body
from endpoints.enums import ChannelKind
from endpoints.notifying.port import SECONDS, Undelivered

LONGEST_ANSWER = 64 * 1024
SECRET_PREFIX = "whsec_"  # noqa: S105
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookNotifier:
    """`inside`: networks that are not public and may be called all the same, as IT has set."""

    inside: tuple[Network, ...] = ()
    seconds: float = field(default=SECONDS)

    def check(self, destination: Destination) -> str:
        try:
            self._address(_parts(destination.target))
        except Undelivered as error:
            return str(error) if error.final else ""
        return ""

    def send(self, notice: Notice, destination: Destination, *, id: str) -> None:
        parts = _parts(destination.target)
        address = self._address(parts)
        made = slack_body(notice) if destination.kind == ChannelKind.SLACK else webhook_body(notice)
        body = json.dumps(made, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", "User-Agent": "endpoint-studio", "Host": parts.netloc}
        headers |= signature(id, body, destination.secret, at=int(time.time())) if destination.secret else {}
        self._post(_at(parts, address), body, headers, str(parts.hostname))

    def _post(self, url: str, body: bytes, headers: dict[str, str], host: str) -> None:
        try:
            asyncio.run(self._exchange(url, body, headers, host))
        except (httpx.HTTPError, TimeoutError) as error:
            raise Undelivered(f"It cannot be reached: {type(error).__name__}.") from None
        except (httpx.InvalidURL, ValueError):
            raise Undelivered("Its address is no URL that can be called.", final=True) from None

    async def _exchange(self, url: str, body: bytes, headers: dict[str, str], host: str) -> None:
        """A limit of its own for the whole: each of httpx is for one read, and one that trickles never meets it."""
        extensions = {"sni_hostname": host}
        async with (
            asyncio.timeout(self.seconds),
            httpx.AsyncClient(timeout=self.seconds / 2, follow_redirects=False, trust_env=False) as client,
            client.stream("POST", url, content=body, headers=headers, extensions=extensions) as answer,
        ):
            _judge(answer)
            await _drain(answer)

    def _address(self, parts: SplitResult) -> Address:
        """The first of its addresses, when all of them may be called."""
        try:
            found = socket.getaddrinfo(parts.hostname, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise Undelivered("Its host name is not found.") from None
        addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
        if not all(self._may_call(address) for address in addresses):
            raise Undelivered(
                "It leads to an address inside of a network. IT can allow it with STUDIO_NOTIFY_NETWORKS.", final=True
            )
        return addresses[0]

    def _may_call(self, address: Address) -> bool:
        meant = _meant(address)
        allowed = any(meant.version == network.version and meant in network for network in self.inside)
        return allowed or (meant.is_global and not meant.is_multicast and not meant.is_reserved)


NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052


def _meant(address: Address) -> Address:
    """Of an IPv6 address that stands for one of IPv4, that one: a translator on the way would lead there."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Raises ValueError."""
    return tuple(ipaddress.ip_network(text) for text in texts)


def signature(id: str, body: bytes, secret: str, *, at: int) -> dict[str, str]:
    """The three headers of Standard Webhooks. `at` is the time in seconds since 1970, which the signature covers."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    made = hmac.new(key, f"{id}.{at}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": id,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{base64.b64encode(made).decode()}",
    }


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.username or parts.password:
        raise Undelivered("Its address is no URL of http or https without a user name.", final=True)
    return parts


def _at(parts: SplitResult, address: Address) -> str:
    host = f"[{address}]" if address.version == 6 else str(address)
    return parts._replace(netloc=f"{host}:{parts.port}" if parts.port else host, fragment="").geturl()


def _judge(answer: httpx.Response) -> None:
    if answer.is_success:
        return
    if answer.is_redirect:
        raise Undelivered("It leads on to another address, which is not followed. Use that one.", final=True)
    final = answer.status_code in (400, 401, 403, 404, 405, 410, 413, 422)
    raise Undelivered(f"It answers {answer.status_code}.", final=final)


async def _drain(answer: httpx.Response) -> None:
    """What it says is of no interest, but a polite end of the answer is."""
    size = 0
    async for part in answer.aiter_raw():
        size += len(part)
        if size > LONGEST_ANSWER:
            return
