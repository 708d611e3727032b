"""Replicas in their boxes, under a real supervisord: what they see, what they reach, and how they end."""

import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from endpoints.compute.local.adapter import LocalCompute
from endpoints.compute.local.sandbox import tools
from endpoints.compute.port import ComputeError
from endpoints.domain.replicas import ReplicaSpec
from tests.compute.running import RUNTIME, RunningSupervisor, eventually, is_alive

# Does what the request says and tells what came of it.
PRISONER = """
import json, os, pathlib, socket

def init():
    pass

def run(raw_data):
    asked = json.loads(raw_data)
    try:
        return {"result": {"read": read, "list": list_folder, "write": write, "connect": connect, "unix": unix,
                           "who": who}[asked["do"]](*asked.get("with", []))}
    except OSError as error:
        return {"error": type(error).__name__}

def read(path): return pathlib.Path(path).read_text()[:200]
def list_folder(path): return sorted(os.listdir(path))
def write(path): pathlib.Path(path).write_text("x"); return "written"
def connect(host, port): socket.create_connection((host, port), 3).close(); return "connected"
def unix(path): socket.socket(socket.AF_UNIX).connect(path); return "connected"
def who(): return [os.getuid(), len([name for name in os.listdir("/proc") if name.isdigit()])]
"""


class Prison:
    def __init__(self, supervisor: RunningSupervisor) -> None:
        self.supervisor = supervisor
        self.folder = supervisor.folder / "prison"
        self.folder.mkdir(exist_ok=True)

    def spec(self, name: str, **settings: Any) -> ReplicaSpec:
        own = self.folder / name
        for part in ("code", "scratch", "socket"):
            (own / part).mkdir(parents=True)
        (own / "code" / "score.py").write_text(PRISONER)
        path = own / "socket" / "http.sock"
        command = (
            sys.executable,
            str(RUNTIME),
            "--socket",
            str(path),
            "--entry-script",
            str(own / "code" / "score.py"),
        )
        complete: dict[str, Any] = {
            "socket": str(path),
            "working_directory": str(own / "code"),
            "visible": (sys.prefix, str(RUNTIME), str(own / "code")),
            "writable": (str(own / "scratch"), str(own / "socket")),
            "environment": {"PATH": "/usr/bin:/bin", "HOME": str(own / "scratch")},
            **settings,
        }
        return self.supervisor.spec(name, *command, "--drain-seconds", "20", **complete)

    def ask(self, name: str, what: str, *arguments: Any) -> Any:
        transport = httpx.HTTPTransport(uds=str(self.folder / name / "socket" / "http.sock"))
        with httpx.Client(transport=transport, base_url="http://replica", timeout=60) as client:
            answer = client.post("/score", json={"do": what, "with": arguments}).json()
        return answer.get("result", answer.get("error"))


@pytest.fixture(scope="module")
def prison(supervisor: RunningSupervisor) -> Iterator[Prison]:
    """With the box of this machine: without one these tests fail, and say what is missing."""
    found = tools()
    assert found.bubblewrap, found.reason
    assert found.slirp4netns, "slirp4netns is not installed"
    outside, supervisor.compute = (
        supervisor.compute,
        LocalCompute(programs=supervisor.programs, state_dir=supervisor.folder / "replicas", tools=found),
    )
    yield Prison(supervisor)
    supervisor.compute = outside


@pytest.fixture(scope="module")
def closed(prison: Prison) -> str:
    prison.supervisor.started(prison.spec("closed", egress=False))
    return "closed"


def test_it_answers_through_its_socket_as_nobody(prison: Prison, closed: str) -> None:
    uid, processes = prison.ask(closed, "who")
    assert uid == 65534
    assert processes < 10


def test_it_sees_its_own_and_nothing_of_the_studios(prison: Prison, closed: str) -> None:
    own = prison.folder / closed
    assert "def run" in prison.ask(closed, "read", str(own / "code" / "score.py"))
    assert prison.ask(closed, "write", str(own / "scratch" / "x")) == "written"
    assert prison.ask(closed, "write", str(own / "code" / "x")) == "OSError"
    assert prison.ask(closed, "write", "/usr/x") == "OSError"
    assert prison.ask(closed, "write", "/proc/sys/kernel/hostname") == "OSError"
    assert prison.ask(closed, "list", str(prison.supervisor.folder)) == ["prison"]
    assert prison.ask(closed, "list", str(prison.folder)) == [closed]
    for path in (prison.supervisor.folder / "replicas" / closed / "replica.json", Path(__file__), Path("/etc/shadow")):
        assert path.exists()
        assert prison.ask(closed, "read", str(path)) == "FileNotFoundError"
    assert str(os.getpid()) not in prison.ask(closed, "list", "/proc")


def test_another_replicas_socket_and_the_studios_are_not_there(prison: Prison, closed: str) -> None:
    other = prison.spec("neighbour", egress=False)
    prison.supervisor.started(other)
    assert prison.ask(closed, "unix", other.socket) == "FileNotFoundError"
    assert prison.ask(closed, "unix", str(prison.supervisor.folder / "supervisor.sock")) == "FileNotFoundError"
    prison.supervisor.ended("neighbour")


def test_closed_egress_reaches_nothing(prison: Prison, closed: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert prison.ask(closed, "connect", "127.0.0.1", port) == "ConnectionRefusedError"
        for address in addresses():
            assert prison.ask(closed, "connect", address, port) in ("OSError", "ConnectionRefusedError")


def test_open_egress_reaches_the_network_but_not_this_machines_own_services(prison: Prison) -> None:
    prison.supervisor.started(prison.spec("open", egress=True))
    with socket.create_server(("0.0.0.0", 0)) as server:  # noqa: S104 - so that it is on the machine's own address too
        port = server.getsockname()[1]
        assert prison.ask("open", "connect", "127.0.0.1", port) == "ConnectionRefusedError"
        assert prison.ask("open", "connect", "10.0.2.2", port) in ("TimeoutError", "ConnectionRefusedError", "OSError")
        reached = [prison.ask("open", "connect", address, port) for address in addresses()]
        assert reached == ["connected"] * len(reached)
        assert "10.0.2.3" in prison.ask("open", "read", "/etc/resolv.conf")
    network = [process for process in psutil.process_iter(["cmdline"]) if is_network_of(process, prison)]
    prison.supervisor.ended("open")
    eventually(lambda: not any(is_alive(process.pid) for process in network))
    assert network


def test_it_drains_restarts_and_is_gone(prison: Prison) -> None:
    spec = prison.spec("mortal", egress=False)
    seen = prison.supervisor.started(spec)
    assert seen.pid is not None
    inside = psutil.Process(seen.pid).children(recursive=True)
    os.kill(inside[1].pid, signal.SIGKILL)  # the server: its box, itself, its worker
    again = prison.supervisor.wait("mortal", lambda now: now.restarts >= 1 and now.state == "Ready")
    assert again.pid != seen.pid
    prison.supervisor.ended("mortal")
    assert "draining" in prison.supervisor.log("mortal")
    eventually(lambda: not any(is_alive(process.pid) for process in inside))


def test_nothing_outlives_its_keeper(prison: Prison) -> None:
    seen = prison.supervisor.started(prison.spec("orphan", egress=True))
    assert seen.pid is not None
    inside = psutil.Process(seen.pid).children(recursive=True)
    os.kill(prison.supervisor.keeper_pid("orphan"), signal.SIGKILL)
    eventually(lambda: not any(is_alive(process.pid) for process in inside))
    prison.supervisor.wait("orphan", lambda now: now.state == "Ready" and now.pid != seen.pid)
    prison.supervisor.ended("orphan")


def test_closed_egress_is_refused_where_nothing_keeps_it(prison: Prison) -> None:
    bare = LocalCompute(programs=prison.supervisor.programs, state_dir=prison.folder / "bare")
    assert not bare.isolation().boxed
    with pytest.raises(ComputeError, match="Egress cannot be closed"):
        bare.start(prison.spec("bare-one", egress=False))


def addresses() -> list[str]:
    """This machine's own, but for loopback: there may be none."""
    found = [
        each.address for group in psutil.net_if_addrs().values() for each in group if each.family == socket.AF_INET
    ]
    return [address for address in found if not address.startswith("127.")]


def is_network_of(process: psutil.Process, prison: Prison) -> bool:
    keeper = prison.supervisor.keeper_pid("open")
    return "slirp4netns" in " ".join(process.info["cmdline"] or []) and process.ppid() == keeper
