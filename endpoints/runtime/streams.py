"""Answers that are written piece by piece: run() returned a generator, or any other iterator, of str or bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from . import frames
from .aml_http import AMLResponse, http_answer
from .cancelling import interruptible
from .errors import ScoringError

TEXT = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"


class Stream(NamedTuple):
    pieces: Iterator[Any]
    content_type: str = ""  # empty: by what the first piece is
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


def stream_of(result: Any, run: Callable[..., Any]) -> Stream | None:
    """None for what is no stream. `run.content_type` names the type, such as text/event-stream; so do the headers
    of an AMLResponse around the iterator."""
    if isinstance(result, AMLResponse) and hasattr(result.message, "__next__"):
        answer = http_answer(result.status_code, list(result.headers.items()), b"")
        return Stream(result.message, answer.content_type, answer.status, answer.headers)
    if hasattr(result, "__next__"):
        return Stream(result, str(getattr(run, "content_type", "")))
    return None


def frames_of(stream: Stream) -> Iterator[bytes]:
    """Head and first piece, then the others. What fails before the first piece can still be an error answer."""
    first = _next(stream.pieces)
    default = TEXT if isinstance(first, str) else BYTES
    head = {"kind": "begin", "type": stream.content_type or default, "status": stream.status}
    yield frames.encode({**head, "headers": stream.headers}, _bytes(first))
    while (piece := _next(stream.pieces)) is not None:
        if piece:
            yield frames.encode({"kind": "piece"}, _bytes(piece))


def _next(pieces: Iterator[Any]) -> Any:
    """None at the end."""
    with interruptible():
        return next(pieces, None)


def _bytes(piece: Any) -> bytes:
    if piece is None:
        return b""
    if isinstance(piece, str):
        return piece.encode()
    if isinstance(piece, (bytes, bytearray, memoryview)):
        return bytes(piece)
    message = f"run() returned an iterator of {type(piece).__name__}; a streamed answer is made of str or bytes"
    raise ScoringError(500, "ResultNotSerializable", message)
