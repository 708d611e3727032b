"""What a deployment's model server says of its requests."""

import json
import socket
import time
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any

from django.core.cache import caches

from endpoints.domain.addresses import LOOPBACK, port_of
from endpoints.domain.request_schemas import NOTHING_KNOWN, RequestSchema, request_schema_of
from endpoints.enums import ReplicaState
from endpoints.models import Deployment

CACHE = "process"  # of this process
MAX_BYTES = 2 * 1024 * 1024
TIMEOUT_SECONDS = 2
KEPT_SECONDS = 24 * 3600
SOON_SECONDS = 15  # until one that did not answer is asked again


def request_schema(deployment: Deployment) -> RequestSchema:
    """Asks a replica where it listens, once for each generation: that is no traffic, needs no key and wakes nobody.

    NOTHING_KNOWN where no replica is ready, or the server has no document.
    """
    key = f"request-schema:{deployment.pk}:{deployment.serving_generation}"
    known: RequestSchema | None = caches[CACHE].get(key)
    if known is not None:
        return known
    addresses = [
        replica.socket
        for replica in deployment.replicas.all()
        if replica.state == ReplicaState.READY
        and replica.routed
        and replica.generation == deployment.serving_generation
    ]
    if not addresses:
        return NOTHING_KNOWN
    found = _asked(addresses[0])
    caches[CACHE].set(key, found or NOTHING_KNOWN, KEPT_SECONDS if found else SOON_SECONDS)
    return found or NOTHING_KNOWN


def _asked(address: str) -> RequestSchema | None:
    """None where the replica did not answer; another time it may."""
    try:
        for version in ("3.1", "2.0"):  # some scripts have no document in one of them
            status, body = _read(address, version)
            if status == 200:
                return request_schema_of(_parsed(body))
            if status >= 500:
                return None
    except (OSError, HTTPException):
        return None
    return NOTHING_KNOWN


def _read(address: str, version: str) -> tuple[int, bytes]:
    """Status and body; an empty one where it is larger than MAX_BYTES."""
    with closing(_Connection(address)) as connection:
        connection.request("GET", f"/swagger.json?version={version}")
        response = connection.getresponse()
        return response.status, _body(response)


def _body(response: HTTPResponse) -> bytes:
    """All of it within TIMEOUT_SECONDS, however slowly it comes."""
    body, deadline = bytearray(), time.monotonic() + TIMEOUT_SECONDS
    while piece := response.read1(65536):
        body += piece
        if len(body) > MAX_BYTES:
            return b""
        if time.monotonic() > deadline:
            raise TimeoutError
    return bytes(body)


class _Connection(HTTPConnection):
    """Where the replica listens: a unix socket, or a port of this machine."""

    def __init__(self, address: str) -> None:
        super().__init__("replica", timeout=TIMEOUT_SECONDS)
        self._address = address

    def connect(self) -> None:
        port = port_of(self._address)
        self.sock = socket.socket(socket.AF_INET if port else socket.AF_UNIX)
        self.sock.settimeout(TIMEOUT_SECONDS)
        self.sock.connect((LOOPBACK, port) if port else self._address)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
