"""A small model server on a unix socket that does what the request's headers tell it to.

`python replica.py SOCKET` runs one as a process of its own, so that it can be killed.
"""

import asyncio
import contextlib
import json
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Replica:
    """x-want-status, x-sleep (seconds), x-stream (number of chunks, a tenth of a second apart), x-reset."""

    socket: str
    ready: bool = True
    status: int = 200  # of whatever x-want-status does not tell otherwise
    deaf: bool = False  # reads the heads of requests alone, and answers probes alone
    requests: list[str] = field(default_factory=list)  # "METHOD path", probes left out
    heads: list[dict[str, str]] = field(default_factory=list)  # their headers
    connections: list[list[str]] = field(default_factory=list)  # as they were accepted, with their requests

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came: list[str] = []
        self.connections.append(came)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                method, path, _ = head[0].split(" ")
                headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in head[1:] if line)}
                while self.deaf and path != "/ready":
                    await asyncio.sleep(0.01)
                body = await read_body(reader, headers)
                came.append(path)
                if not await self.answer(writer, method, path, headers, body):
                    break
        writer.close()

    async def answer(
        self, writer: asyncio.StreamWriter, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> bool:
        if path == "/ready":
            writer.write(response(200 if self.ready else 503, b"{}"))
            return True
        self.requests.append(f"{method} {path}")
        self.heads.append(dict(headers))
        await asyncio.sleep(float(headers.get("x-sleep", "0")))
        if "x-reset" in headers:
            return False
        if "x-stream" in headers:
            await stream(writer, int(headers["x-stream"]))
        elif "x-echo" in headers:
            writer.write(response(200, body, "application/octet-stream"))
        else:
            told = {"socket": self.socket, "path": path, "headers": headers, "size": len(body)}
            writer.write(response(int(headers.get("x-want-status", self.status)), json.dumps(told).encode()))
        await writer.drain()
        return True


async def read_body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding") != "chunked":
        return await reader.readexactly(int(headers.get("content-length", "0")))
    body = b""
    while size := int(await reader.readline(), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readline()
    return body


async def stream(writer: asyncio.StreamWriter, chunks: int) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n")
    for number in range(chunks):
        writer.write(b"2\r\n%d\n\r\n" % number)
        await writer.drain()
        await asyncio.sleep(0.1)
    writer.write(b"0\r\n\r\n")


def response(status: int, body: bytes, content_type: str = "application/json") -> bytes:
    lines = f"HTTP/1.1 {status} Any\r\ncontent-type: {content_type}\r\ncontent-length: {len(body)}\r\n\r\n"
    return lines.encode() + body


class Replicas:
    """Servers in a thread of this process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def start(self, name: str, *, ready: bool = True) -> Replica:
        replica = Replica(str(self.folder / f"{name}.sock"), ready=ready)
        listening = asyncio.start_unix_server(replica.serve, replica.socket, backlog=1024)
        asyncio.run_coroutine_threadsafe(listening, self.loop).result(10)
        return replica

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(cancel_others(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()


async def cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


@contextmanager
def replicas(folder: Path) -> Iterator[Replicas]:
    running = Replicas(folder)
    try:
        yield running
    finally:
        running.stop()


async def main(path: str) -> None:
    server = await asyncio.start_unix_server(Replica(path).serve, path, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(FileNotFoundError):
        os.unlink(sys.argv[1])  # noqa: PTH108
    asyncio.run(main(sys.argv[1]))
