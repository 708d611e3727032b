"""A whole studio as a user starts it, on its own ports and data folder."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.e2e.prepared import prepare

ROOT = Path(__file__).resolve().parents[2]
EMAIL, PASSWORD = "ada@example.org", "correct-horse-battery"
PATIENCE = float(os.environ.get("STUDIO_TEST_PATIENCE", "240"))


@dataclass(eq=False)
class RunningStudio:
    data_dir: Path
    port: int
    gateway_port: int
    process: subprocess.Popen[str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def gateway_url(self) -> str:
        return f"http://127.0.0.1:{self.gateway_port}"

    def log(self, name: str) -> str:
        path = self.data_dir / "logs" / f"{name}.log"
        return path.read_text() if path.exists() else ""

    def shell(self, code: str) -> str:
        """Python with the studio's own settings and data; what it prints."""
        return self.manage("shell", "--no-imports", "-c", code)

    def manage(self, *arguments: str, **options: Any) -> str:
        """A management command; its output."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=environment(self.data_dir, self.port, self.gateway_port),
            capture_output=True,
            text=True,
            check=False,
            **options,
        )
        assert done.returncode == 0, done.stderr
        return str(done.stdout)

    def pid_of(self, *words: str) -> int:
        """The process below `up` whose command line has all the words."""
        return next(
            child.pid for child in self.processes() if all(word in " ".join(command_of(child)) for word in words)
        )

    def processes(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)


def command_of(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(data_dir: Path, port: int, gateway_port: int, **more: str) -> dict[str, str]:
    passed_on = {key: value for key, value in os.environ.items() if not key.startswith(("STUDIO_", "DJANGO_"))}
    return {
        **passed_on,
        "STUDIO_DATA_DIR": str(data_dir),
        "STUDIO_PORT": str(port),
        "STUDIO_GATEWAY_PORT": str(gateway_port),
        "STUDIO_ADMIN_EMAIL": EMAIL,
        "STUDIO_ADMIN_PASSWORD": PASSWORD,
        "STUDIO_DEMO": "0",
        "STUDIO_COLLECTOR_INTERVAL_SECONDS": "2",
        "STUDIO_AUTOSCALE_INTERVAL_SECONDS": "2",
        "STUDIO_ENDPOINT_REQUESTS_PER_SECOND": "0",  # load is measured here, too
        **more,
    }


def start(data_dir: Path, port: int, gateway_port: int, **more: str) -> RunningStudio:
    """Returns once the studio says that it is up; its words are in up.log."""
    data_dir.mkdir(exist_ok=True)
    log = (data_dir / "up.log").open("w")
    process = subprocess.Popen(
        [sys.executable, "manage.py", "up"],
        cwd=ROOT,
        env=environment(data_dir, port, gateway_port, **more),
        stdout=log,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    said = data_dir / "up.log"
    wait_for(lambda: "Ctrl-C" in said.read_text() or process.poll() is not None, what=said.read_text)
    assert process.poll() is None, said.read_text()
    return RunningStudio(data_dir=data_dir, port=port, gateway_port=gateway_port, process=process)


def stop(studio: RunningStudio) -> list[psutil.Process]:
    """As Ctrl-C does; the processes that are left afterwards, which should be none."""
    before = studio.processes()
    studio.process.send_signal(signal.SIGINT)
    studio.process.wait(90)
    _, left = psutil.wait_procs(before, timeout=10)
    return left


@contextmanager
def running(**more: str) -> Iterator[RunningStudio]:
    data_dir = Path(tempfile.mkdtemp(prefix="es-"))
    prepare(data_dir)
    yield from _started(data_dir, **more)


@contextmanager
def running_from_nothing() -> Iterator[RunningStudio]:
    """Tables and static files are made by the start itself, as a user's first one does."""
    yield from _started(Path(tempfile.mkdtemp(prefix="es-")))


def _started(data_dir: Path, **more: str) -> Iterator[RunningStudio]:
    studio = start(data_dir, free_port(), free_port(), **more)
    try:
        yield studio
    finally:
        if studio.process.poll() is None:
            stop(studio)
        if not os.environ.get("STUDIO_TEST_KEEP"):
            shutil.rmtree(data_dir, ignore_errors=True)


def wait_for(condition: Callable[[], Any], *, what: Callable[[], str] = lambda: "", seconds: float = PATIENCE) -> Any:
    """The condition's value once it is true. The limit only ends what would never end."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited in vain: {what()}")
