"""A client that goes away takes its job with it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from .pool import Pool
from .workers import Job

_SOON = 0.05  # seconds: most answers are there by then, and need no watch


class Departure:
    """Watches from `start` to `stop`; nothing else may receive from the connection meanwhile."""

    def __init__(self, receive: Callable[[], Awaitable[dict[str, Any]]], pool: Pool, job: Job) -> None:
        self._receive, self._pool, self._job = receive, pool, job
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.happened = False

    def start(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(_SOON, self._watch)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _watch(self) -> None:
        self._task = asyncio.ensure_future(self._drop_when_gone())

    async def _drop_when_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.happened = True
        self._pool.drop(self._job)
