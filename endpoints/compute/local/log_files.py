"""Part of a log file, in whole lines."""

from pathlib import Path

from endpoints.domain.replicas import LogChunk


def read_chunk(path: Path, *, start: int | None, limit: int) -> LogChunk:
    """From byte `start`, or the last `limit` bytes. A start beyond the end means that the log was rotated."""
    try:
        size = path.stat().st_size
    except OSError:
        return LogChunk(text="", start=0, end=0, size=0)
    begin = max(0, size - limit) if start is None else start
    begin = 0 if begin > size else begin
    with path.open("rb") as file:
        file.seek(begin)
        data = file.read(limit)
    if start is None and begin:
        skipped = data.find(b"\n") + 1
        begin, data = begin + skipped, data[skipped:]
    whole = data[: data.rfind(b"\n") + 1]
    return LogChunk(text=whole.decode("utf-8", "replace"), start=begin, end=begin + len(whole), size=size)
