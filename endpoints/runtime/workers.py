"""The front's side of one worker process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple, cast

from . import cancelling, frames, log
from .errors import INIT_FAILED, LoadError, ScoringError
from .options import Options
from .pieces import Pieces
from .spawning import Spawned

_LAST_WORDS_SECONDS = 1.0  # for what a dead worker has sent to arrive
_EXIT_SECONDS = 5.0  # for exit handlers, once it serves no more
_CANCEL_SECONDS = 2.0  # for run() to end, once nobody waits for it


class Reply(NamedTuple):
    body: bytes
    content_type: str
    model_ms: float  # spent in run(), in milliseconds
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    pieces: Pieces | None = None  # instead of the body


class Job:
    """One request on its way through the pool. `reply` gets a Reply, or a ScoringError."""

    __slots__ = ("body", "dropped", "expiry", "head", "model_ms", "pieces", "reply")

    def __init__(self, head: dict[str, Any], body: bytes, reply: asyncio.Future[Reply]) -> None:
        self.head = head
        self.body = body
        self.reply = reply
        self.expiry: asyncio.TimerHandle | None = None
        self.model_ms: float | None = None
        self.pieces: Pieces | None = None  # of an answer that is streamed
        self.dropped = False

    def fail(self, error: ScoringError) -> None:
        if self.pieces is not None:
            self.pieces.end(error)
        elif not self.reply.done():
            self.reply.set_exception(error)

    def drop(self) -> None:
        """Nobody waits for it any more."""
        self.dropped = True
        self.reply.cancel()
        if self.pieces is not None:
            self.pieces.abandon()


class Ending(NamedTuple):
    """How a worker's life went."""

    loaded: bool
    served: int
    timed_out: bool
    error: LoadError  # meaningful when it was never loaded
    cause: str  # "status 1" or "signal SIGSEGV"


class Worker(asyncio.Protocol):
    """Let it `attend` a process, then give it one job at a time; `on_idle` is called when it can take the next."""

    def __init__(self, options: Options, on_idle: Callable[[Worker], None]) -> None:
        self._options = options
        self._on_idle = on_idle
        self._parser = frames.Parser()
        self._closed = asyncio.get_running_loop().create_future()
        self._deadline: asyncio.TimerHandle | None = None
        self._load_error: LoadError | None = None
        self._dying = False
        self._gone = False  # reaped: its pid may be another's by now
        self._timed_out = False
        self._served = 0
        self._started_at = 0.0
        self._transport: asyncio.Transport | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._exit: asyncio.Future[int] | None = None
        self.job: Job | None = None
        self.loaded = False
        self.description: dict[str, Any] = {}

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    @property
    def alive(self) -> bool:
        return not (self._dying or self._closed.done())

    async def attend(self, spawned: Spawned) -> None:
        self._process, self._started_at = spawned.process, spawned.at
        self._exit = _exit_of(spawned.process)
        spawned.connection.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.create_unix_connection(lambda: self, sock=spawned.connection)

    def run(self, job: Job) -> None:
        assert self._transport is not None
        self.job = job
        self._transport.write(frames.encode(job.head, job.body))
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(self._options.request_timeout, self._time_out)

    def cancel(self) -> None:
        """End the run() of its job, and keep the model. One that does not end in time is replaced."""
        if not self.alive or self._process is None or self._gone or self._deadline is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(self._process.pid, cancelling.SIGNAL)
        loop = asyncio.get_running_loop()
        if self._deadline.when() > loop.time() + _CANCEL_SECONDS:
            self._deadline.cancel()
            self._deadline = loop.call_later(_CANCEL_SECONDS, self._time_out)

    async def finished(self) -> Ending:
        """Wait for the process to end; its job, if it has one, fails."""
        assert self._exit is not None
        status = await asyncio.shield(self._exit)
        self.kill()  # the group: a child of its own may hold the socket open
        self._gone = True
        await asyncio.wait([self._closed], timeout=_LAST_WORDS_SECONDS)
        cause = _cause(status)
        self._fail_job(cause)
        error = self._load_error or LoadError(INIT_FAILED, f"the worker died while it loaded ({cause})")
        return Ending(self.loaded, self._served, self._timed_out, error, cause)

    async def stop(self) -> None:
        """Let it go through its exit handlers, then kill it."""
        if self._exit is None or self._gone:
            return
        self._dying = True
        if self._transport is not None:
            self._transport.close()
        if self.loaded and self.job is None:
            await asyncio.wait([self._exit], timeout=_EXIT_SECONDS)
        self.kill()
        await asyncio.shield(self._exit)

    def kill(self) -> None:
        self._dying = True
        if self._process is not None and not self._gone:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one, but not a subclass

    def data_received(self, data: bytes) -> None:
        for frame in self._parser.feed(data):
            self._received(frame)

    def connection_lost(self, exc: Exception | None) -> None:
        """It died or is about to exit: either way it can do no more."""
        self._dying = True
        asyncio.get_running_loop().call_later(_EXIT_SECONDS, self.kill)
        if not self._closed.done():
            self._closed.set_result(None)

    def _received(self, frame: frames.Frame) -> None:
        kind = frame.head["kind"]
        if kind == "failed":
            self._load_error = LoadError(frame.head["code"], frame.head["message"])
            return
        if kind == "ready":
            self.loaded = True
            log.info(f"ready: pid {self.pid} loaded the model in {time.monotonic() - self._started_at:.2f} s")
            self.description = json.loads(frame.body)
        elif kind in ("begin", "piece"):
            self._stream(frame)
            return
        else:
            self._finish_job(frame)
        if self.alive:
            self._on_idle(self)

    def _stream(self, frame: frames.Frame) -> None:
        """A piece of an answer whose end is not there yet."""
        job, head = self.job, frame.head
        if job is None:
            return
        if head["kind"] == "begin" and not job.reply.done():
            assert self._transport is not None
            job.pieces = Pieces(self._transport)
            headers = tuple((name, value) for name, value in head["headers"])
            job.reply.set_result(Reply(b"", head["type"], 0.0, head["status"], headers, job.pieces))
        if job.pieces is not None:
            job.pieces.put(frame.body)

    def _finish_job(self, frame: frames.Frame) -> None:
        job, self.job = self.job, None
        if self._deadline is not None:
            self._deadline.cancel()
        self._served += 1
        if job is None:
            return
        head = frame.head
        job.model_ms = head["ms"]
        if job.pieces is not None and head["kind"] == "end":
            job.pieces.end()
        elif job.pieces is None and job.reply.done():
            return
        elif head["kind"] == "result":
            job.reply.set_result(
                Reply(frame.body, head["type"], head["ms"], head.get("status", 200), tuple(head.get("headers", ())))
            )
        else:
            job.fail(ScoringError(head["status"], head["code"], head["message"]))

    def _time_out(self) -> None:
        job = self.job
        if job is None:
            return
        self._timed_out = True
        took = f"took longer than {self._options.request_timeout * 1000:.0f} ms"
        if job.dropped:
            took = f"did not end within {_CANCEL_SECONDS:.0f} s, though its caller went away"
        log.error(f"run() {took}; its worker is replaced", request_id=job.head["id"])
        job.fail(timed_out(self._options))
        self.kill()

    def _fail_job(self, cause: str) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        job, self.job = self.job, None
        if job is None or self._timed_out:
            return
        log.error(f"the worker died in run() ({cause})", request_id=job.head["id"])
        message = f"The worker process died while it ran this request ({cause}). It is being replaced."
        job.fail(ScoringError(502, "WorkerCrashed", message))


def _exit_of(process: subprocess.Popen[bytes]) -> asyncio.Future[int]:
    """Its exit status once it has ended. By a thread: the process may be older than the loop."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[int] = loop.create_future()

    def wait() -> None:
        status = process.wait()
        with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody waits
            loop.call_soon_threadsafe(ended.set_result, status)

    threading.Thread(target=wait, daemon=True).start()
    return ended


def timed_out(options: Options) -> ScoringError:
    message = f"The request took longer than {options.request_timeout * 1000:.0f} ms (request_timeout_ms)."
    return ScoringError(408, "RequestTimeout", message)


def _cause(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    try:
        name = signal.Signals(-status).name
        return f"signal {name}; out of memory?" if name == "SIGKILL" else f"signal {name}"
    except ValueError:
        return f"signal {-status}"
