"""Real servers of ours behind a real Envoy: streamed answers, and work that ends when nobody waits for it."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.gateway.replica import Replicas
from tests.gateway.running import AUTHORIZED, KEY, RunningGateway, deployment, endpoint, eventually
from tests.runtime.serving import RUNTIME

SCRIPT = """
import os, time
from pathlib import Path
HERE = Path(__file__).parent

def init():
    with (HERE / "loads").open("a") as file:
        file.write(".")

def events():
    for number in range(3):
        yield f"data: {number}\\n\\n"
        while not (HERE / f"go-{number}").exists():
            time.sleep(0.01)

def run(data):
    if data == "events":
        return events()
    if data == "break":
        return iter(["data: 0\\n\\n", 1])
    if data == "sleep":
        (HERE / "began").touch()
        try:
            time.sleep(600)
        finally:
            (HERE / "ended").touch()
    return "done"

run.content_type = "text/event-stream"
"""


class Model:
    """One replica that runs the script."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = str(folder / "model.sock")
        (folder / "score.py").write_text(SCRIPT)
        options = ("--entry-script", str(folder / "score.py"), "--request-timeout-ms", "600000")
        with (folder / "log").open("wb") as log:
            command = [sys.executable, str(RUNTIME), "--socket", self.socket, *options]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=dict(os.environ))

    @property
    def loads(self) -> int:
        return len((self.folder / "loads").read_text())

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def model(envoy: RunningGateway) -> Iterator[Model]:
    folder = Path(tempfile.mkdtemp(prefix="es-"))
    running = Model(folder)
    try:
        settings = {"request_timeout_ms": 600_000}
        envoy.put(
            endpoint("patient", deployment("blue", running.socket, cluster="d-1", **settings)),
            endpoint("hasty", deployment("blue", running.socket, cluster="d-2", request_timeout_ms=300)),
        )
        envoy.wait_healthy("d-1", 1)
        envoy.wait_healthy("d-2", 1)
        yield running
    finally:
        running.stop()
        shutil.rmtree(folder)


def test_server_sent_events_come_as_they_are_written(model: Model, client: httpx.Client) -> None:
    with client.stream("POST", "/patient/score", content="events", headers=AUTHORIZED) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        assert answer.headers["azureml-model-deployment"] == "blue"
        pieces = answer.iter_raw()
        for number in range(3):
            assert next(pieces) == f"data: {number}\n\n".encode()
            (model.folder / f"go-{number}").touch()
        assert list(pieces) == []


def test_an_answer_that_breaks_off_is_not_taken_for_whole(model: Model, client: httpx.Client) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        client.post("/patient/score", content="break", headers=AUTHORIZED)


def test_a_stream_that_outlasts_the_time_out_is_cut(model: Model, client: httpx.Client) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        client.post("/hasty/score", content="events", headers=AUTHORIZED)
    assert client.post("/patient/score", content="x", headers=AUTHORIZED).json() == "done"
    assert model.loads == 1


def test_a_time_out_ends_run_in_the_replica(model: Model, client: httpx.Client) -> None:
    answer = client.post("/hasty/score", content="sleep", headers=AUTHORIZED)
    assert (answer.status_code, answer.json()["error"]["code"]) == (408, "RequestTimeout")
    eventually((model.folder / "ended").exists)
    assert client.post("/patient/score", content="x", headers=AUTHORIZED).json() == "done"
    assert model.loads == 1


def test_a_caller_who_goes_away_ends_run_in_the_replica(model: Model, envoy: RunningGateway) -> None:
    head = f"POST /patient/score HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\ncontent-length: 5\r\n\r\nsleep"
    with socket.create_connection(("127.0.0.1", envoy.port)) as connection:
        connection.sendall(head.encode())
        eventually((model.folder / "began").exists)
    eventually((model.folder / "ended").exists)
    answer = httpx.post(f"{envoy.url}/patient/score", content="x", headers=AUTHORIZED, timeout=60)
    assert (answer.json(), model.loads) == ("done", 1)


def test_a_body_of_declared_length_is_not_collected_first(envoy: RunningGateway, servers: Replicas) -> None:
    """The replica reads the first half before the client has sent the second."""
    blue = servers.start("blue")
    envoy.put(endpoint("upload", deployment("blue", blue.socket)))
    envoy.wait_healthy("d-blue", 1)
    half = b"a" * 500_000
    head = f"POST /upload/score HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\ncontent-length: 1000000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", envoy.port), timeout=60) as connection:
        connection.sendall(head.encode() + half)
        eventually(lambda: envoy.statistics("d-blue")["upstream_cx_tx_bytes_total"] > len(half))
        assert blue.requests == []
        connection.sendall(half)
        assert b'"size": 1000000' in read_all(connection)


def read_all(connection: socket.socket) -> bytes:
    connection.settimeout(0.5)
    content = b""
    with contextlib.suppress(TimeoutError):
        while piece := connection.recv(65536):
            content += piece
    return content


@pytest.mark.parametrize("size", [0, 1, 1024 * 1024 + 1, 9_999_999])
def test_binary_bodies_are_the_same_both_ways(
    envoy: RunningGateway, servers: Replicas, client: httpx.Client, size: int
) -> None:
    envoy.put(endpoint("bytes", deployment("blue", servers.start("blue").socket)))
    body = os.urandom(size)
    answer = client.post("/bytes/score", content=body, headers=AUTHORIZED | {"x-echo": "1"})
    assert (answer.status_code, answer.content == body) == (200, True)
