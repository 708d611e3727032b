"""Files that appear whole or not at all, and a lock so that two publishers cannot interleave."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from endpoints.gateway.envoy.documents import Json


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Waits for its turn, in this process and across processes."""
    make_private(folder)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def make_private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def read_document(path: Path) -> Json | None:
    """None when there is no such file, or none that can be read."""
    try:
        document: Json = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return document


def write_private(path: Path, content: bytes) -> None:
    """On disk before it is in place, readable by its owner alone: it may hold keys."""
    staged = path.with_name(f".{path.name}.new")
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    staged.replace(path)


class Changes:
    """Writes files and can put back what stood there."""

    def __init__(self) -> None:
        self._before: list[tuple[Path, bytes | None]] = []

    def write(self, path: Path, content: bytes) -> None:
        self._before.append((path, path.read_bytes() if path.exists() else None))
        write_private(path, content)

    def undo(self) -> None:
        for path, before in reversed(self._before):
            if before is None:
                path.unlink(missing_ok=True)
            else:
                write_private(path, before)


def sync_folder(folder: Path) -> None:
    """The renames themselves reach the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
