"""An answer that comes in pieces, before a server that is told when to send and sees who goes away."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
from pytest_django.fixtures import Settings

from endpoints.domain.errors import Forbidden, Invalid
from endpoints.domain.requests import ScoringRequest
from endpoints.models import Endpoint, TestCall, Workspace
from endpoints.services import invoke, streaming
from endpoints.services.streaming import Ending, Opening, Part, invoke_streaming
from tests.factories import EndpointFactory
from tests.people import People

pytestmark = pytest.mark.django_db(transaction=True)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-request-id: r-1\r\ntransfer-encoding: chunked\r\n\r\n"


class Server:
    """Speaks to one caller; `gone` is set once that one has closed the connection."""

    def __init__(self) -> None:
        self.asked = b""
        self.gone = asyncio.Event()
        self.more = asyncio.Event()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked = await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD + chunk(b"one"))
        watching = asyncio.create_task(self._watch(reader))
        await self.more.wait()
        writer.write(chunk(b"two"))
        if b"break" not in self.asked:
            writer.write(b"0\r\n\r\n")
            await watching
        writer.close()

    async def _watch(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionError):
            while await reader.read(100):
                pass
        self.gone.set()


def chunk(piece: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(piece), piece)


@pytest.fixture
async def server(settings: Settings) -> AsyncGenerator[Server, None]:
    server = Server()
    listening = await asyncio.start_server(server.answer, "127.0.0.1", 0)
    settings.STUDIO_GATEWAY_SOCKET = ""
    settings.STUDIO_GATEWAY_URL = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    yield server
    listening.close()


@pytest.fixture
def endpoint(workspace: Workspace) -> Endpoint:
    made: Endpoint = EndpointFactory(name="prices", workspace=workspace)
    return made


async def begin(people: People, endpoint: Endpoint, kind: str = "owner", **fields: str) -> AsyncGenerator[Part, None]:
    request = ScoringRequest(body=b"{}", **fields)  # type: ignore[arg-type]
    return await invoke_streaming(actor=people.actor(kind), endpoint=endpoint, request=request)


async def test_each_piece_is_there_before_the_next(people: People, endpoint: Endpoint, server: Server) -> None:
    async with aclosing(await begin(people, endpoint)) as parts:
        opening = await anext(parts)
        assert isinstance(opening, Opening)
        assert (opening.status, opening.headers["content-type"]) == (200, "text/event-stream")
        assert await anext(parts) == b"one"
        assert not server.more.is_set()
        server.more.set()
        assert await anext(parts) == b"two"
        ending = await anext(parts)
    assert isinstance(ending, Ending)
    assert (ending.answer.body, ending.answer.error, ending.answer.request_id) == (b"onetwo", "", "r-1")
    call = await TestCall.objects.aget()
    assert (call.pk, call.status, call.response_body) == (ending.call.pk, 200, "onetwo")


async def test_who_stops_listening_ends_the_request(people: People, endpoint: Endpoint, server: Server) -> None:
    async with aclosing(await begin(people, endpoint)) as parts:
        await anext(parts)
        assert await anext(parts) == b"one"
    server.more.set()
    await asyncio.wait_for(server.gone.wait(), 60)
    call = await TestCall.objects.aget()
    assert (call.status, call.response_body, call.error) == (200, "one", "Cancelled when 3 bytes had come.")


async def test_a_task_that_is_cancelled_ends_it_too(people: People, endpoint: Endpoint, server: Server) -> None:
    came = asyncio.Event()

    async def listen() -> None:
        async for part in await begin(people, endpoint):
            if part == b"one":
                came.set()

    task = asyncio.create_task(listen())
    await asyncio.wait_for(came.wait(), 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    server.more.set()
    await asyncio.wait_for(server.gone.wait(), 60)
    assert (await TestCall.objects.aget()).error == "Cancelled when 3 bytes had come."


async def test_an_answer_that_breaks_off_says_so(people: People, endpoint: Endpoint, server: Server) -> None:
    server.more.set()
    parts = [part async for part in await begin(people, endpoint, path="/break")]
    assert isinstance(parts[-1], Ending)
    assert parts[-1].answer.error.startswith("The answer broke off: ")
    assert (parts[-1].answer.status, parts[-1].answer.body) == (200, b"onetwo")


async def test_too_much_is_cut(
    people: People, endpoint: Endpoint, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invoke, "MOST_BYTES", 4)
    server.more.set()
    parts = [part async for part in await begin(people, endpoint)]
    assert isinstance(parts[-1], Ending)
    assert len(parts[-1].answer.body) <= 4
    assert parts[-1].answer.error.startswith("The answer was cut after ")


async def test_no_answer_in_time(
    people: People, endpoint: Endpoint, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "LONGEST_SECONDS", 0.2)
    parts = [part async for part in await begin(people, endpoint)]
    assert isinstance(parts[-1], Ending)
    assert parts[-1].answer.error


async def test_nobody_there(people: People, endpoint: Endpoint, settings: Settings) -> None:
    settings.STUDIO_GATEWAY_SOCKET, settings.STUDIO_GATEWAY_URL = "", "http://127.0.0.1:9"
    (ending,) = [part async for part in await begin(people, endpoint)]
    assert isinstance(ending, Ending)
    assert (ending.answer.status, ending.call.status) == (None, None)
    assert ending.answer.error.startswith("The gateway did not answer: ")


async def test_what_may_not_be_sent_is_said_first(people: People, endpoint: Endpoint, server: Server) -> None:
    with pytest.raises(Invalid):
        await begin(people, endpoint, path="/../x")
    with pytest.raises(Forbidden):
        await begin(people, endpoint, "reader")
    assert server.asked == b""
    assert not await TestCall.objects.aexists()
