"""One HTTP probe, over a unix socket or on the loopback. Standard library only: the keeper runs it."""

import contextlib
import socket
import time
from collections.abc import Callable

from endpoints.domain.addresses import LOOPBACK, port_of

SLICE_SECONDS = 0.2
HEAD_BYTES = 12  # "HTTP/1.1 200"


def probe(address: str, route: str, timeout: float, given_up: Callable[[], bool] = lambda: False) -> str:
    """Empty when the answer was 200 to 399; else what came instead, in a few words.

    `given_up` is asked every SLICE_SECONDS; once it says yes the probe ends as one that took too long.
    """
    port = port_of(address)
    try:
        family = socket.AF_UNIX if port is None else socket.AF_INET
        with contextlib.closing(socket.socket(family, socket.SOCK_STREAM)) as connection:
            deadline = time.monotonic() + timeout
            connection.settimeout(min(timeout, SLICE_SECONDS))
            connection.connect(address if port is None else (LOOPBACK, port))
            connection.sendall(f"GET {route} HTTP/1.1\r\nHost: replica\r\nConnection: close\r\n\r\n".encode())
            complaint = _complaint(_head(connection, deadline, given_up))
            return complaint and f"GET {route} {complaint}"
    except TimeoutError:
        return f"GET {route} took longer than {timeout:g} s"
    except OSError as error:
        where = "" if port is None else f" at {address}"
        return f"GET {route}{where}: {error.strerror or error}"


def _head(connection: socket.socket, deadline: float, given_up: Callable[[], bool]) -> bytes:
    head = b""
    while len(head) < HEAD_BYTES:
        try:
            part = connection.recv(64)
        except TimeoutError:
            part = None
        if part == b"":
            break
        head += part or b""
        if len(head) < HEAD_BYTES and (given_up() or time.monotonic() > deadline):
            raise TimeoutError
    return head


def _complaint(head: bytes) -> str:
    words = head.split(b" ", 2)
    if len(words) < 2 or not words[1].isdigit():
        return "gave an answer that is no HTTP"
    status = int(words[1])
    return "" if 200 <= status < 400 else f"answered {status}"
