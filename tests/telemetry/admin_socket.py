"""An admin interface that answers as a test says, well or badly."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"
Answer = Callable[[socket.socket, threading.Event], None]  # the event tells that the test is over


def chunk(text: str) -> bytes:
    return f"{len(text):x}\r\n{text}\r\n".encode()


def whole(text: str) -> bytes:
    return HEAD + chunk(text) + END


@contextmanager
def answering(path: Path, answer: Answer) -> Iterator[None]:
    """One connection after the other; each request gets `answer`."""
    over = threading.Event()
    path.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(path))
        door.listen(8)
        thread = threading.Thread(target=_serve, args=(door, answer, over))
        thread.start()
        try:
            yield
        finally:
            over.set()
            door.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(door: socket.socket, answer: Answer, over: threading.Event) -> None:
    with suppress(OSError):  # the door is closed
        while not over.is_set():
            caller, _ = door.accept()
            with caller, suppress(OSError):  # the caller may be gone before it is answered
                while not caller.recv(65536).endswith(b"\r\n\r\n"):
                    continue
                answer(caller, over)
