"""A real supervisord for tests, and replicas for it."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil

from endpoints.compute.local.adapter import LocalCompute
from endpoints.compute.local.supervisor import SupervisorPrograms, SupervisorUnreachable
from endpoints.domain.replicas import Probe, ReplicaObservation, ReplicaSpec

LIMIT_SECONDS = 60
RUNTIME = Path(__file__).parents[2] / "endpoints" / "runtime"
SERVER = Path(__file__).with_name("server.py")
CONFIGURATION = """
[unix_http_server]
file = {folder}/supervisor.sock
chmod = 0600
[supervisord]
logfile = {folder}/supervisord.log
pidfile = {folder}/supervisord.pid
nodaemon = true
silent = true
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[include]
files = conf.d/*.conf
"""


class RunningSupervisor:
    """A supervisord with nothing of the studio's, but what a careless start would hand on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.programs = SupervisorPrograms(socket=folder / "supervisor.sock", conf_dir=folder / "conf.d")
        self.changes_socket = folder / "changes.sock"
        self.compute = LocalCompute(
            programs=self.programs, state_dir=folder / "replicas", changes_socket=str(self.changes_socket)
        )
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        for name in ("conf.d", "specs", "replicas"):
            (self.folder / name).mkdir(exist_ok=True)
        (self.folder / "supervisord.conf").write_text(CONFIGURATION.format(folder=self.folder))
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(self.folder / "supervisord.conf")]
        careless = {"STUDIO_SECRET_KEY": "k", "DATABASE_URL": "d", "BROKER_URL": "b", "PATH": "/usr/bin:/bin"}
        self.process = subprocess.Popen(command, env=careless, start_new_session=True)
        eventually(self.answers)

    def answers(self) -> bool:
        try:
            self.programs.states()
        except SupervisorUnreachable:
            return False
        return True

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            children = psutil.Process(self.process.pid).children(recursive=True)
            self.process.kill()
            self.process.wait()
            psutil.wait_procs(children, timeout=LIMIT_SECONDS)

    # -- replicas

    def spec(self, name: str, *command: str, **settings: Any) -> ReplicaSpec:
        """Of the tests' own server, unless `command` says otherwise. Probes are quick and patient."""
        complete: dict[str, Any] = {
            "deployment_id": f"deployment-of-{name}",
            "generation": 1,
            "ordinal": 0,
            "environment": {"PATH": "/usr/bin:/bin"},
            "liveness": Probe(path="/live", initial_delay=0.1, period=0.1, failure_threshold=100, timeout=20),
            "readiness": Probe(path="/ready", initial_delay=0.1, period=0.1, failure_threshold=100, timeout=20),
            "drain_seconds": 20,
            "working_directory": str(self.folder),
            **settings,
        }
        given = command or (sys.executable, "-S", str(SERVER), self.socket(name))
        names: dict[str, Any] = {"id": name, "endpoint": "e", "deployment": "d", "socket": self.socket(name)}
        return ReplicaSpec(**{**names, "command": given, **complete})

    def scoring(self, name: str, script: str, **settings: Any) -> ReplicaSpec:
        """Of the studio's own inference server with this score.py."""
        folder = self.folder / f"code-{name}"
        folder.mkdir()
        (folder / "score.py").write_text(script)
        entry = ("--socket", self.socket(name), "--entry-script", str(folder / "score.py"))
        options = ("--request-timeout-ms", "60000", "--drain-seconds", "20")
        return self.spec(name, sys.executable, str(RUNTIME), *entry, *options, **settings)

    def socket(self, name: str) -> str:
        return str(self.folder / f"{name}.sock")

    def seen(self, name: str) -> ReplicaObservation | None:
        return next((each for each in self.compute.observe() if each.id == name), None)

    def wait(self, name: str, condition: Callable[[ReplicaObservation], Any]) -> ReplicaObservation:
        """What is seen of the replica once the condition holds."""
        found: list[ReplicaObservation] = []

        def holds() -> bool:
            seen = self.seen(name)
            if seen is not None and condition(seen):
                found.append(seen)
            return bool(found)

        eventually(holds, lambda: f"{self.seen(name)}\n{self.log(name)}")
        return found[0]

    def started(self, spec: ReplicaSpec) -> ReplicaObservation:
        self.compute.start(spec)
        return self.wait(spec.id, lambda seen: seen.state == "Ready")

    def ended(self, name: str) -> None:
        self.compute.stop(name)
        eventually(lambda: self.seen(name) is None)

    def log(self, name: str) -> str:
        return self.compute.read_log(name).text

    def keeper_pid(self, name: str) -> int:
        pid = self.programs.states()[name].pid
        assert pid is not None
        return pid

    def client(self, name: str) -> httpx.Client:
        transport = httpx.HTTPTransport(uds=self.socket(name))
        return httpx.Client(transport=transport, base_url="http://replica", timeout=LIMIT_SECONDS)


def eventually(condition: Callable[[], Any], told: Callable[[], str] = lambda: "") -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"what the test waits for did not happen {told()}"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
