"""HTTP over a unix socket or on the loopback, of which all takes a bounded time, however many parts it comes in."""

import http.client
import socket
import struct
import time
from collections.abc import Iterator
from typing import Any

from endpoints.domain.addresses import LOOPBACK, port_of

BLOCK = 1 << 20


class _Socket(socket.socket):
    """Each reading waits for what is left until the deadline."""

    deadline: float

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self.settimeout(left)
        return super().recv_into(buffer, nbytes, flags)


class Connection(http.client.HTTPConnection):
    """To a unix socket's path, or to 127.0.0.1:PORT. `timeout` in seconds, of everything together. Once there is one,
    `peer` is the process that listens at the unix socket."""

    sock: socket.socket
    peer: int

    def __init__(self, address: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._address = address
        self._deadline = time.monotonic() + timeout

    def connect(self) -> None:
        port = port_of(self._address)
        made = _Socket(socket.AF_UNIX if port is None else socket.AF_INET, socket.SOCK_STREAM)
        made.deadline = self._deadline
        made.settimeout(self.timeout)
        self.sock = made
        made.connect(self._address if port is None else (LOOPBACK, port))
        if port is None:
            credentials = made.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            self.peer = int(struct.unpack("3i", credentials)[0])


def lines(answer: http.client.HTTPResponse) -> Iterator[str]:
    """Until the end of the answer; a part of one is an error, and so is one that comes too slowly."""
    rest = b""
    while part := answer.read1(BLOCK):
        *whole, rest = (rest + part).split(b"\n")
        if len(rest) > BLOCK:
            raise ValueError("a line of its answer has no end")
        for line in whole:
            yield line.decode()
    yield rest.decode()


def bounded(answer: http.client.HTTPResponse, most: int) -> bytes:
    """Raises ValueError where it is longer."""
    found = b""
    while part := answer.read1(BLOCK):
        found += part
        if len(found) > most:
            raise ValueError(f"its answer is longer than {most} bytes")
    return found
