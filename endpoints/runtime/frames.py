"""Frames between the front process and a worker: lengths, a small JSON head, a body that nobody here reads."""

from __future__ import annotations

import json
import struct
from typing import Any, BinaryIO, NamedTuple

_LENGTHS = struct.Struct("!IQ")
_encode_head = json.JSONEncoder(separators=(",", ":")).encode  # json.dumps would make an encoder for each call


class Frame(NamedTuple):
    head: dict[str, Any]
    body: bytes


def encode(head: dict[str, Any], body: bytes = b"") -> bytes:
    packed = _encode_head(head).encode()
    return b"".join((_LENGTHS.pack(len(packed), len(body)), packed, body))


class Parser:
    """Cuts a stream into frames, whatever pieces it comes in."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []  # of a frame that has not come whole
        self._missing = 0  # bytes, at least, before it is worth another look

    def feed(self, data: bytes) -> list[Frame]:
        self._pieces.append(data)
        self._missing -= len(data)
        if self._missing > 0:
            return []
        content = b"".join(self._pieces)
        frames = []
        position = 0
        while (end := _end_of_frame(content, position)) <= len(content):
            frames.append(_decode(content, position, end))
            position = end
        self._pieces = [content[position:]]
        self._missing = end - len(content)
        return frames


def _end_of_frame(content: bytes, start: int) -> int:
    """Where it ends, or at least the end of its lengths when those are not there yet."""
    if len(content) - start < _LENGTHS.size:
        return start + _LENGTHS.size
    head_length, body_length = _LENGTHS.unpack_from(content, start)
    return start + _LENGTHS.size + int(head_length) + int(body_length)


def _decode(content: bytes, start: int, end: int) -> Frame:
    head_length, _ = _LENGTHS.unpack_from(content, start)
    head_start = start + _LENGTHS.size
    body_start = head_start + head_length
    return Frame(json.loads(content[head_start:body_start]), content[body_start:end])


def read(stream: BinaryIO) -> Frame | None:
    """Wait for one frame; None when the other side has closed."""
    lengths = stream.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    head_length, body_length = _LENGTHS.unpack(lengths)
    head, body = stream.read(head_length), stream.read(body_length)
    if len(body) < body_length or len(head) < head_length:
        return None
    return Frame(json.loads(head), body)
