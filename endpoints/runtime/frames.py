"""Frames between the front process and a worker: lengths, a small JSON head, a body that nobody here reads."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any, NamedTuple

_LENGTHS = struct.Struct("!IQ")


class Frame(NamedTuple):
    head: dict[str, Any]
    body: bytes


def encode(head: dict[str, Any], body: bytes = b"") -> bytes:
    packed = json.dumps(head, separators=(",", ":")).encode()
    return b"".join((_LENGTHS.pack(len(packed), len(body)), packed, body))


class Parser:
    """Cuts a stream into frames, whatever pieces it comes in."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        self._buffer += data
        frames = []
        while (frame := self._next()) is not None:
            frames.append(frame)
        return frames

    def _next(self) -> Frame | None:
        if len(self._buffer) < _LENGTHS.size:
            return None
        head_length, body_length = _LENGTHS.unpack_from(self._buffer)
        body_start = _LENGTHS.size + head_length
        end = body_start + body_length
        if len(self._buffer) < end:
            return None
        frame = Frame(json.loads(self._buffer[_LENGTHS.size : body_start]), bytes(self._buffer[body_start:end]))
        del self._buffer[:end]
        return frame


def read(connection: socket.socket) -> Frame | None:
    """Wait for one frame; None when the other side has closed."""
    lengths = _read_exactly(connection, _LENGTHS.size)
    if lengths is None:
        return None
    head_length, body_length = _LENGTHS.unpack(lengths)
    content = _read_exactly(connection, head_length + body_length)
    if content is None:
        return None
    return Frame(json.loads(content[:head_length]), bytes(content[head_length:]))


def _read_exactly(connection: socket.socket, size: int) -> bytearray | None:
    content = bytearray(size)
    rest = memoryview(content)
    while rest:
        received = connection.recv_into(rest)
        if received == 0:
            return None
        rest = rest[received:]
    return content
