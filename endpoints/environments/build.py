"""Builds one environment. Started as a process of its own; standard library only.

usage: python build.py FOLDER [check]

With `check` nothing is made: the requirements are resolved, and FOLDER/check.json says whether that can be done.
FOLDER/spec.json holds {"python_version", "requirements", "uv"}. The environment is made in FOLDER/env: a virtual
environment's scripts name their interpreter by its path, so it is built where it stays, and is valid once
FOLDER/status.json says so. One build at a time, by FOLDER/lock.
"""

import ctypes
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
RUNTIME = Path(__file__).resolve().parents[1] / "runtime"
_NOISE = re.compile(r"^(warning|Using |Resolved|Prepared|Downloading|Downloaded|Building|\s*$)")


class BuildFailed(Exception):
    """The message is the line that matters."""


def check(folder: Path) -> None:
    spec = json.loads((folder / "spec.json").read_text())
    requirements = folder / "requirements.check.txt"
    requirements.write_text("".join(f"{line}\n" for line in spec["requirements"]))
    version, resolved = spec["python_version"], folder / "resolved.txt"
    options = ("--quiet", "--no-header", "--python-version", version, "--output-file", str(resolved))
    try:
        _uv(spec, "pip", "compile", *options, str(requirements))
        _write(folder / "check.json", {"state": "Succeeded"})
    except (BuildFailed, OSError) as error:
        _write(folder / "check.json", {"state": "Failed", "error": str(error)})


def main(folder: Path) -> None:
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _status(folder).get("state") == "Succeeded":
            return
        _run(folder, json.loads((folder / "spec.json").read_text()))


def _run(folder: Path, spec: dict[str, Any]) -> None:
    started = _now()
    _tell(folder, state="Building", started_at=started, pid=os.getpid())
    env = folder / "env"
    shutil.rmtree(env, ignore_errors=True)
    try:
        _make(folder, env, spec)
    except (BuildFailed, OSError) as error:
        shutil.rmtree(env, ignore_errors=True)
        _say(f"Failed: {error}")
        _tell(folder, state="Failed", started_at=started, finished_at=_now(), error=str(error))
        sys.exit(1)
    size = sum(path.stat().st_size for path in env.rglob("*") if path.is_file() and not path.is_symlink())
    _say(f"Built, {size // 2**20} MiB")
    _tell(folder, state="Succeeded", started_at=started, finished_at=_now(), size_bytes=size)
    _compile(env)


def _make(folder: Path, env: Path, spec: dict[str, Any]) -> None:
    began = time.monotonic()
    requirements = folder / "requirements.txt"
    requirements.write_text("".join(f"{line}\n" for line in spec["requirements"]))
    _say(f"Python {spec['python_version']}, {len(spec['requirements'])} requirements")
    version = spec["python_version"]
    try:
        _uv(spec, "venv", "--python", version, "--no-python-downloads", "--no-project", str(env))
    except BuildFailed as error:
        raise BuildFailed(f"{error} On this machine there is: {_pythons(spec)}.") from error
    python = env / "bin" / "python"
    _uv(spec, "pip", "install", "--python", str(python), "--link-mode", "hardlink", "--requirements", str(requirements))
    _uv(spec, "pip", "freeze", "--python", str(python))
    _say(f"Installed in {time.monotonic() - began:.1f} s")


def _compile(env: Path) -> None:
    """Nobody waits for it: replicas start without, but every start would then compile all that it imports, because an
    environment, and our own server, are read-only to them."""
    os.nice(19)
    began = time.monotonic()
    command = [str(env / "bin" / "python"), "-I", "-m", "compileall", "-q", str(RUNTIME), str(env / "lib")]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=_end_with_us, check=False)
    _say(f"Compiled in {time.monotonic() - began:.1f} s")


def _uv(spec: dict[str, Any], *arguments: str) -> None:
    """Its output goes to the log as it comes; raises BuildFailed with its first line of complaint."""
    command = [spec["uv"], "--color", "never", "--no-progress", *arguments]
    _say(f"$ uv {' '.join(arguments)}")
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        preexec_fn=_end_with_us,  # noqa: PLW1509 - there are no threads here
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip())
        _say(line.rstrip())
    if process.wait():
        raise BuildFailed(_what_matters(lines) or f"uv ended with exit code {process.returncode}.")


def _end_with_us() -> None:
    """A uv that outlived a killed build would go on writing where the next build does."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _what_matters(lines: list[str]) -> str:
    """uv's complaint: an error in one line, or a tree that begins with a cross."""
    kept: list[str] = []
    for line in lines:
        text = re.sub(r"^[\s×╰─▶│├]+", "", line).strip()
        starts = line.lstrip().startswith(("error:", "×"))
        if starts:
            kept = [text.removeprefix("error: ")]
        elif kept and text and not text.startswith("hint:"):
            kept.append(text)
    if not kept:
        kept = [line for line in lines if not _NOISE.match(line)][:3]
    return " ".join(kept)[:1000]


def _pythons(spec: dict[str, Any]) -> str:
    command = [spec["uv"], "python", "list", "--only-installed", "--output-format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        found = {".".join(each["version"].split(".")[:2]) for each in json.loads(done.stdout)}
    except (ValueError, KeyError, TypeError):
        found = set()
    return ", ".join(sorted(found, key=lambda text: [int(part) for part in text.split(".")])) or "none that uv finds"


def _say(text: str) -> None:
    print(f"{_now()[:23]}Z {text}", flush=True)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat()  # noqa: UP017 - old Pythons too


def _status(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / "status.json").read_text())
    except (OSError, ValueError):
        return {}
    return found


def _tell(folder: Path, **status: Any) -> None:
    _write(folder / "status.json", status)


def _write(path: Path, document: dict[str, Any]) -> None:
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(json.dumps(document))
    temporary.replace(path)


if __name__ == "__main__":
    (check if sys.argv[2:] == ["check"] else main)(Path(sys.argv[1]))
