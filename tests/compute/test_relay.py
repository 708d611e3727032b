"""A server on a port behind a unix socket."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from endpoints.compute.local.adapter import RELAY
from tests.compute.running import eventually
from tests.e2e.running import free_port

SERVER = Path(__file__).with_name("http_server.py")


class Relay:
    def __init__(self, socket: Path, *command: str) -> None:
        self.port = free_port()
        self.socket = str(socket)
        given = (word.replace("PORT", str(self.port)) for word in command)
        words = (sys.executable, "-I", "-S", str(RELAY), f"{socket}={self.port}", "--", *given)
        self.process = subprocess.Popen(words)

    def post(self, body: str) -> httpx.Response:
        with httpx.Client(transport=httpx.HTTPTransport(uds=self.socket), base_url="http://r", timeout=60) as client:
            return client.post("/score", content=body)

    def answers(self) -> bool:
        try:
            return self.post("").status_code == 200
        except httpx.HTTPError:
            return False


@pytest.fixture
def relay(short: Path) -> Iterator[Relay]:
    running = Relay(short / "http.sock", sys.executable, str(SERVER), "PORT")
    eventually(running.answers)
    yield running
    running.process.terminate()  # which it passes on to its command
    running.process.wait(30)


def test_requests_go_through_whole(relay: Relay) -> None:
    assert relay.post("3").json()["body"] == "3"
    large = "x" * 3_000_000
    assert relay.post(large).json()["body"] == large


def test_it_ends_as_its_command_does(relay: Relay) -> None:
    pid = relay.post("").json()["pid"]
    os.kill(pid, signal.SIGKILL)
    assert relay.process.wait(30) == 128 + signal.SIGKILL


def test_the_command_is_told_to_end(relay: Relay) -> None:
    relay.process.terminate()
    assert relay.process.wait(30) == 0


def test_nothing_listens_yet(short: Path) -> None:
    running = Relay(short / "http.sock", "/bin/sh", "-c", "exec sleep 60")
    eventually(Path(running.socket).exists)
    with pytest.raises(httpx.HTTPError):
        running.post("")
    running.process.terminate()
    assert running.process.wait(30) == 128 + signal.SIGTERM
