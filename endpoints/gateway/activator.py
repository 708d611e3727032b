"""Where requests wait for a deployment that is scaled to zero: an ASGI application that the gateway alone asks.

GET /hold/<hex of the deployment's id>?wait_ms=<at most so long>: 200 once a replica is in rotation, with what was
waited in the header x-waited-ms; 503 when none came in time, or too many wait already. Those who wait for the same
deployment cause one wake, and go on in the order in which they came.
"""

import asyncio
import logging
import re
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from typing import Any
from urllib.parse import parse_qs

logger = logging.getLogger(__name__)

ROOM = 1024  # who may wait for one deployment
POLL_SECONDS = 0.03
AGAIN_SECONDS = 0.5  # after a wake that could not be asked for
PATH = re.compile(r"/hold/([0-9a-f]{32})")
LONGEST_MS = 300_000

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]


class Activator:
    def __init__(self, *, wake: Callable[[str], None], serving: Callable[[], Collection[str]]) -> None:
        """Both are called in a thread, and may raise. `wake` asks for replicas of a deployment (32 hex), and does
        nothing where that was asked already; `serving` names the deployments with a replica in rotation."""
        self._wake = wake
        self._serving = serving
        self._lines: dict[str, deque[asyncio.Future[None]]] = {}
        self._watchers: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        found = PATH.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if found is None:
            await answer(send, 404, 0)
            return
        began = asyncio.get_running_loop().time()
        released = await self._hold(found[1], wait_seconds(scope))
        await answer(send, 200 if released else 503, asyncio.get_running_loop().time() - began)

    async def _hold(self, deployment: str, seconds: float) -> bool:
        line = self._lines.setdefault(deployment, deque())
        if len(line) >= ROOM:
            return False
        turn = asyncio.get_running_loop().create_future()
        line.append(turn)
        if len(line) == 1:
            self._watch(deployment)
        try:
            await asyncio.wait_for(turn, seconds)
        except TimeoutError:
            return False
        finally:
            if turn in line:
                line.remove(turn)
        return True

    def _watch(self, deployment: str) -> None:
        task = asyncio.create_task(self._wake_and_release(deployment))
        self._watchers.add(task)
        task.add_done_callback(self._watchers.discard)

    async def _wake_and_release(self, deployment: str) -> None:
        """For as long as somebody waits; whoever comes to an empty line starts the next."""
        line = self._lines[deployment]
        asked = False
        while line:
            try:
                if not asked:
                    await asyncio.to_thread(self._wake, deployment)
                    asked = True
                ready = deployment in await asyncio.to_thread(self._serving)
            except Exception as error:  # database or gateway may be down for a moment; the line bounds the wait
                logger.warning("Waking %s: %s", deployment, error)
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            if ready:
                release(line)
                return
            await asyncio.sleep(POLL_SECONDS)


def release(line: deque[asyncio.Future[None]]) -> None:
    while line:
        turn = line.popleft()
        if not turn.done():
            turn.set_result(None)


def wait_seconds(scope: dict[str, Any]) -> float:
    given = parse_qs(scope["query_string"].decode("latin-1")).get("wait_ms", [""])[0]
    milliseconds = int(given) if given.isascii() and given.isdigit() else 0
    return min(milliseconds, LONGEST_MS) / 1000


async def answer(send: Send, status: int, waited: float) -> None:
    headers = [(b"content-length", b"0"), (b"x-waited-ms", str(int(waited * 1000)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
