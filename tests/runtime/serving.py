"""Starts the real server, as a deployment would, and asks it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

RUNTIME = Path(__file__).parents[2] / "endpoints" / "runtime"
LIMIT = 60.0  # seconds; generous, for a machine that others use too


class Served:
    """One running server. `folder` holds its script, socket and log."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        self.folder = folder
        self.process = process
        transport = httpx.HTTPTransport(uds=str(folder / "s"), verify=False, trust_env=False)
        self.client = httpx.Client(transport=transport, base_url="http://replica", timeout=LIMIT, trust_env=False)
        self._threads = ThreadPoolExecutor(max_workers=8)

    def post(
        self, content: str | bytes = "{}", path: str = "/score", headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        return self.client.post(path, content=content, headers={"content-type": "application/json", **(headers or {})})

    def post_aside(self, content: str | bytes = "{}") -> "Future[httpx.Response]":
        return self._threads.submit(self.post, content)

    def get(self, path: str) -> httpx.Response:
        return self.client.get(path)

    def gauge(self, name: str) -> float:
        """A number of /metrics, by its name and labels as they stand there; 0 when it is not there."""
        for line in self.get("/metrics").text.splitlines():
            if line.startswith(name + " "):
                return float(line.rpartition(" ")[2])
        return 0.0

    def wait_until_ready(self) -> "Served":
        wait_for(lambda: self.ended or self._is_ready(), "the server is ready")
        assert not self.ended, self.log
        return self

    def wait_until_alive(self) -> "Served":
        wait_for(lambda: self.ended or ((self.folder / "s").is_socket() and self._is_alive()), "the server answers")
        assert not self.ended, self.log
        return self

    def wait_until_exit(self) -> int:
        return self.process.wait(LIMIT)

    def workers(self) -> list[psutil.Process]:
        return [child for child in psutil.Process(self.process.pid).children() if child.is_running()]

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def close(self) -> None:
        self.client.close()
        if not self.ended:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(LIMIT)
        self._threads.shutdown(wait=True)

    def _is_ready(self) -> bool:
        try:
            return self.get("/ready").status_code == 200
        except httpx.TransportError:
            return False

    def _is_alive(self) -> bool:
        try:
            return self.get("/live").status_code == 200
        except httpx.TransportError:
            return False


def start(
    folder: Path,
    *options: str,
    script: str | None = None,
    environment: Mapping[str, str] | None = None,
    python: str = sys.executable,
) -> Served:
    """`script` is the content of score.py; the socket is the file `s` and the log the file `log` in `folder`."""
    if script is not None:
        (folder / "score.py").write_text(script)
        options = ("--entry-script", str(folder / "score.py"), *options)
    command = [python, str(RUNTIME), "--socket", str(folder / "s"), *options]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, cwd=folder, env={**os.environ, **(environment or {})}
        )
    return Served(folder, process)


@contextmanager
def serving(folder: Path, *options: str, script: str | None = None, **more: str) -> Iterator[Served]:
    """Ready when it is yielded, gone afterwards."""
    served = start(folder, *options, script=script, **more)  # type: ignore[arg-type]
    try:
        yield served.wait_until_ready()
    finally:
        served.close()


def wait_for(condition: Callable[[], object], what: str, limit: float = LIMIT) -> None:
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, f"waited {limit:.0f} s in vain until {what}"
        time.sleep(0.02)
