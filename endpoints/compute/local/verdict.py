"""Tells the gateway whether a replica is ready, over a unix socket. Standard library only: the keeper runs it.

The keeper alone judges by the readiness probe's settings; the gateway asks for its verdict instead of probing a second
time by other rules. Whatever is asked for, the answer is 200 or 503.
"""

import contextlib
import socket
import threading
from pathlib import Path

PATIENCE_SECONDS = 1.0  # with one who asks and does not go on
HEAD_BYTES = 4096
WAITING = 16


class Verdict:
    def __init__(self, path: str) -> None:
        self.path = path
        self.ready = False

    def serve(self) -> None:
        """From a thread of its own, until the process ends."""
        if not self.path:
            return
        self.remove()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(self.path)
        listener.listen(WAITING)
        threading.Thread(target=self._answer_all, args=(listener,), daemon=True).start()

    def remove(self) -> None:
        if self.path:
            Path(self.path).unlink(missing_ok=True)

    def _answer_all(self, listener: socket.socket) -> None:
        while True:
            with contextlib.suppress(OSError), listener.accept()[0] as connection:
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE_SECONDS)
        head = b""
        while b"\r\n\r\n" not in head:
            part = connection.recv(HEAD_BYTES)
            if not part or len(head) > HEAD_BYTES:
                return
            head += part
        status = b"200 OK" if self.ready else b"503 Service Unavailable"
        connection.sendall(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
