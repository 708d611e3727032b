"""A server's output: to a log that rotates, and its last lines in memory, to quote from. Standard library only."""

import contextlib
import threading
from collections import deque
from datetime import datetime, timezone
from pathlib import Path
from typing import IO

from endpoints.domain.printable import printable

MAX_BYTES = 10 * 1024 * 1024
BACKUPS = 3
LINE_BYTES = 64 * 1024  # a longer line is written as several: nobody's line fills the memory
QUOTED = 500  # characters
_CODES = ("UserScriptImportError", "UserScriptFunctionNotFound", "UserScriptInitFailed")


class Output:
    """Every line gets its time, UTC, in front. Where the disk is full lines are lost, but the server goes on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("ab", buffering=0)
        self._lock = threading.Lock()
        self.tail: deque[str] = deque(maxlen=60)

    def follow(self, stream: IO[bytes]) -> threading.Thread:
        thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        thread.start()
        return thread

    def say(self, text: str) -> None:
        """A line of the keeper's own."""
        self._write(f"keeper: {text}")

    def _read(self, stream: IO[bytes]) -> None:
        while line := stream.readline(LINE_BYTES):
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            self.tail.append(text[:2000])
            self._write(text)
        stream.close()

    def _write(self, text: str) -> None:
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]  # noqa: UP017 - old Pythons too
        with self._lock, contextlib.suppress(OSError):
            if self._file.closed:
                self._file = self._path.open("ab", buffering=0)
            self._file.write(f"{now}Z {text}\n".encode("utf-8", "replace"))
            if self._file.tell() > MAX_BYTES:
                self._rotate()

    def _rotate(self) -> None:
        self._file.close()
        for number in range(BACKUPS - 1, 0, -1):
            older = self._path.with_suffix(f".log.{number}")
            if older.exists():
                older.replace(self._path.with_suffix(f".log.{number + 1}"))
        self._path.replace(self._path.with_suffix(".log.1"))


def line_that_matters(lines: list[str]) -> str:
    """The runtime's own word for what went wrong; else the last line of a traceback; else the last line."""
    return printable(_that_matters(lines)[:QUOTED])


def _that_matters(lines: list[str]) -> str:
    for line in reversed(lines):
        if any(code in line for code in _CODES):
            return line.partition("studio-runtime: ")[2] or line
    starts = [number for number, line in enumerate(lines) if line.startswith("Traceback (most recent call last)")]
    if starts:
        after = [line for line in lines[starts[-1] + 1 :] if line and not line.startswith(" ")]
        if after:
            return after[0]
    return next((line for line in reversed(lines) if line.strip()), "")
