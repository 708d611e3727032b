"""In a worker: the front ends a run() that nobody waits for any more, by a signal, and the model stays loaded.

What runs Python, or waits in a system call, ends at once. What is in C code ends when that returns; the front's
patience is short, and then the worker is replaced.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

SIGNAL = signal.SIGUSR2


class Cancelled(BaseException):
    """Raised within run()."""


class _Now:
    interruptible = False  # the script's code runs: not our own, which must not be left in the middle of a frame
    asked = False


def listen() -> None:
    signal.signal(SIGNAL, _on_signal)


def begin() -> None:
    """Of a new request: what was asked of the one before is settled."""
    _Now.asked = False


@contextmanager
def interruptible() -> Iterator[None]:
    """Raises Cancelled as soon as the front asks for it, or when it has asked already."""
    _Now.interruptible = True
    try:
        if _Now.asked:
            raise Cancelled
        yield
    finally:
        _Now.interruptible = False


def _on_signal(number: int, frame: object) -> None:
    _Now.asked = True
    if _Now.interruptible:
        _Now.interruptible = False
        raise Cancelled
