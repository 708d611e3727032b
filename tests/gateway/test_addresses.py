"""Replicas that listen on TCP ports, and replicas that are asked elsewhere whether they are ready."""

import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import Any

import httpx
import pytest

from endpoints.domain.addresses import tcp
from tests.gateway.running import AUTHORIZED, RunningGateway, deployment, endpoint


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(200 if self.path == "/alive" else 404)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self._answer(200)

    def _answer(self, status: int) -> None:
        body = self.path.encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "gateway"

    def log_message(self, *_: object) -> None:
        """Nothing for each request."""


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose path leaves room for a unix socket's."""
    folder = Path(tempfile.mkdtemp(prefix="es-"))
    yield folder
    shutil.rmtree(folder)


class UnixServer(ThreadingUnixStreamServer):
    daemon_threads = True  # the gateway keeps its connections open: nobody waits for their ends


@contextmanager
def serving(server: Any) -> Iterator[Any]:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def on_port() -> Iterator[str]:
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        yield tcp(server.server_port)


@contextmanager
def on_socket(path: Path) -> Iterator[str]:
    with serving(UnixServer(str(path), Handler)):
        yield str(path)


def asked(envoy: RunningGateway, name: str, socket: str, readiness: str) -> httpx.Response:
    pairs = ((socket, readiness),) if readiness else ()
    settings: dict[str, Any] = {
        "scoring_path": "/v1/models/half:predict",
        "readiness_path": "/alive",
        "readiness_sockets": pairs,
    }
    envoy.put(endpoint(name, deployment("blue", socket, cluster=f"d-{name}", **settings)))
    return httpx.post(f"{envoy.url}/{name}/score", headers=AUTHORIZED, timeout=30)


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_port(envoy: RunningGateway, elsewhere: bool) -> None:
    with on_port() as socket, on_port() as admin:
        answer = asked(envoy, "on-a-port", socket, admin if elsewhere else "")
    assert (answer.status_code, answer.text) == (200, "/v1/models/half:predict")


def test_a_socket_that_is_asked_at_another(envoy: RunningGateway, short: Path) -> None:
    with on_socket(short / "a.sock") as socket, on_socket(short / "b.sock") as admin:
        answer = asked(envoy, "two-sockets", socket, admin)
    assert (answer.status_code, answer.text) == (200, "/v1/models/half:predict")
