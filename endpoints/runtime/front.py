"""The front process: takes requests, keeps workers, and ends well. `starting` began it."""

from __future__ import annotations

import asyncio
import contextlib
import math
import signal
import socket
from collections.abc import Generator, Iterable

import uvicorn

from . import log
from .app import Application
from .errors import LoadError
from .listening import address
from .metrics import Metrics
from .options import Options
from .pool import Pool
from .spawning import Spawned
from .worker import LOAD_FAILED

_BACKLOG = 2048
_KEEP_ALIVE_SECONDS = 3900  # longer than a gateway keeps an idle connection: it must be the one that closes
_LAST_ANSWERS_SECONDS = 2  # to send what the drain's end made of the requests that were left


def serve(options: Options, listener: socket.socket, first: Iterable[Spawned] = ()) -> int:
    """The exit status: 0 after SIGTERM, 3 when the model cannot be loaded. `first`: workers that load it already."""
    return _new_loop().run_until_complete(_serve(options, listener, first))


class Server(uvicorn.Server):
    """uvicorn's, but SIGTERM ends it with status 0, and what outlasts the drain gets a proper answer."""

    def __init__(self, config: uvicorn.Config, pool: Pool, drain_seconds: float) -> None:
        super().__init__(config)
        self._pool = pool
        self._drain_seconds = drain_seconds

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop, number)
        yield

    def _stop(self, number: int) -> None:
        log.info(f"draining: {self._pool.running} running, {self._pool.queued} queued")
        asyncio.get_running_loop().call_later(self._drain_seconds, self._pool.abandon)
        self.handle_exit(number, None)


async def _serve(options: Options, listener: socket.socket, first: Iterable[Spawned]) -> int:
    failures: list[LoadError] = []

    def give_up(error: LoadError) -> None:
        failures.append(error)
        server.should_exit = server.force_exit = True

    pool = Pool(options, on_fatal=give_up)
    config = _config(options, Application(options, pool, Metrics()))
    server = Server(config, pool, options.drain_seconds)
    log.info(f"listening on {address(options, listener)}")
    pool.start(first)
    await server.serve(sockets=[listener])
    await pool.stop()
    if failures:
        log.fatal(failures[0].code, failures[0].message)
        return LOAD_FAILED
    log.info("stopped")
    return 0


def _config(options: Options, application: Application) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=math.ceil(options.drain_seconds) + _LAST_ANSWERS_SECONDS,
    )


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop

        loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    except ImportError:
        loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    return loop
