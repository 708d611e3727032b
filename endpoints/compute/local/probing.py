"""One HTTP probe over a unix socket. Standard library only: the keeper runs it."""

import contextlib
import socket


def probe(path: str, route: str, timeout: float) -> str:
    """Empty when the answer was 200 to 399; else what came instead, in a few words."""
    try:
        with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as connection:
            connection.settimeout(timeout)
            connection.connect(path)
            connection.sendall(f"GET {route} HTTP/1.1\r\nHost: replica\r\nConnection: close\r\n\r\n".encode())
            return _complaint(connection.recv(64))
    except TimeoutError:
        return f"GET {route} took longer than {timeout:g} s"
    except OSError as error:
        return f"GET {route}: {error.strerror or error}"


def _complaint(head: bytes) -> str:
    words = head.split(b" ", 2)
    if len(words) < 2 or not words[1].isdigit():
        return "the answer was no HTTP"
    status = int(words[1])
    return "" if 200 <= status < 400 else f"it answered {status}"
