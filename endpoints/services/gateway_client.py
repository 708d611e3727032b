"""How the studio itself calls an endpoint: by the gateway's socket, whatever its ports and certificates are."""

import ssl
from functools import cache

import httpx
from django.conf import settings

LONGEST_SECONDS = 310  # a little over the longest request_timeout_ms


@cache
def gateway_client() -> httpx.Client:
    """One for the process: to make one takes longer than most calls."""
    socket = settings.STUDIO_GATEWAY_SOCKET
    transport = httpx.HTTPTransport(uds=str(socket)) if socket else None
    return httpx.Client(timeout=httpx.Timeout(LONGEST_SECONDS, connect=3), transport=transport)


def gateway_url() -> str:
    """The base of an endpoint's URL, for this client alone."""
    return "http://gateway" if settings.STUDIO_GATEWAY_SOCKET else str(settings.STUDIO_GATEWAY_URL)


def streaming_client() -> httpx.AsyncClient:
    """One for each request: a connection belongs to the loop that opened it."""
    socket = settings.STUDIO_GATEWAY_SOCKET
    transport = httpx.AsyncHTTPTransport(uds=str(socket) if socket else None, verify=_tls())
    return httpx.AsyncClient(timeout=httpx.Timeout(LONGEST_SECONDS, connect=3), transport=transport, trust_env=False)


@cache
def _tls() -> ssl.SSLContext:
    """Made once: to read all authorities takes longer than most calls."""
    return httpx.create_ssl_context()
