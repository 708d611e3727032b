"""Environments by uv, built in supervised processes that outlive whoever asked for them."""

import fcntl
import json
import os
import shutil
import sys
import time
import uuid
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from endpoints.domain.environments import EnvironmentSpec
from endpoints.domain.printable import printable
from endpoints.domain.programs import Program, Programs
from endpoints.domain.replicas import LogChunk
from endpoints.enums import BuildState
from endpoints.environments.port import BuildObservation

BUILD = Path(__file__).with_name("build.py")
REFUSAL_SECONDS = 60
END_SECONDS = 10
# What an administrator sets for package installers and TLS; nothing of the studio's own.
_PASSED_ON = ("UV_", "PIP_", "SSL_CERT_", "REQUESTS_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "PYENV_ROOT")
_MEANT_FOR_PIP = {
    "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
    "PIP_EXTRA_INDEX_URL": "UV_INDEX",
}


class UvEnvironmentBuilder:
    """`root/<hash>/` holds specification, environment, status and log."""

    def __init__(self, *, programs: Programs, root: Path, uv: Path, machine: Mapping[str, str] | None = None) -> None:
        """`machine` is the environment whose installer settings are passed on; by default this process's."""
        self._programs = programs
        self._root = root
        self._uv = uv
        self._machine = os.environ if machine is None else machine

    def start(self, spec: EnvironmentSpec) -> None:
        folder = self._folder(spec.hash)
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "start.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two that look at once would both find nothing
            if self.observe(spec.hash).state not in (BuildState.SUCCEEDED, BuildState.BUILDING):
                self._start(spec, folder)

    def _start(self, spec: EnvironmentSpec, folder: Path) -> None:
        (folder / "status.json").unlink(missing_ok=True)
        self._run(spec, folder, name=_name(spec.hash), log="build.log")

    def _run(self, spec: EnvironmentSpec, folder: Path, *words: str, name: str, log: str) -> None:
        self._end(name)
        document = {
            "python_version": spec.python_version,
            "requirements": list(spec.requirements),
            "uv": str(self._uv),
        }
        _write(folder / "spec.json", document)
        self._programs.add(
            Program(
                name=name,
                command=(sys.executable, "-I", str(BUILD), str(folder), *words),
                environment=self._environment(),
                directory=str(folder),
                log_path=str(folder / log),
                restart=False,
                stop_seconds=5,
            )
        )

    def _end(self, name: str) -> None:
        """One that still compiles what it built would be taken for the next, and its end for a failure."""
        self._programs.remove(name)
        deadline = time.monotonic() + END_SECONDS
        while name in self._programs.states() and time.monotonic() < deadline:
            time.sleep(0.02)

    def check(self, spec: EnvironmentSpec) -> BuildObservation:
        folder = self._folder(spec.hash)
        if self.observe(spec.hash).state == BuildState.SUCCEEDED:
            return BuildObservation(hash=spec.hash, state=BuildState.SUCCEEDED)
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "start.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return self._check(spec, folder)

    def _check(self, spec: EnvironmentSpec, folder: Path) -> BuildObservation:
        name, found = _check_name(spec.hash), _read(folder / "check.json")
        program = self._programs.states().get(name)
        if found and (found["state"] == "Succeeded" or _is_young(folder / "check.json")):
            if program is not None:  # with its word said, it is done
                self._programs.remove(name)
            error = printable(found.get("error", ""))
            return BuildObservation(hash=spec.hash, state=BuildState(found["state"]), error=error)
        if program is None or not program.running:
            (folder / "check.json").unlink(missing_ok=True)
            self._run(spec, folder, "check", name=name, log="check.log")
        return BuildObservation(hash=spec.hash, state=BuildState.BUILDING)

    def observe(self, spec_hash: str) -> BuildObservation:
        status = _read(self._folder(spec_hash) / "status.json")
        state = BuildState(status.get("state", BuildState.PENDING))
        program = None if state == BuildState.SUCCEEDED else self._programs.states().get(_name(spec_hash))
        if state == BuildState.BUILDING and (program is None or not program.running):
            status, state = {**status, "error": "The build was ended before it was done."}, BuildState.FAILED
        if state == BuildState.PENDING and program is not None:
            state = BuildState.BUILDING if program.running else BuildState.FAILED
            status = {} if program.running else {"error": "The build ended before it began. Its log may say why."}
        return self._observation(spec_hash, state, status)

    def cancel(self, spec_hash: str) -> None:
        self._programs.remove(_name(spec_hash))

    def read_log(self, spec_hash: str, *, start: int | None = None, limit: int = 65536) -> LogChunk:
        """As `Compute.read_log`: whole lines, unless one is longer than `limit`; a log that shrank begins anew."""
        path = self._folder(spec_hash) / "build.log"
        size = path.stat().st_size if path.exists() else 0
        begin = max(0, size - limit) if start is None else start
        begin = 0 if begin > size else begin
        data = _read_part(path, begin, limit) if size else b""
        skipped = data.find(b"\n") + 1 if start is None and begin else 0
        begin, data = begin + skipped, data[skipped:]
        part = data[: data.rfind(b"\n") + 1] or (data if len(data) == limit else b"")
        return LogChunk(text=part.decode("utf-8", "replace"), start=begin, end=begin + len(part), size=size)

    def remove(self, spec_hash: str) -> None:
        """Free its disk. The caller knows that nothing uses it."""
        for name in (_name(spec_hash), _check_name(spec_hash)):
            self._programs.remove(name)
        shutil.rmtree(self._folder(spec_hash), ignore_errors=True)

    def _observation(self, spec_hash: str, state: BuildState, status: dict[str, Any]) -> BuildObservation:
        python = self._folder(spec_hash) / "env" / "bin" / "python"
        built = state == BuildState.SUCCEEDED
        if built and not python.exists():
            return BuildObservation(hash=spec_hash, state=BuildState.PENDING)
        return BuildObservation(
            hash=spec_hash,
            state=state,
            python=python if built else None,
            error=printable(status.get("error", "")),
            started_at=_time(status.get("started_at")),
            finished_at=_time(status.get("finished_at")),
            size_bytes=status.get("size_bytes"),
        )

    def _folder(self, spec_hash: str) -> Path:
        if not spec_hash.isalnum():
            raise ValueError(f"{spec_hash!r} is no hash")
        return self._root / spec_hash

    def _environment(self) -> dict[str, str]:
        given = {key: value for key, value in self._machine.items() if key.upper().startswith(_PASSED_ON)}
        for theirs, ours in _MEANT_FOR_PIP.items():
            if theirs in given and ours not in given:
                given[ours] = given[theirs]
        own = {
            "PATH": self._machine.get("PATH", "/usr/local/bin:/usr/bin:/bin"),
            "HOME": self._machine.get("HOME", "/"),
        }
        return {**given, **own, "LANG": "C.UTF-8"}


def _name(spec_hash: str) -> str:
    return f"build-{spec_hash}"


def _check_name(spec_hash: str) -> str:
    return f"check-{spec_hash}"


def _is_young(path: Path) -> bool:
    """A registry may have been out of reach: a no is asked again after a while."""
    return time.time() - path.stat().st_mtime < REFUSAL_SECONDS


def _write(path: Path, document: dict[str, Any]) -> None:
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    temporary.write_text(json.dumps(document))
    temporary.rename(path)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _read_part(path: Path, begin: int, limit: int) -> bytes:
    with path.open("rb") as file:
        file.seek(begin)
        return file.read(limit)


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
