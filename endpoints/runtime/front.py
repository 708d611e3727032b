"""The front process: takes requests, keeps workers, and ends well."""

from __future__ import annotations

import asyncio
import contextlib
import math
import signal
import socket
from collections.abc import Generator
from pathlib import Path

import uvicorn

from . import log
from .app import Application
from .errors import LoadError
from .metrics import Metrics
from .options import Options, parse
from .pool import Pool
from .worker import LOAD_FAILED

_BACKLOG = 2048
_KEEP_ALIVE_SECONDS = 3900  # longer than a gateway keeps an idle connection: it must be the one that closes
_LAST_ANSWERS_SECONDS = 2  # to send what the drain's end made of the requests that were left
_SOCKET_MODE = 0o660


def main(arguments: list[str]) -> int:
    """The exit status: 0 after SIGTERM, 1 when it cannot listen, 3 when the model cannot be loaded."""
    options = parse(arguments)
    try:
        listener = _listen(options)
    except OSError as error:
        log.error(f"cannot listen on {options.socket or f'{options.host}:{options.port}'}: {error}")
        return 1
    inode = _inode(options.socket)
    try:
        return _new_loop().run_until_complete(_serve(options, listener))
    finally:
        if options.socket and _inode(options.socket) == inode:
            Path(options.socket).unlink()


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


async def _serve(options: Options, listener: socket.socket) -> int:
    failures: list[LoadError] = []

    def give_up(error: LoadError) -> None:
        failures.append(error)
        server.should_exit = server.force_exit = True

    pool = Pool(options, on_fatal=give_up)
    config = _config(options, Application(options, pool, Metrics()))
    server = Server(config, pool, options.drain_seconds)
    log.info(f"listening on {_address(options, listener)}")
    pool.start()
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


def _listen(options: Options) -> socket.socket:
    if options.socket:
        return _listen_on_path(options.socket)
    listener = socket.socket(socket.AF_INET6 if ":" in options.host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((options.host, options.port))
    return listener


def _listen_on_path(path: str) -> socket.socket:
    """A socket that a killed server left is replaced; one that answers is not."""
    if Path(path).is_socket():
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(path) == 0:
                raise OSError("another server answers there")
        Path(path).unlink()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    Path(path).chmod(_SOCKET_MODE)
    return listener


def _address(options: Options, listener: socket.socket) -> str:
    if options.socket:
        return f"unix:{options.socket}"
    return f"http://{options.host}:{listener.getsockname()[1]}"


def _inode(path: str) -> int:
    try:
        return Path(path).stat().st_ino if path else 0
    except OSError:
        return 0


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop

        loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    except ImportError:
        loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    return loop
