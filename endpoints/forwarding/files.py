"""Lines in a file that rotates; and the file in which the chain's heads are remembered."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from endpoints.forwarding.port import ForwardError

MOST_BYTES = 50 * 1024**2
KEPT = 10


class FileForwarder:
    """`path` is the newest; `path.1` to `path.10` came before it."""

    def __init__(self, path: Path, *, most_bytes: int = MOST_BYTES) -> None:
        self._path, self._most = path, most_bytes

    @property
    def address(self) -> str:
        return f"file://{self._path}"

    def send(self, lines: Sequence[str]) -> None:
        try:
            append(self._path, lines, most_bytes=self._most)
        except OSError as error:
            raise ForwardError(f"{self._path} cannot be written ({error.strerror}).") from error


class AnchorFile:
    """{"site", "position", "hash", "at"} in a line: what the chain's head was. Beside the database, and not in it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def note(self, **anchor: Any) -> None:
        append(self.path, [json.dumps(anchor, sort_keys=True)], most_bytes=MOST_BYTES)

    def of(self, site: str) -> Iterator[dict[str, Any]]:
        """The oldest first; a line that was cut off by a full disk says nothing."""
        for path in (_numbered(self.path, 1), self.path):
            for line in path.read_text().splitlines() if path.exists() else []:
                try:
                    anchor = json.loads(line)
                except ValueError:
                    continue
                if isinstance(anchor, dict) and anchor.get("site") == site:
                    yield anchor


def append(path: Path, lines: Sequence[str], *, most_bytes: int) -> None:
    """All of them, on the disk, for this user's eyes alone."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if path.exists() and path.stat().st_size > most_bytes:
        _rotate(path)
    text = "".join(f"{line}\n" for line in lines).encode()
    with os.fdopen(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), "r+b") as file:
        size = file.seek(0, os.SEEK_END)
        if size and os.pread(file.fileno(), 1, size - 1) != b"\n":
            text = b"\n" + text  # a line was cut off here: it is sent again, whole
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _rotate(path: Path) -> None:
    for number in range(KEPT - 1, -1, -1):
        older = _numbered(path, number)
        if older.exists():
            older.replace(_numbered(path, number + 1))


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}") if number else path
