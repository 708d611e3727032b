"""What a deployment's model server says of its requests."""

import json
from typing import Any

import httpx
from django.core.cache import cache

from endpoints.domain.request_schemas import NOTHING_KNOWN, RequestSchema, request_schema_of
from endpoints.enums import ReplicaState
from endpoints.models import Deployment

MAX_BYTES = 2 * 1024 * 1024
TIMEOUT_SECONDS = 2
KEPT_SECONDS = 24 * 3600
SOON_SECONDS = 15  # until one that did not answer is asked again


def request_schema(deployment: Deployment) -> RequestSchema:
    """Asks a replica on its own socket, once for each generation: that is no traffic, needs no key and wakes nobody.

    NOTHING_KNOWN where no replica is ready, or the server has no document.
    """
    key = f"request-schema:{deployment.pk}:{deployment.serving_generation}"
    known: RequestSchema | None = cache.get(key)
    if known is not None:
        return known
    sockets = [
        replica.socket
        for replica in deployment.replicas.all()
        if replica.state == ReplicaState.READY
        and replica.routed
        and replica.generation == deployment.serving_generation
    ]
    if not sockets:
        return NOTHING_KNOWN
    found = _asked(sockets[0])
    cache.set(key, found or NOTHING_KNOWN, KEPT_SECONDS if found else SOON_SECONDS)
    return found or NOTHING_KNOWN


def _asked(socket: str) -> RequestSchema | None:
    """None where the replica did not answer; another time it may."""
    try:
        with httpx.Client(transport=httpx.HTTPTransport(uds=socket), timeout=TIMEOUT_SECONDS) as client:
            for version in ("3.1", "2.0"):  # some scripts have no document in one of them
                status, body = _read(client, version)
                if status == 200:
                    return request_schema_of(_parsed(body))
                if status >= 500:
                    return None
    except httpx.HTTPError:
        return None
    return NOTHING_KNOWN


def _read(client: httpx.Client, version: str) -> tuple[int, bytes]:
    with client.stream("GET", f"http://replica/swagger.json?version={version}") as response:
        body = bytearray()
        for piece in response.iter_bytes():
            body += piece
            if len(body) > MAX_BYTES:
                return response.status_code, b""
        return response.status_code, bytes(body)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
