"""A test call whose answer is passed on as it comes."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

import httpx
from asgiref.sync import sync_to_async

from endpoints.domain.actor import Actor
from endpoints.domain.requests import ScoringRequest
from endpoints.models import Endpoint, TestCall
from endpoints.services import invoke
from endpoints.services.gateway_client import LONGEST_SECONDS, streaming_client
from endpoints.services.invoke import Answer, answer_of, cut_after, keep, no_answer, outgoing_request


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Status and headers, before the body."""

    status: int
    headers: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """The whole answer, and what was kept of it."""

    answer: Answer
    call: TestCall


Part = Opening | bytes | Ending


async def invoke_streaming(*, actor: Actor, endpoint: Endpoint, request: ScoringRequest) -> AsyncGenerator[Part, None]:
    """Of an answer its opening, its body in the pieces in which it comes, and its ending, which is there alone where
    nothing came back. Forbidden and Invalid as invoke() says, before anything is sent.

    Who stops listening ends the request at the gateway, and with it the work in the replica; the history says so.
    """
    outgoing = await sync_to_async(outgoing_request)(actor=actor, endpoint=endpoint, request=request)

    async def kept(answer: Answer) -> TestCall:
        return await sync_to_async(keep)(actor=actor, endpoint=endpoint, request=request, answer=answer)

    return _passed_on(outgoing, kept)


async def _passed_on(
    outgoing: httpx.Request, kept: Callable[[Answer], Awaitable[TestCall]]
) -> AsyncGenerator[Part, None]:
    exchange = _Exchange()
    try:
        async with aclosing(exchange.parts(outgoing)) as parts:
            async for part in parts:
                yield part
    except (asyncio.CancelledError, GeneratorExit):
        await asyncio.shield(kept(exchange.cancelled()))
        raise
    answer = exchange.answer()
    yield Ending(answer=answer, call=await kept(answer))


class _Exchange:
    """One request and what has come of its answer."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._response: httpx.Response | None = None
        self._body = bytearray()
        self._failure: Exception | None = None
        self._cut = ""

    async def parts(self, outgoing: httpx.Request) -> AsyncGenerator[Opening | bytes, None]:
        client = streaming_client()
        self._started = time.perf_counter()
        try:
            async with asyncio.timeout(self._seconds_left):
                self._response = await client.send(outgoing, stream=True)
            yield Opening(status=self._response.status_code, headers=dict(self._response.headers))
            pieces = self._response.aiter_bytes()
            while piece := await self._next(pieces):
                yield piece
        except (httpx.HTTPError, httpx.StreamError, TimeoutError) as error:
            self._failure = error
        finally:
            if self._response is not None:
                await self._response.aclose()
            await client.aclose()

    async def _next(self, pieces: AsyncIterator[bytes]) -> bytes:
        """Empty at the end, and where there is more than is passed on."""
        async with asyncio.timeout(self._seconds_left):
            piece = await anext(pieces, b"")
        if len(self._body) + len(piece) > invoke.MOST_BYTES:
            self._cut = cut_after(len(self._body))
            return b""
        self._body += piece
        return piece

    @property
    def _seconds_left(self) -> float:
        return LONGEST_SECONDS - (time.perf_counter() - self._started)

    def answer(self) -> Answer:
        if self._response is None:
            return no_answer(self._failure or TimeoutError("it took too long"), self._started)
        broken = f"The answer broke off: {self._failure or type(self._failure).__name__}" if self._failure else ""
        return answer_of(self._response, bytes(self._body), self._started, error=broken or self._cut)

    def cancelled(self) -> Answer:
        if self._response is None:
            return Answer(status=None, duration_ms=self._milliseconds, error="Cancelled before anything came back.")
        said = f"Cancelled when {len(self._body)} bytes had come."
        return answer_of(self._response, bytes(self._body), self._started, error=said)

    @property
    def _milliseconds(self) -> float:
        return (time.perf_counter() - self._started) * 1000
