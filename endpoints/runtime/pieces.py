"""In the front: the pieces of a streamed answer, between a worker that writes and a client that reads."""

from __future__ import annotations

import asyncio
from collections import deque

from .errors import ScoringError

_MOST_WAITING = 1024 * 1024  # bytes; then the worker is held back


class Pieces:
    """Iterate over it once. Raises ScoringError when the rest will not come."""

    def __init__(self, worker: asyncio.ReadTransport) -> None:
        self._worker = worker
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._changed = asyncio.Event()
        self._ended = False
        self._failure: ScoringError | None = None

    def put(self, piece: bytes) -> None:
        if self._ended:
            return
        self._waiting.append(piece)
        self._size += len(piece)
        self._changed.set()
        if self._size > _MOST_WAITING and self._worker.is_reading():
            self._worker.pause_reading()

    def end(self, failure: ScoringError | None = None) -> None:
        if not self._ended:
            self._ended, self._failure = True, failure
            self._changed.set()

    def abandon(self) -> None:
        """Nobody reads on: what still comes is dropped, and the worker is not held back."""
        self.end()
        self._waiting.clear()
        self._release()

    def __aiter__(self) -> Pieces:
        return self

    async def __anext__(self) -> bytes:
        while not self._waiting:
            if self._failure is not None:
                raise self._failure
            if self._ended:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        piece = self._waiting.popleft()
        self._size -= len(piece)
        if self._size < _MOST_WAITING // 2:
            self._release()
        return piece

    def _release(self) -> None:
        if not self._worker.is_closing() and not self._worker.is_reading():
            self._worker.resume_reading()
