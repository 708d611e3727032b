"""The ASGI application: routes, ids and errors. It hands bodies to the pool and reads none of them."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from . import inference_protocol, log, openapi
from .departures import Departure
from .errors import ScoringError
from .metrics import CONTENT_TYPE, Metrics
from .options import Options
from .pool import Pool
from .workers import Job

_CLIENT_GONE = 499  # nginx's word for it; nobody reads the answer, the metrics do
_LONGEST_ID = 128
_KEPT_BACK = (b"authorization", b"cookie")  # what opens the endpoint is none of the model's business
_CORRELATION = (b"x-ms-request-id", b"x-ms-client-request-id")

Receive = Callable[[], Awaitable["dict[str, Any]"]]
Send = Callable[["dict[str, Any]"], Awaitable[None]]


class Response(NamedTuple):
    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()  # lower case
    model_ms: float | None = None
    stream: AsyncIterator[bytes] | None = None  # instead of the body


class Call:
    """One HTTP request."""

    __slots__ = ("content_type", "headers", "id", "method", "path", "query", "receive")

    def __init__(self, scope: dict[str, Any], receive: Receive) -> None:
        self.method: str = scope["method"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.path: str = scope["path"]
        self.query: bytes = scope["query_string"]
        self.content_type = self.headers.get(b"content-type", b"").decode("latin-1")
        self.receive = receive
        self.id = self.headers.get(b"x-request-id", b"").decode("latin-1")[:_LONGEST_ID] or os.urandom(16).hex()


class Application:
    def __init__(self, options: Options, pool: Pool, metrics: Metrics) -> None:
        self._options = options
        self._pool = pool
        self._metrics = metrics
        model = f"/v2/models/{options.service_name}"
        self._routes: dict[str, tuple[str, Callable[[Call], Awaitable[Response]]]] = {
            "/score": ("POST", self._score),
            "/invocations": ("POST", self._score),
            "/": ("GET", self._alive),
            "/live": ("GET", self._alive),
            "/ready": ("GET", self._ready),
            "/swagger.json": ("GET", self._swagger),
            "/metrics": ("GET", self._show_metrics),
            "/v2": ("GET", self._describe_server),
            "/v2/health/live": ("GET", self._alive_2),
            "/v2/health/ready": ("GET", self._ready_2),
            model: ("GET", self._describe_model),
            f"{model}/ready": ("GET", self._ready_2),
            f"{model}/infer": ("POST", self._infer),
        }

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        call = Call(scope, receive)
        try:
            response = await self._respond(call)
        except ScoringError as error:
            response = _error_response(error, call)
        route = call.path if call.path in self._routes else "other"
        if response.stream is not None:
            await _send_stream(call, response, send)
        self._metrics.observe(route, response.status, time.perf_counter() - started, response.model_ms)
        if response.stream is None:
            await send({"type": "http.response.start", "status": response.status, "headers": _headers(call, response)})
            await send({"type": "http.response.body", "body": response.body})

    async def _respond(self, call: Call) -> Response:
        route = self._routes.get(call.path)
        if route is None:
            raise ScoringError(404, "NotFound", self._elsewhere(call.path))
        allowed, handler = route
        methods = self._pool.description.get("methods", ["POST"]) if call.path == "/score" else [allowed]
        if call.method not in methods and not (call.method == "HEAD" and allowed == "GET"):
            message = f"Use {' or '.join(methods)} on {call.path}."
            response = _error_response(ScoringError(405, "MethodNotAllowed", message), call)
            return response._replace(headers=((b"allow", ", ".join(methods).encode()),))
        return await handler(call)

    def _elsewhere(self, path: str) -> str:
        if path.startswith("/v2/models/"):
            return f"There is nothing at {path}. The model is called {self._options.service_name}; it has one version."
        return f"There is nothing at {path}; POST to /score."

    async def _score(self, call: Call) -> Response:
        return await self._ask(call, {"id": call.id, "path": call.path, "type": call.content_type, **self._http(call)})

    def _http(self, call: Call) -> dict[str, Any]:
        """What a worker is told of the request besides its body: no more than it needs."""
        told: dict[str, Any] = (
            {"method": call.method, "query": call.query.decode("latin-1")}
            if (call.method != "POST" or self._pool.description.get("http"))
            else {}
        )
        if self._pool.description.get("http"):
            kept = ((name, value) for name, value in call.headers.items() if name not in _KEPT_BACK)
            told["headers"] = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in kept]
        return told

    async def _infer(self, call: Call) -> Response:
        length = call.headers.get(inference_protocol.JSON_LENGTH.encode(), b"")
        if length and not length.isdigit():
            raise ScoringError(400, "BadArgument", f"{inference_protocol.JSON_LENGTH} must be a whole number.")
        if call.headers.get(b"content-encoding", b"identity") != b"identity":
            raise ScoringError(415, "UnsupportedMediaType", "Compressed requests are not read; send the body as it is.")
        head = {"id": call.id, "path": inference_protocol.INFER, "type": call.content_type}
        return await self._ask(call, {**head, **({"json_length": int(length)} if length else {})})

    async def _ask(self, call: Call, head: dict[str, Any]) -> Response:
        """One worker's answer to the call's body."""
        self._pool.check_room()
        body = await self._body(call)
        if body is None:
            return Response(_CLIENT_GONE, b"")
        job = self._pool.submit(head, body)
        departure = Departure(call.receive, self._pool, job)
        departure.start()
        streamed = False
        try:
            reply = await job.reply
            streamed = reply.pieces is not None
        except asyncio.CancelledError:
            if not departure.happened:
                raise
            return Response(_CLIENT_GONE, b"")
        except ScoringError as error:
            return _error_response(error, call)._replace(model_ms=job.model_ms)
        finally:
            if not streamed:
                departure.stop()
                self._pool.drop(job)
        headers = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers)
        if streamed:
            return Response(reply.status, b"", reply.content_type, headers, stream=self._rest(job, departure))
        return Response(reply.status, reply.body, reply.content_type, headers, reply.model_ms)

    async def _rest(self, job: Job, departure: Departure) -> AsyncIterator[bytes]:
        """The pieces of a streamed answer. Raises ScoringError when it breaks off."""
        assert job.pieces is not None
        try:
            async for piece in job.pieces:
                yield piece
        finally:
            departure.stop()
            self._pool.drop(job)

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

    async def _alive(self, call: Call) -> Response:
        return Response(200, b"Healthy", "text/plain; charset=utf-8")

    async def _ready(self, call: Call) -> Response:
        if not self._pool.ready:
            raise ScoringError(503, "NotReady", "No worker has loaded the model yet.", retry_after=1)
        return _json_response({"status": "ready", "workers": self._pool.ready})

    async def _alive_2(self, call: Call) -> Response:
        return _json_response({"live": True})

    async def _ready_2(self, call: Call) -> Response:
        await self._ready(call)
        return _json_response({"name": self._options.service_name, "ready": True})

    async def _describe_server(self, call: Call) -> Response:
        return _json_response(inference_protocol.server_metadata())

    async def _describe_model(self, call: Call) -> Response:
        self._check_loaded()
        return _json_response(inference_protocol.model_metadata(self._options.service_name, self._pool.description))

    def _check_loaded(self) -> None:
        if not self._pool.was_ready:
            raise ScoringError(503, "NotReady", "The model is still loading.", retry_after=1)

    async def _swagger(self, call: Call) -> Response:
        asked = parse_qs(call.query.decode("latin-1")).get("version", ["2"])[0]
        version = openapi.ALIASES.get(asked)
        if version is None:
            raise ScoringError(404, "NotFound", f"version must be one of {', '.join(openapi.ALIASES)}.")
        self._check_loaded()
        original = call.headers.get(b"x-envoy-original-path", b"").decode("latin-1").partition("?")[0]
        base_path = original[: -len("/swagger.json")] if original.endswith("/swagger.json") else ""
        return _json_response(openapi.document(version, self._pool.description, self._options.service_name, base_path))

    async def _show_metrics(self, call: Call) -> Response:
        gauges = {
            "studio_requests_running": self._pool.running,
            "studio_requests_queued": self._pool.queued,
            "studio_workers_ready": self._pool.ready,
            "studio_workers_wanted": self._options.workers,
        }
        text = self._metrics.render(gauges, self._pool.restarts)
        return Response(200, text.encode(), CONTENT_TYPE)


async def _send_stream(call: Call, response: Response, send: Send) -> None:
    """Each piece as it comes. One that breaks off is left without its end, so that nobody takes it for whole."""
    assert response.stream is not None
    await send({"type": "http.response.start", "status": response.status, "headers": _headers(call, response)})
    try:
        async for piece in response.stream:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    except ScoringError as error:
        log.error(f"the answer broke off: {error.message}", request_id=call.id)
        return
    await send({"type": "http.response.body", "body": b""})


def _headers(call: Call, response: Response) -> list[tuple[bytes, bytes]]:
    """What the model's answer says of these itself stays."""
    length = [(b"content-length", b"%d" % len(response.body))] if response.stream is None else []
    headers = [
        *length,
        (b"x-request-id", call.id.encode("latin-1")),
        *response.headers,
    ]
    said = {name for name, _ in response.headers}
    if response.content_type:
        headers.append((b"content-type", response.content_type.encode("latin-1")))
    if response.model_ms is not None:
        milliseconds = b"%.3f" % response.model_ms
        headers.append((b"x-studio-model-ms", milliseconds))
        headers += [(name, milliseconds) for name in (b"x-ms-run-fn-exec-ms",) if name not in said]
    for name in _CORRELATION:
        if name in call.headers and name not in said:
            headers.append((name, call.headers[name][:_LONGEST_ID]))
    return headers


def _error_response(error: ScoringError, call: Call) -> Response:
    """The Open Inference Protocol has a text where everybody else gets code and message."""
    told = error.message if call.path.startswith("/v2") else {"code": error.code, "message": error.message}
    response = _json_response({"error": told}, error.status)
    if not error.retry_after:
        return response
    return response._replace(headers=((b"retry-after", b"%d" % error.retry_after),))


def _json_response(content: dict[str, Any], status: int = 200) -> Response:
    return Response(status, json.dumps(content, ensure_ascii=False).encode())
