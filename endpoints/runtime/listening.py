"""Where the server listens."""

from __future__ import annotations

import socket
from pathlib import Path

from .options import Options

_SOCKET_MODE = 0o660


def listen(options: Options) -> socket.socket:
    if options.socket:
        return _listen_on_path(options.socket)
    listener = socket.socket(socket.AF_INET6 if ":" in options.host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((options.host, options.port))
    return listener


def address(options: Options, listener: socket.socket) -> str:
    if options.socket:
        return f"unix:{options.socket}"
    return f"http://{options.host}:{listener.getsockname()[1]}"


def _listen_on_path(path: str) -> socket.socket:
    """A socket that a killed server left is replaced; one that answers is not."""
    if Path(path).is_socket():
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(path) == 0:
                raise OSError("another server answers there")
        Path(path).unlink()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    Path(path).chmod(_SOCKET_MODE)
    return listener
