"""A keeper says that its replica is in another state, and whoever listens need not look again and again.

Datagrams on a unix socket: the keeper waits for nobody, and what nobody heard is seen all the same, a little later.
Standard library only: the keeper runs it.
"""

import contextlib
import logging
import socket
import threading
from collections.abc import Callable
from pathlib import Path

logger = logging.getLogger(__name__)

CHANGES_SOCKET = "changes.sock"
LONGEST_ID = 128


def say(path: str, deployment_id: str) -> None:
    if not path:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as mouth:
        mouth.setblocking(False)
        mouth.sendto(deployment_id.encode(), path)


def hear(path: Path, heard: Callable[[str], None]) -> None:
    """From a thread of its own, until the process ends. `heard` gets a deployment's id, and may raise."""
    path.unlink(missing_ok=True)
    ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    ear.bind(str(path))
    path.chmod(0o600)
    threading.Thread(target=_hear_all, args=(ear, heard), daemon=True).start()


def _hear_all(ear: socket.socket, heard: Callable[[str], None]) -> None:
    while True:
        deployment_id = ear.recv(LONGEST_ID).decode("utf-8", "replace")
        try:
            heard(deployment_id)
        except Exception as error:  # the database may be down for a moment
            logger.warning("A replica of %s has changed: %s", deployment_id, error)
