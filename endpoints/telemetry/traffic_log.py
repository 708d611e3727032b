"""The files of the gateway's log: one that it writes, and those that were put aside to be read.

`tend` puts the one that is written aside when it is long, and drops the oldest when they are too many: a file of no
bytes stays in its place, whose name tells how many lines were lost. `read` goes on where it was, whatever the files
are called meanwhile. Neither needs the other to run.
"""

import hashlib
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from endpoints.domain.traffic_log import Part, Position
from endpoints.telemetry.port import TelemetryUnreachable

SEGMENT_BYTES = 16 * 1024**2
BACKLOG_BYTES = 256 * 1024**2
CHUNK_BYTES = 1024**2
HEAD_BYTES = 1024  # more than the time and the id of the first request
LOST = re.compile(r"access-(\d+)\.(\d+)\.(\d+)\.lost")
ASIDE = re.compile(r"access-(\d+)\.jsonl")
LIVE = "access.jsonl"


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    order: int
    inode: int
    size: int
    lost_lines: int | None = None  # of one whose content was dropped


class TrafficLogFiles:
    def __init__(
        self,
        folder: Path,
        reopen: Callable[[], None] = lambda: None,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        backlog_bytes: int = BACKLOG_BYTES,
    ) -> None:
        """`reopen` has the gateway open its log anew; TelemetryUnreachable: it is down, and will do so by itself."""
        self.folder = folder
        self._reopen = reopen
        self._segment_bytes, self._backlog_bytes = segment_bytes, backlog_bytes

    @property
    def live(self) -> Path:
        return self.folder / LIVE

    def tend(self) -> None:
        files = self._files()
        live = next((file for file in files if file.path == self.live), None)
        aside = [file for file in files if file is not live]
        if live and live.size > self._segment_bytes:
            order = max([time.time_ns(), *(file.order + 1 for file in aside)])
            self.live.rename(self.folder / f"access-{order:020}.jsonl")
        if (live and live.size > self._segment_bytes) or (aside and not live):
            with suppress(TelemetryUnreachable):
                self._reopen()
        self._bound()

    def _bound(self) -> None:
        files = self._files()
        over = sum(file.size for file in files) - self._backlog_bytes
        for file in files:
            if over <= 0 or file.path == self.live:
                return
            if file.lost_lines is None:
                _drop(file)
                over -= file.size

    def read(self, position: Position, *, limit: int = CHUNK_BYTES) -> Part:
        """Whole lines from the position on, at most `limit` bytes of them."""
        files = self._files()
        number, here = self._where(files, position)
        part = Part(position=here, done=tuple(file.path.name for file in files[:number]))
        for file in files[number:]:
            part = _on(file, part, limit=limit, last=file is files[-1])
            if part.position.file and part.lines:
                break
        return part.behind_by(sum(file.size for file in files if file.path.name not in part.done))

    def discard(self, part: Part) -> None:
        """What was read to its end."""
        for name in part.done:
            (self.folder / name).unlink(missing_ok=True)

    def _where(self, files: list[_File], position: Position) -> tuple[int, Position]:
        """The number of the file that it was in, and the position. From the oldest on where there is none such."""
        inode = position.file.partition("-")[0]
        for number, file in enumerate(files):
            if str(file.inode) == inode and (file.lost_lines is not None or _is_same(file, position)):
                return number, position
        return 0, Position()

    def _files(self) -> list[_File]:
        """Oldest first."""
        found = [_file_of(path) for path in self.folder.glob("access*")] if self.folder.exists() else []
        return sorted((file for file in found if file), key=lambda file: file.order)


def _file_of(path: Path) -> _File | None:
    """None for what is none of ours, or gone."""
    lost, aside = LOST.fullmatch(path.name), ASIDE.fullmatch(path.name)
    if not (lost or aside or path.name == LIVE):
        return None
    try:
        seen = path.stat()
    except FileNotFoundError:
        return None
    if lost:
        return _File(path, int(lost[1]), int(lost[2]), 0, int(lost[3]))
    return _File(path, int(aside[1]) if aside else 2**63, seen.st_ino, seen.st_size)


def _drop(file: _File) -> None:
    """Its bytes go, the number of its lines stays. One rename: it is either there or lost."""
    with file.path.open("rb+") as opened:
        lines = sum(block.count(b"\n") for block in iter(lambda: opened.read(CHUNK_BYTES), b""))
        file.path.rename(file.path.with_name(f"access-{file.order:020}.{file.inode}.{lines}.lost"))
        opened.truncate(0)


def _is_same(file: _File, position: Position) -> bool:
    """An inode is given again: what the file begins with is told apart."""
    _, length, digest = position.file.split("-")
    with suppress(FileNotFoundError), file.path.open("rb") as opened:
        return _digest(opened, int(length)) == digest and file.size >= position.offset
    return False


def _identity(file: _File, opened: BinaryIO, offset: int) -> str:
    length = min(offset, HEAD_BYTES)
    return f"{file.inode}-{length}-{_digest(opened, length)}"


def _digest(opened: BinaryIO, length: int) -> str:
    opened.seek(0)
    return hashlib.sha256(opened.read(length)).hexdigest()[:32]


def _on(file: _File, part: Part, *, limit: int, last: bool) -> Part:
    """With the next lines of this file. It is done where all of it was read and another one follows."""
    before = part.position
    if file.lost_lines is not None:
        return part.lose(file.path.name, max(file.lost_lines - before.lines, 0))
    try:
        with file.path.open("rb") as opened:
            opened.seek(before.offset)
            lines, read, whole = _lines(opened.read(limit), full=limit, last=last)
            offset = before.offset + read
            identity = _identity(file, opened, offset)
    except FileNotFoundError:  # dropped this moment: found so the next time
        return part
    if whole and not last and not lines:
        return part.finish(file.path.name)
    return part.go_on(lines, Position(file=identity, offset=offset, lines=before.lines + len(lines)))


def _lines(block: bytes, *, full: int, last: bool) -> tuple[tuple[bytes, ...], int, bool]:
    """(lines, bytes that they take, whether the block was all there is). One without an end is not written yet; in a
    file that nobody writes to any more, and where it is longer than any of ours, it is taken as it is."""
    end = block.rfind(b"\n") + 1
    if (len(block) < full and not last) or (not end and len(block) == full):
        end = len(block)
    lines = block[:end].removesuffix(b"\n").split(b"\n") if end else ()
    return tuple(lines), end, len(block) < full
