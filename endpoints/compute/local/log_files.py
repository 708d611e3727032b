"""Part of a log file, in whole lines; and a log as a whole, with the files that were rotated away."""

import contextlib
import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from endpoints.domain.replicas import LogChunk

BLOCK_BYTES = 256 * 1024
MOST_BYTES = 2 * 1024 * 1024  # of one answer


def tail(path: Path, *, lines: int, text: str = "") -> list[str]:
    """The last lines that hold the text, letters of either case, oldest first; no more than MOST_BYTES of them."""
    kept: deque[bytes] = deque()
    size = 0
    for line in _lines(path, text):
        kept.append(line)
        size += len(line)
        while len(kept) > lines or size > MOST_BYTES:
            size -= len(kept.popleft())
    return [line.decode("utf-8", "replace").removesuffix("\n") for line in kept]


def whole(path: Path) -> Iterator[bytes]:
    """Everything that is kept, oldest first, in blocks."""
    for file in _opened(path):
        with file:
            while block := file.read(BLOCK_BYTES):
                yield block


def _lines(path: Path, text: str) -> Iterator[bytes]:
    """Those that hold the text; without one, those at the end alone."""
    files = _opened(path)
    if not text:
        return _last(files)
    wanted, plain = text.lower(), text.isascii()
    found = wanted.encode()
    every = (line for file in files for line in _closing(file))
    if plain:
        return (line for line in every if found in line.lower())
    return (line for line in every if wanted in line.decode("utf-8", "replace").lower())


def _last(files: list[BinaryIO]) -> Iterator[bytes]:
    """Of all files together, what stands within MOST_BYTES of the end."""
    sizes = [os.fstat(file.fileno()).st_size for file in files]
    for number, file in enumerate(files):
        skipped = min(sizes[number], max(0, sum(sizes[number:]) - MOST_BYTES))
        file.seek(skipped)
        if skipped:
            file.readline()  # the rest of one that began before
        yield from _closing(file)


def _closing(file: BinaryIO) -> Iterator[bytes]:
    with file:
        yield from file


def _opened(path: Path) -> list[BinaryIO]:
    """All at once, so that none is rotated away meanwhile."""
    files: list[BinaryIO] = []
    for part in _parts(path):
        with contextlib.suppress(FileNotFoundError):
            files.append(part.open("rb"))
    return files


def _parts(path: Path) -> list[Path]:
    """`server.log.3`, `.2`, `.1`, `server.log`."""
    rotated = [found for found in path.parent.glob(f"{path.name}.*") if found.suffix[1:].isdigit()]
    ordered = sorted(rotated, key=lambda found: int(found.suffix[1:]), reverse=True)
    return [*ordered, *([path] if path.exists() else [])]


def read_chunk(path: Path, *, start: int | None, limit: int) -> LogChunk:
    """From byte `start`, or the last `limit` bytes. A start beyond the end means that the log was rotated."""
    try:
        file = path.open("rb")
    except OSError:
        return LogChunk(text="", start=0, end=0, size=0)
    with file:
        size = os.fstat(file.fileno()).st_size
        begin = max(0, size - limit) if start is None else start
        begin = 0 if begin > size else begin
        file.seek(begin)
        data = file.read(limit)
    if start is None and begin:
        skipped = data.find(b"\n") + 1 or _torn(data)
        begin, data = begin + skipped, data[skipped:]
    whole = data[: data.rfind(b"\n") + 1] or _piece(data, limit)
    return LogChunk(text=whole.decode("utf-8", "replace"), start=begin, end=begin + len(whole), size=size)


def _piece(data: bytes, limit: int) -> bytes:
    """Of a line longer than a whole chunk: as far as its last whole character. A reader must get on."""
    if len(data) < limit:
        return b""
    end = len(data)
    while end and data[end - 1] & 0xC0 == 0x80:
        end -= 1
    if not end or data[end - 1] < 0x80:
        return data
    needed = 2 + (data[end - 1] >= 0xE0) + (data[end - 1] >= 0xF0)
    return data if len(data) - end + 1 >= needed or end == 1 else data[: end - 1]


def _torn(data: bytes) -> int:
    """How many bytes at the start belong to a character that began before."""
    return next((count for count, byte in enumerate(data[:4]) if byte & 0xC0 != 0x80), 0)
