"""Where a replica listens: a unix socket's path, or a TCP port of this machine's loopback. Standard library only."""

LOOPBACK = "127.0.0.1"
LONGEST_SOCKET = 107  # bytes: sun_path of a unix socket


def tcp(port: int) -> str:
    return f"{LOOPBACK}:{port}"


def port_of(address: str) -> int | None:
    """None for a unix socket. Raises ValueError for what is neither."""
    if address.startswith("/"):
        return None
    host, _, port = address.partition(":")
    if host != LOOPBACK or not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError(f"{address!r} is neither an absolute path nor {LOOPBACK}:PORT.")
    return int(port)
