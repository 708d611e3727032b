"""Lines on stderr: `studio-runtime: 2026-01-31T12:00:00.123Z INFO message`."""

from __future__ import annotations

import sys
import time


def info(message: str) -> None:
    _write("INFO", message)


def error(message: str, *, request_id: str = "") -> None:
    _write("ERROR", f"request {request_id}: {message}" if request_id else message)


def fatal(code: str, message: str) -> None:
    """The last line of a process that could not load its model. Others quote it: no time, one line."""
    sys.stderr.write(f"studio-runtime: {code}: {message}\n")
    sys.stderr.flush()


def _write(level: str, message: str) -> None:
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    sys.stderr.write(f"studio-runtime: {stamp}.{int(now % 1 * 1000):03d}Z {level} {message}\n")
    sys.stderr.flush()
