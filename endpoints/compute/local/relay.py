"""Leads unix sockets to TCP ports, for a server in a box that has a network of its own.

usage: python relay.py SOCKET=PORT ... -- COMMAND ...

Starts COMMAND, hands every connection to one of the sockets on to the port behind it on the loopback, and ends when the
command does, with its exit code. SIGTERM goes to the command. Standard library only.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

CHUNK_BYTES = 64 * 1024
BACKLOG = 4096


async def main(arguments: list[str]) -> int:
    split = arguments.index("--")
    doors = [word.rpartition("=") for word in arguments[:split]]
    command = subprocess.Popen(arguments[split + 1 :])
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, command.send_signal, number)
    for socket, _, port in doors:
        await _open(socket, int(port))
    returned = await loop.run_in_executor(None, command.wait)
    return 128 - returned if returned < 0 else returned


async def _open(socket: str, port: int) -> None:
    Path(socket).unlink(missing_ok=True)

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))
        writer.close()

    await asyncio.start_unix_server(lead, socket, limit=CHUNK_BYTES, backlog=BACKLOG)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until one side ends; then the other is closed, so that its copy ends too."""
    try:
        while data := await reader.read(CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


if __name__ == "__main__":
    os._exit(asyncio.run(main(sys.argv[1:])))
