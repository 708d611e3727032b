"""Lines that go to another machine: what counts as arrived."""

import json
import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from endpoints.forwarding.network import HttpForwarder, TcpForwarder
from endpoints.forwarding.port import ForwardError
from tests.e2e.running import free_port

LINES = [json.dumps({"id": number, "reason": "größer\n"}) for number in range(3)]


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def stream() -> Iterator[tuple[int, list[bytes]]]:
    taken: list[bytes] = []

    class Reader(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            taken.append(self.rfile.read())

    with socketserver.TCPServer(("127.0.0.1", 0), Reader) as server, serving(server):
        yield server.server_address[1], taken


def test_a_stream_gets_a_line_for_each() -> None:
    with stream() as (port, taken):
        TcpForwarder(f"tcp://127.0.0.1:{port}").send(LINES)
    assert taken == ["".join(f"{line}\n" for line in LINES).encode()]


def test_syslog_gets_frames_of_their_length() -> None:
    with stream() as (port, taken):
        TcpForwarder(f"syslog://127.0.0.1:{port}").send(LINES)
    rest, messages = taken[0], []
    while rest:
        size, _, rest = rest.partition(b" ")
        messages.append(rest[: int(size)])
        rest = rest[int(size) :]
    assert len(messages) == 3
    for message, line in zip(messages, LINES, strict=True):
        assert re.fullmatch(rb"<109>1 - - endpoint-studio - audit - (\{.*\})", message)
        assert message.endswith(line.encode())


@pytest.mark.parametrize("scheme", ["tcp", "syslog", "http"])
def test_nobody_there_is_an_error(scheme: str) -> None:
    address = f"{scheme}://127.0.0.1:{free_port()}"
    forwarder = HttpForwarder(address) if scheme == "http" else TcpForwarder(address)
    with pytest.raises(ForwardError):
        forwarder.send(LINES)


@contextmanager
def web(status: int) -> Iterator[tuple[str, list[Any]]]:
    taken: list[Any] = []

    class Web(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            taken.append((self.headers["Authorization"], self.headers["Content-Type"], body))
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Web) as server, serving(server):
        yield f"http://127.0.0.1:{server.server_address[1]}/audit", taken


def test_a_collector_gets_them_with_its_token() -> None:
    with web(204) as (url, taken):
        HttpForwarder(url, token="hush").send(LINES)
    ((authorization, kind, body),) = taken
    assert (authorization, kind) == ("Bearer hush", "application/x-ndjson")
    assert body.decode().splitlines() == LINES


@pytest.mark.parametrize("status", [302, 401, 503])
def test_what_a_collector_did_not_take_is_an_error(status: int) -> None:
    with web(status) as (url, _), pytest.raises(ForwardError, match=str(status)):
        HttpForwarder(url).send(LINES)
