"""Processes that outlived the supervisor which started them."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from endpoints.compute.local.launch import start_time

WAIT_SECONDS = 15.0


def reap(folders: list[Path]) -> int:
    """End them: politely, then by force. How many there were. A pid with another start time is somebody else's."""
    found = list(_alive(folders))
    _signal(found, signal.SIGTERM)
    deadline = time.monotonic() + WAIT_SECONDS
    left = found
    while left and time.monotonic() < deadline:
        time.sleep(0.1)
        left = [each for each in left if _is_alive(*each)]
    _signal(left, signal.SIGKILL)
    while any(_is_alive(*each) for each in left):
        time.sleep(0.01)
    return len(found)


def _alive(folders: list[Path]) -> Iterator[tuple[int, str]]:
    for path in (path for folder in folders for path in folder.glob("*.pid")):
        words = _words(path)
        if len(words) == 2 and words[0].isdigit() and _is_alive(int(words[0]), words[1]):
            yield int(words[0]), words[1]


def _words(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8", "replace").split()
    except OSError:
        return []


def _is_alive(pid: int, started: str) -> bool:
    try:
        return start_time(pid) == started and Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):
        return False


def _signal(processes: list[tuple[int, str]], number: signal.Signals) -> None:
    for pid, _ in processes:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
