"""The load generator counts what happened, against a server that does as the test says."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.bench.load import load

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
BUSY = b"HTTP/1.1 429 Too Many Requests\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
LAST = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"


@asynccontextmanager
async def answering(answer: Callable[[int, bytes], bytes]) -> AsyncIterator[str]:
    """A server on a unix socket; `answer` gets the request's number and bytes, and an empty answer hangs up."""
    count = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        try:
            while request := await reader.read(65536):
                count += 1
                if not (content := answer(count, request)):
                    break
                writer.write(content)
        finally:
            writer.close()

    with tempfile.TemporaryDirectory(prefix="es-") as folder:
        server = await asyncio.start_unix_server(serve, Path(folder) / "s")
        try:
            yield f"unix:{folder}/s"
        finally:
            server.close()


async def test_counts_statuses_and_sends_what_it_was_given() -> None:
    seen: list[bytes] = []

    def answer(number: int, request: bytes) -> bytes:
        seen.append(request)
        return BUSY if number % 4 == 0 else OK

    async with answering(answer) as target:
        result = await load(
            target, path="/x", body=b"body", headers={"authorization": "Bearer k"}, concurrency=3, requests=20
        )
    assert (result.requests, result.failures, dict(result.statuses)) == (20, 5, {200: 15, 429: 5})
    assert result.errors == {}
    assert 0 < result.p50_ms <= result.p99_ms
    assert result.rps == pytest.approx(20 / result.seconds)
    assert len(seen) == 20
    expected = b"POST /x HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4\r\nauthorization: Bearer k\r\n\r\nbody"
    assert set(seen) == {expected}


async def test_connects_again_when_the_server_closes_properly() -> None:
    async with answering(lambda number, _: LAST) as target:
        result = await load(target, requests=5)
    assert (result.requests, result.failures) == (5, 0)


async def test_a_lost_answer_is_a_failure() -> None:
    async with answering(lambda number, _: b"" if number == 2 else OK) as target:
        result = await load(target, requests=4)
    assert (result.requests, result.failures, dict(result.statuses)) == (4, 1, {200: 3})
    assert sum(result.errors.values()) == 1


async def test_an_answer_that_never_comes_is_a_failure() -> None:
    async with answering(lambda number, _: b"HTTP/1.1 100 Continue\r\n\r\n") as target:
        result = await load(target, requests=1, timeout=0.2)
    assert dict(result.errors) == {"Timeout": 1}


async def test_nobody_there() -> None:
    result = await load("unix:/tmp/es-nobody-listens-here", requests=2)
    assert (result.requests, result.failures, result.rps) == (2, 2, 0)


async def test_ends_when_its_time_is_up() -> None:
    async with answering(lambda number, _: OK) as target:
        result = await load(target, seconds=0.2, concurrency=2)
    assert result.failures == 0
    assert result.requests > 0
    assert result.seconds >= 0.2


async def test_needs_an_end() -> None:
    with pytest.raises(ValueError, match="a load has an end"):
        await load("unix:/nowhere")
