"""The ASGI application: routes, ids and errors. It hands bodies to the pool and reads none of them."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from . import openapi
from .errors import ScoringError
from .metrics import CONTENT_TYPE, Metrics
from .options import Options
from .pool import Pool
from .workers import Job

_CLIENT_GONE = 499  # nginx's word for it; nobody reads the answer, the metrics do
_LONGEST_ID = 128
_CORRELATION = (b"x-ms-request-id", b"x-ms-client-request-id")

Receive = Callable[[], Awaitable["dict[str, Any]"]]
Send = Callable[["dict[str, Any]"], Awaitable[None]]


class Response(NamedTuple):
    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()
    model_ms: float | None = None


class Call:
    """One HTTP request."""

    __slots__ = ("headers", "id", "path", "query", "receive")

    def __init__(self, scope: dict[str, Any], receive: Receive) -> None:
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.path: str = scope["path"]
        self.query: bytes = scope["query_string"]
        self.receive = receive
        self.id = self.headers.get(b"x-request-id", b"").decode("latin-1")[:_LONGEST_ID] or os.urandom(16).hex()


class Application:
    def __init__(self, options: Options, pool: Pool, metrics: Metrics) -> None:
        self._options = options
        self._pool = pool
        self._metrics = metrics
        self._routes: dict[str, tuple[str, Callable[[Call], Awaitable[Response]]]] = {
            "/score": ("POST", self._score),
            "/invocations": ("POST", self._score),
            "/": ("GET", self._alive),
            "/live": ("GET", self._alive),
            "/ready": ("GET", self._ready),
            "/swagger.json": ("GET", self._swagger),
            "/metrics": ("GET", self._show_metrics),
        }

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        call = Call(scope, receive)
        try:
            response = await self._respond(scope["method"], call)
        except ScoringError as error:
            response = _error_response(error)
        route = call.path if call.path in self._routes else "other"
        self._metrics.observe(route, response.status, time.perf_counter() - started, response.model_ms)
        await send({"type": "http.response.start", "status": response.status, "headers": _headers(call, response)})
        await send({"type": "http.response.body", "body": response.body})

    async def _respond(self, method: str, call: Call) -> Response:
        route = self._routes.get(call.path)
        if route is None:
            raise ScoringError(404, "NotFound", f"There is nothing at {call.path}; POST to /score.")
        allowed, handler = route
        if method != allowed and not (method == "HEAD" and allowed == "GET"):
            response = _error_response(ScoringError(405, "MethodNotAllowed", f"Use {allowed} on {call.path}."))
            return response._replace(headers=((b"allow", allowed.encode()),))
        return await handler(call)

    async def _score(self, call: Call) -> Response:
        self._pool.check_room()
        body = await self._body(call)
        if body is None:
            return Response(_CLIENT_GONE, b"")
        content_type = call.headers.get(b"content-type", b"").decode("latin-1")
        job = self._pool.submit({"id": call.id, "path": call.path, "type": content_type}, body)
        watcher = asyncio.ensure_future(self._drop_when_gone(call, job)) if self._pool.is_queued(job) else None
        try:
            reply = await job.reply
        except asyncio.CancelledError:
            if watcher is None or not watcher.done():
                raise
            return Response(_CLIENT_GONE, b"")
        except ScoringError as error:
            return _error_response(error)._replace(model_ms=job.model_ms)
        finally:
            self._pool.drop(job)
            if watcher is not None:
                watcher.cancel()
        return Response(200, reply.body, reply.content_type, model_ms=reply.model_ms)

    async def _body(self, call: Call) -> bytes | None:
        """The whole body, or None when the client went away before its end. Raises ScoringError (413)."""
        announced = call.headers.get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > self._options.max_request_bytes:
            raise self._too_large()
        message = await call.receive()
        if message["type"] == "http.request" and not message.get("more_body"):
            body: bytes = message["body"]
            if len(body) > self._options.max_request_bytes:
                raise self._too_large()
            return body
        return await self._rest_of_body(call, message)

    async def _rest_of_body(self, call: Call, message: dict[str, Any]) -> bytes | None:
        pieces = bytearray()
        while message["type"] == "http.request":
            pieces += message["body"]
            if len(pieces) > self._options.max_request_bytes:
                raise self._too_large()
            if not message.get("more_body"):
                return bytes(pieces)
            message = await call.receive()
        return None

    def _too_large(self) -> ScoringError:
        limit = self._options.max_request_bytes
        return ScoringError(413, "RequestTooLarge", f"The body is larger than {limit} bytes (max_request_bytes).")

    async def _drop_when_gone(self, call: Call, job: Job) -> None:
        while (await call.receive())["type"] != "http.disconnect":
            pass
        self._pool.drop(job)

    async def _alive(self, call: Call) -> Response:
        return Response(200, b"Healthy", "text/plain; charset=utf-8")

    async def _ready(self, call: Call) -> Response:
        if not self._pool.ready:
            raise ScoringError(503, "NotReady", "No worker has loaded the model yet.", retry_after=1)
        return _json_response({"status": "ready", "workers": self._pool.ready})

    async def _swagger(self, call: Call) -> Response:
        version = parse_qs(call.query.decode("latin-1")).get("version", ["2"])[0]
        if version not in ("2", "3"):
            raise ScoringError(404, "NotFound", "version must be 2 or 3.")
        if not self._pool.was_ready:
            raise ScoringError(503, "NotReady", "The model is still loading.", retry_after=1)
        original = call.headers.get(b"x-envoy-original-path", b"").decode("latin-1").partition("?")[0]
        base_path = original[: -len("/swagger.json")] if original.endswith("/swagger.json") else ""
        title = os.environ.get("SERVICE_NAME", "Scoring service")
        return _json_response(openapi.document(int(version), self._pool.description, title, base_path))

    async def _show_metrics(self, call: Call) -> Response:
        gauges = {
            "studio_requests_running": self._pool.running,
            "studio_requests_queued": self._pool.queued,
            "studio_workers_ready": self._pool.ready,
            "studio_workers_wanted": self._options.workers,
        }
        text = self._metrics.render(gauges, self._pool.restarts)
        return Response(200, text.encode(), CONTENT_TYPE)


def _headers(call: Call, response: Response) -> list[tuple[bytes, bytes]]:
    headers = [
        (b"content-type", response.content_type.encode()),
        (b"content-length", b"%d" % len(response.body)),
        (b"x-request-id", call.id.encode("latin-1")),
        *response.headers,
    ]
    if response.model_ms is not None:
        milliseconds = b"%.3f" % response.model_ms
        headers += [(b"x-studio-model-ms", milliseconds), (b"x-ms-run-fn-exec-ms", milliseconds)]
    for name in _CORRELATION:
        if name in call.headers:
            headers.append((name, call.headers[name][:_LONGEST_ID]))
    return headers


def _error_response(error: ScoringError) -> Response:
    response = _json_response({"error": {"code": error.code, "message": error.message}}, error.status)
    if not error.retry_after:
        return response
    return response._replace(headers=((b"retry-after", b"%d" % error.retry_after),))


def _json_response(content: dict[str, Any], status: int = 200) -> Response:
    return Response(status, json.dumps(content, ensure_ascii=False).encode())
