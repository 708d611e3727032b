"""Replicas in their boxes, under a real supervisord: what they see, what they reach, and how they end."""

import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from endpoints.compute.local.adapter import LocalCompute, forget_otherwise_boxed
from endpoints.compute.local.files import remove_tree
from endpoints.compute.local.sandbox import NO_TOOLS, View, boxed, network_complaint, tools
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
        return {"result": globals()[asked["do"]](*asked.get("with", []))}
    except OSError as error:
        return {"error": type(error).__name__}

def read(path): return pathlib.Path(path).read_text()[:200]
def list_folder(path): return sorted(os.listdir(path))
def write(path): pathlib.Path(path).write_text("x"); return "written"
def connect(host, port): socket.create_connection((host, port), 3).close(); return "connected"
def unix(path): socket.socket(socket.AF_UNIX).connect(path); return "connected"
def shut(path): os.chmod(path, 0o600); return "shut"
def variable(name): return os.environ.get(name)
def descriptors(): return [[name, os.readlink(f"/proc/2/fd/{name}")] for name in os.listdir("/proc/2/fd")]
def room(path): found = os.statvfs(path); return found.f_blocks * found.f_frsize
def exchange(path, target): os.unlink(path); os.symlink(target, path); return "exchanged"
def nest(path):
    os.chdir(path)
    for _ in range(2000): os.mkdir("d"); os.chdir("d")
    os.chmod(path, 0)
    return "nested"
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
            "writable": (str(own / "scratch"),),
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
    assert prison.ask(closed, "list_folder", str(prison.supervisor.folder)) == ["prison"]
    assert prison.ask(closed, "list_folder", str(prison.folder)) == [closed]
    for path in (prison.supervisor.folder / "replicas" / closed / "replica.json", Path(__file__), Path("/etc/shadow")):
        assert path.exists()
        assert prison.ask(closed, "read", str(path)) == "FileNotFoundError"
    assert str(os.getpid()) not in prison.ask(closed, "list_folder", "/proc")


def test_it_writes_to_nothing_but_its_own_folders(prison: Prison, closed: str) -> None:
    for path in ("/x", "/dev/x", "/etc/x", str(Path(sys.prefix) / "x")):
        assert prison.ask(closed, "write", path) == "OSError"
    for device in ("/dev/null", "/dev/urandom"):
        mode = Path(device).stat().st_mode
        assert prison.ask(closed, "shut", device) in ("OSError", "PermissionError")
        assert Path(device).stat().st_mode == mode
    assert prison.ask(closed, "write", "/dev/null") == "written"


def test_folders_in_memory_are_no_larger_than_its_memory(prison: Prison) -> None:
    prison.supervisor.started(prison.spec("small", egress=False, memory_bytes=512 * 2**20))
    assert [prison.ask("small", "room", path) for path in ("/tmp", "/dev/shm")] == [256 * 2**20] * 2
    prison.supervisor.ended("small")


def test_keys_of_the_machines_certificates_are_not_there(prison: Prison, closed: str) -> None:
    assert prison.ask(closed, "list_folder", "/etc/ssl/private") == "FileNotFoundError"
    assert prison.ask(closed, "list_folder", "/etc/ssl/certs")


def test_no_descriptor_of_the_keepers_leads_out(prison: Prison, closed: str) -> None:
    """But for its input and its output. The numbers from 100 on are the keeper's."""
    found = {int(number): leads for number, leads in prison.ask(closed, "descriptors")}
    assert max(found) < 100
    assert not any(str(prison.supervisor.folder) in leads for leads in found.values())


def test_its_variables_are_set_within_the_box_alone(prison: Prison) -> None:
    """One such as LD_PRELOAD would make bubblewrap itself run what the model brings, outside."""
    given = {"PATH": "/usr/bin:/bin", "LD_LIBRARY_PATH": "/brought", "TOKEN": "a = b"}
    seen = prison.supervisor.started(prison.spec("loaded", egress=False, environment=given))
    assert [prison.ask("loaded", "variable", name) for name in given] == list(given.values())
    assert seen.pid is not None
    outside = psutil.Process(seen.pid)
    assert not {"LD_LIBRARY_PATH", "TOKEN"} & outside.environ().keys()
    assert "a = b" not in " ".join(outside.cmdline())
    prison.supervisor.ended("loaded")


def test_a_link_in_place_of_its_socket_leads_nobody_to_the_studio(prison: Prison) -> None:
    spec = prison.spec("forger", egress=False)
    prison.supervisor.started(spec)
    target = str(prison.supervisor.folder / "supervisor.sock")
    assert prison.ask("forger", "exchange", spec.socket, target) == "exchanged"
    assert str((Path(spec.socket).parent / "inside" / "http.sock").readlink()) == target
    assert prison.ask("forger", "who")[0] == 65534  # the link is passed over
    prison.supervisor.compute.restart("forger")
    prison.supervisor.wait("forger", lambda now: now.reason != "Ready")
    prison.supervisor.wait("forger", lambda now: now.state == "Ready")
    assert prison.ask("forger", "who")[0] == 65534
    prison.supervisor.ended("forger")


def test_whatever_it_leaves_can_be_removed(prison: Prison) -> None:
    spec = prison.spec("hoarder", egress=False)
    prison.supervisor.started(spec)
    scratch = Path(spec.writable[0])
    kept = prison.folder / "kept"
    kept.mkdir()
    assert prison.ask("hoarder", "exchange", write_first(prison, scratch / "link"), str(kept)) == "exchanged"
    assert prison.ask("hoarder", "nest", str(scratch)) == "nested"
    prison.supervisor.ended("hoarder")
    remove_tree(scratch)
    assert not scratch.exists()
    assert kept.exists()


def write_first(prison: Prison, path: Path) -> str:
    assert prison.ask("hoarder", "write", str(path)) == "written"
    return str(path)


def test_a_box_that_cannot_be_made_says_why(prison: Prison) -> None:
    prison.supervisor.compute.start(prison.spec("hollow", egress=True, visible=(sys.prefix, "/no/such/folder")))
    seen = prison.supervisor.wait("hollow", lambda now: now.restarts >= 1)
    assert "/no/such/folder" in seen.message
    prison.supervisor.ended("hollow")


def test_the_studios_folders_are_hidden_where_a_visible_one_holds_them(tmp_path: Path) -> None:
    view = View(visible=("/usr/studio/var/models/m",), hidden=("/usr/studio/var", "/srv/run"))
    command = boxed(("/bin/true",), tools=NO_TOOLS, egress=False, view=view, folder=tmp_path)
    text = " ".join(command)
    assert text.index("--ro-bind /usr /usr") < text.index("--tmpfs /usr/studio/var")
    assert text.index("--tmpfs /usr/studio/var") < text.index("--ro-bind /usr/studio/var/models/m")
    assert "--remount-ro /usr/studio/var" in text
    assert "/srv/run" not in text


def test_a_program_that_cannot_connect_a_box_is_found_out(prison: Prison) -> None:
    found = tools()
    assert network_complaint(found.bubblewrap, found.slirp4netns) == ""
    assert "could not connect" in network_complaint(found.bubblewrap, "/bin/false")
    assert "No such file" in network_complaint(found.bubblewrap, "/no/such/program")


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


def test_its_network_is_connected_after_its_loopback_is_up(prison: Prison) -> None:
    """The other way round bubblewrap fails; it is a race that one in ten to a hundred lost."""
    found = tools()
    assert {network_complaint(found.bubblewrap, found.slirp4netns) for _ in range(40)} == {""}


def test_those_of_another_box_do_not_come_back_with_the_studio(prison: Prison) -> None:
    state_dir, conf_dir = prison.folder / "state", prison.folder / "conf.d"
    conf_dir.mkdir()
    now, less = tools(), replace(tools(), slirp4netns="")
    kinds = {
        "bare": {"egress": True},
        "closed": {"egress": False, "kind_of_box": now.kind(egress=False)},
        "open": {"egress": True, "kind_of_box": now.kind(egress=True)},
        "image": {"egress": True, "container": True, "kind_of_box": "of another time"},
    }
    for name, spec in kinds.items():
        (state_dir / name).mkdir(parents=True)
        (state_dir / name / "replica.json").write_text(json.dumps(spec))
        (conf_dir / f"{name}.conf").touch()
    (conf_dir / "build-1.conf").touch()
    assert forget_otherwise_boxed(state_dir=state_dir, conf_dir=conf_dir, tools=now) == ["bare"]
    assert forget_otherwise_boxed(state_dir=state_dir, conf_dir=conf_dir, tools=now) == []
    assert forget_otherwise_boxed(state_dir=state_dir, conf_dir=conf_dir, tools=less) == ["open"]
    assert forget_otherwise_boxed(state_dir=state_dir, conf_dir=conf_dir, tools=NO_TOOLS) == ["closed"]
    assert {path.stem for path in conf_dir.iterdir()} == {"image", "build-1"}


def addresses() -> list[str]:
    """This machine's own, but for loopback: there may be none."""
    found = [
        each.address for group in psutil.net_if_addrs().values() for each in group if each.family == socket.AF_INET
    ]
    return [address for address in found if not address.startswith("127.")]


def is_network_of(process: psutil.Process, prison: Prison) -> bool:
    keeper = prison.supervisor.keeper_pid("open")
    return "slirp4netns" in " ".join(process.info["cmdline"] or []) and process.ppid() == keeper
