"""The front process begins: it listens, and its workers load the model while it still imports what it serves with."""

from __future__ import annotations

import contextlib
from pathlib import Path

from . import log
from .listening import listen
from .options import Options, parse
from .spawning import Spawned, spawn


def main(arguments: list[str]) -> int:
    """The exit status: 0 after SIGTERM, 1 when it cannot listen, 3 when the model cannot be loaded."""
    options = parse(arguments)
    try:
        listener = listen(options)
    except OSError as error:
        log.error(f"cannot listen on {options.socket or f'{options.host}:{options.port}'}: {error}")
        return 1
    inode = _inode(options.socket)
    first = _first_workers(options)
    try:
        from .front import serve

        return serve(options, listener, first)
    finally:
        if options.socket and _inode(options.socket) == inode:
            Path(options.socket).unlink()


def _first_workers(options: Options) -> list[Spawned]:
    """Those that cannot be started are tried again, and reported, by who needs them."""
    first: list[Spawned] = []
    with contextlib.suppress(OSError):
        for _ in range(options.workers):
            first.append(spawn(options))
    return first


def _inode(path: str) -> int:
    try:
        return Path(path).stat().st_ino if path else 0
    except OSError:
        return 0
