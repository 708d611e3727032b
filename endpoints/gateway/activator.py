"""Where requests wait for a deployment that is scaled to zero: an ASGI application that the gateway alone asks.

GET /hold/<hex of the deployment's id>?wait_ms=<at most so long>: 200 once a replica is in rotation, with what was
waited in the header x-waited-ms; 503 when none came in time, too many wait already, or the deployment is gone. Those
who wait for the same deployment cause one wake, and go on in the order in which they came. Whoever goes away makes
room.
"""

import asyncio
import logging
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs

logger = logging.getLogger(__name__)

ROOM = 1024  # who may wait for one deployment
CALM_SECONDS = 0.1  # between two looks for replicas in rotation
EAGER_SECONDS = 0.02  # while one is expected there
EXPECTING_SECONDS = 3.0
AGAIN_SECONDS = 0.5  # after a question that got no answer
ASK_SECONDS = 1.0  # a wake is asked for so often: somebody may have sent the deployment back to sleep meanwhile
WAKES_AT_ONCE = 4
PATH = re.compile(r"/hold/([0-9a-f]{32})")
LONGEST_MS = 300_000

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Turn = asyncio.Future[bool]  # whether to go on


class Activator:
    def __init__(self, *, wake: Callable[[str], bool], serving: Callable[[], Collection[str]]) -> None:
        """Both are called in a thread, and may raise. `wake` asks for replicas of a deployment (32 hex), does nothing
        where that was asked already, and is False where there is no such deployment; `serving` names the deployments
        with a replica in rotation."""
        self._wake = wake
        self._serving = serving
        self._lines: dict[str, deque[Turn]] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._watching: asyncio.Task[None] | None = None
        self._expecting_until = 0.0
        # Threads of their own: wakes that wait for a database must not keep those from going on who may.
        self._for_serving, self._for_wakes = ThreadPoolExecutor(1), ThreadPoolExecutor(WAKES_AT_ONCE)

    def expect(self) -> None:
        """A replica has changed: it may come into rotation in a moment. From any thread."""
        self._expecting_until = time.monotonic() + EXPECTING_SECONDS

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        found = PATH.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if found is None:
            await answer(send, 404, 0)
            return
        began = asyncio.get_running_loop().time()
        released = await self._hold(found[1], wait_seconds(scope), receive)
        await answer(send, 200 if released else 503, asyncio.get_running_loop().time() - began)

    async def _hold(self, deployment: str, seconds: float, receive: Receive) -> bool:
        if len(self._lines.get(deployment, ())) >= ROOM:
            return False
        turn = self._stand_in_line(deployment)
        gone = asyncio.create_task(departure(receive))
        try:
            await asyncio.wait((turn, gone), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            self._leave(deployment, turn)
        return turn.done() and turn.result()

    def _stand_in_line(self, deployment: str) -> Turn:
        turn: Turn = asyncio.get_running_loop().create_future()
        if deployment not in self._lines:
            self._lines[deployment] = deque()
            before = self._asking.get(deployment)
            if before is not None:
                before.cancel()
            self._asking[deployment] = asyncio.create_task(self._ask(deployment))
        self._lines[deployment].append(turn)
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch())
        return turn

    def _leave(self, deployment: str, turn: Turn) -> None:
        line = self._lines.get(deployment)
        if turn.done() or line is None:
            return
        line.remove(turn)
        if not line:
            del self._lines[deployment]

    async def _ask(self, deployment: str) -> None:
        """For a wake, for as long as somebody waits."""
        while deployment in self._lines:
            try:
                present = await in_thread(self._for_wakes, self._wake, deployment)
            except Exception as error:  # the database may be down for a moment; those who wait bound the wait
                logger.warning("Waking %s: %s", deployment, error)
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            if not present:
                self._release(deployment, go_on=False)
                break
            await asyncio.sleep(ASK_SECONDS)
        del self._asking[deployment]

    async def _watch(self) -> None:
        """One look for all lines, again and again while there is one."""
        while self._lines:
            asked_for = list(self._lines)  # of those who come meanwhile, the answer says nothing
            try:
                serving = await in_thread(self._for_serving, self._serving)
            except Exception as error:
                logger.warning("Looking for replicas: %s", error)
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            for deployment in asked_for:
                if deployment in serving:
                    self._release(deployment, go_on=True)
            await asyncio.sleep(EAGER_SECONDS if time.monotonic() < self._expecting_until else CALM_SECONDS)

    def _release(self, deployment: str, *, go_on: bool) -> None:
        for turn in self._lines.pop(deployment, ()):
            if not turn.done():
                turn.set_result(go_on)


async def in_thread(threads: Executor, call: Callable[..., Any], *arguments: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(threads, call, *arguments)


async def departure(receive: Receive) -> None:
    """Returns when the caller has gone away."""
    while (await receive())["type"] != "http.disconnect":
        pass


def wait_seconds(scope: dict[str, Any]) -> float:
    given = parse_qs(scope["query_string"].decode("latin-1")).get("wait_ms", [""])[0]
    milliseconds = int(given) if given.isascii() and given.isdigit() else 0
    return min(milliseconds, LONGEST_MS) / 1000


async def answer(send: Send, status: int, waited: float) -> None:
    headers = [(b"content-length", b"0"), (b"x-waited-ms", str(int(waited * 1000)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
