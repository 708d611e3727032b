"""What model servers say of their requests, asked on their sockets."""

import json
import shutil
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import Any

import pytest
from django.core.cache import caches

from endpoints.domain.request_schemas import NOTHING_KNOWN
from endpoints.enums import ReplicaState
from endpoints.models import Deployment, Replica
from endpoints.selectors.schemas import request_schema
from studio.pages.sample_body import sample_body
from tests.world import World

BODY = {"in": "body", "schema": {"type": "object", "properties": {"n": {"type": "integer"}}, "example": {"n": 4}}}
DOCUMENT = {"swagger": "2.0", "paths": {"/score": {"post": {"parameters": [BODY]}}}}


class ModelServer(ThreadingUnixStreamServer):
    """Answers /swagger.json; `answers` is by version, status and body."""

    daemon_threads = True

    def __init__(self, socket: Path) -> None:
        super().__init__(str(socket), Handler)
        self.asked: list[str] = []  # versions
        self.answers: dict[str, tuple[int, bytes]] = {}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Of one who read no further."""


class Handler(BaseHTTPRequestHandler):
    server: ModelServer

    def do_GET(self) -> None:
        version = self.path.partition("version=")[2]
        self.server.asked.append(version)
        status, body = self.server.answers.get(version, (404, b"{}"))
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None: ...

    def address_string(self) -> str:
        return "studio"


@pytest.fixture
def server() -> Iterator[ModelServer]:
    folder = Path(tempfile.mkdtemp(prefix="es-"))
    caches["process"].clear()
    with ModelServer(folder / "s") as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
    shutil.rmtree(folder)


@pytest.fixture
def deployment(world: World, server: ModelServer) -> Deployment:
    deployment = world.deployment(world.endpoint())
    Replica.objects.filter(deployment=deployment).update(socket=str(server.server_address))
    return Deployment.objects.get(pk=deployment.pk)


def test_asked_once_for_each_generation(deployment: Deployment, server: ModelServer) -> None:
    server.answers["3.1"] = (200, json.dumps(DOCUMENT).encode())
    found = request_schema(deployment)
    assert (found.sample, found.schema["properties"]) == ({"n": 4}, {"n": {"type": "integer"}})
    assert request_schema(deployment) == found
    assert server.asked == ["3.1"]
    Replica.objects.filter(deployment=deployment).update(generation=2)
    deployment.serving_generation = 2
    assert request_schema(deployment) == found
    assert server.asked == ["3.1", "3.1"]


def test_a_script_that_has_no_newer_document(deployment: Deployment, server: ModelServer) -> None:
    server.answers["2.0"] = (200, json.dumps(DOCUMENT).encode())
    assert request_schema(deployment).sample == {"n": 4}


@pytest.mark.parametrize("body", [b"{", b"[" * 100_000, b'"' + b"x" * 3_000_000, b"null"])
def test_documents_that_are_none(deployment: Deployment, server: ModelServer, body: bytes) -> None:
    server.answers["3.1"] = (200, body)
    assert request_schema(deployment) == NOTHING_KNOWN


def test_nobody_is_asked_where_nobody_is_ready(deployment: Deployment, server: ModelServer) -> None:
    Replica.objects.filter(deployment=deployment).update(state=ReplicaState.STARTING)
    assert request_schema(deployment) == NOTHING_KNOWN
    assert server.asked == []


def test_a_server_that_is_not_there(deployment: Deployment, server: ModelServer) -> None:
    Replica.objects.filter(deployment=deployment).update(socket="/tmp/es-nobody-listens-here")
    assert request_schema(Deployment.objects.get(pk=deployment.pk)) == NOTHING_KNOWN


def test_pages_begin_with_its_sample(deployment: Deployment, server: ModelServer) -> None:
    server.answers["3.1"] = (200, json.dumps(DOCUMENT).encode())
    assert sample_body([deployment]) == {"n": 4}
