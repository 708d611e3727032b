"""A bounded load generator for HTTP/1.1: unix sockets and TCP, keep-alive, one request at a time per connection."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

import httptools

_PAUSE_AFTER_REFUSAL = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadResult:
    """What a run measured. Latencies are of all requests that got an answer, whatever its status."""

    requests: int  # sent and finished, one way or the other
    seconds: float
    rps: float  # answers per second
    p50_ms: float
    p99_ms: float
    failures: int  # no answer, or a status that is not 2xx
    statuses: Mapping[int, int]
    errors: Mapping[str, int]  # requests without an answer, by what happened


async def load(
    target: str,
    *,
    path: str = "/",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    method: str | None = None,
    concurrency: int = 1,
    requests: int | None = None,
    seconds: float | None = None,
    timeout: float = 30.0,
) -> LoadResult:
    """Send `requests` requests, or send for `seconds`, whichever ends first; give at least one of them.

    `target` is "unix:/path/to.sock" or "http://host:port". A request on a connection that the server closes
    before answering is a failure: nothing is sent twice.
    """
    if requests is None and seconds is None:
        raise ValueError("a load has an end: give requests, seconds or both")
    message = _message(method or ("GET" if body is None else "POST"), path, body, headers or {})
    run = _Run(target, message, requests=requests, seconds=seconds, timeout=timeout)
    await asyncio.gather(*(run.keep_one_busy() for _ in range(concurrency)))
    return run.result()


def _message(method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> bytes:
    lines = [f"{method} {path} HTTP/1.1"]
    given = {name.lower() for name in headers}
    if "host" not in given:
        lines.append("host: localhost")
    if body is not None:
        lines.append(f"content-length: {len(body)}")
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


class _Run:
    """What all connections of one load share."""

    def __init__(
        self, target: str, message: bytes, *, requests: int | None, seconds: float | None, timeout: float
    ) -> None:
        self.message = message
        self._target = target
        self._timeout = timeout
        self._left = requests
        self._started = time.perf_counter()
        self._end = None if seconds is None else self._started + seconds
        self._latencies: list[float] = []
        self._statuses: Counter[int] = Counter()
        self._errors: Counter[str] = Counter()

    def take(self) -> bool:
        """Whether one more request may be sent."""
        if self._end is not None and time.perf_counter() >= self._end:
            return False
        if self._left is None:
            return True
        self._left -= 1
        return self._left >= 0

    def answered(self, status: int, latency: float) -> None:
        self._statuses[status] += 1
        self._latencies.append(latency)

    def failed(self, reason: str) -> None:
        self._errors[reason] += 1

    async def keep_one_busy(self) -> None:
        """One connection, and another when the server closes it, until there is nothing left to send."""
        while self.take():
            try:
                connection = await self._connect()
            except OSError as error:
                self.failed(type(error).__name__)
                await asyncio.sleep(_PAUSE_AFTER_REFUSAL)
                continue
            connection.send()
            await self._watch(connection)

    async def _watch(self, connection: "_Connection") -> None:
        while not connection.closed.done():
            await asyncio.wait([connection.closed], timeout=min(1.0, self._timeout))
            if time.perf_counter() - connection.sent_at > self._timeout:
                connection.give_up("Timeout")

    async def _connect(self) -> "_Connection":
        loop = asyncio.get_running_loop()
        if self._target.startswith("unix:"):
            opening = loop.create_unix_connection(partial(_Connection, self), self._target.removeprefix("unix:"))
        else:
            address = urlsplit(self._target)
            opening = loop.create_connection(partial(_Connection, self), address.hostname or "", address.port or 80)
        _, connection = await opening
        return connection

    def result(self) -> LoadResult:
        seconds = time.perf_counter() - self._started
        answers = len(self._latencies)
        unanswered = sum(self._errors.values())
        refused = sum(count for status, count in self._statuses.items() if not 200 <= status < 300)
        ordered = sorted(self._latencies)
        return LoadResult(
            requests=answers + unanswered,
            seconds=seconds,
            rps=answers / seconds,
            p50_ms=_percentile(ordered, 0.50) * 1000,
            p99_ms=_percentile(ordered, 0.99) * 1000,
            failures=refused + unanswered,
            statuses=dict(self._statuses),
            errors=dict(self._errors),
        )


class _Connection(asyncio.Protocol):
    def __init__(self, run: _Run) -> None:
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sent_at = 0.0
        self._run = run
        self._waiting = False
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None

    def send(self) -> None:
        assert self._transport is not None
        self._waiting = True
        self.sent_at = time.perf_counter()
        self._transport.write(self._run.message)

    def give_up(self, reason: str) -> None:
        if self._waiting:
            self._waiting = False
            self._run.failed(reason)
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # uvloop's is no subclass of asyncio's

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.give_up("BadResponse")

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            return
        self._waiting = False
        self._run.answered(status, time.perf_counter() - self.sent_at)
        if self._parser.should_keep_alive() and self._run.take():
            self.send()
        else:
            self._close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting:
            self._waiting = False
            self._run.failed(type(exc).__name__ if exc else "ConnectionClosed")
        with contextlib.suppress(asyncio.InvalidStateError):
            self.closed.set_result(None)

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def _percentile(ordered: list[float], share: float) -> float:
    """The nearest-rank percentile; 0 when there is nothing."""
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
