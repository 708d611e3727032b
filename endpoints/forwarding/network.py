"""Lines to another machine: posted by HTTP, or through a TCP connection, plain or as syslog."""

import socket
import ssl
from collections.abc import Sequence
from urllib.parse import urlsplit

import httpx

from endpoints.forwarding.port import ForwardError

SECONDS = 5.0
FACILITY_AUDIT_NOTICE = 13 * 8 + 5  # RFC 5424: facility "log audit", severity "notice"


class HttpForwarder:
    """One POST of newline-delimited JSON; any 2xx says that all of it was taken on."""

    def __init__(self, url: str, *, token: str = "") -> None:
        self._url, self._token = url, token

    @property
    def address(self) -> str:
        return self._url

    def send(self, lines: Sequence[str]) -> None:
        headers = {"Content-Type": "application/x-ndjson"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        body = "".join(f"{line}\n" for line in lines).encode()
        try:
            answer = httpx.post(self._url, content=body, headers=headers, timeout=SECONDS, follow_redirects=False)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ForwardError(f"It does not answer ({type(error).__name__}).") from error
        if not answer.is_success:
            raise ForwardError(f"It answered {answer.status_code}.")


class TcpForwarder:
    """A connection for each batch, closed by us; a peer that closes or resets it first has not taken it on."""

    def __init__(self, address: str) -> None:
        self._address = address
        parts = urlsplit(address)
        self._host, self._port = parts.hostname or "", parts.port or 0
        self._tls, self._syslog = parts.scheme.endswith("+tls"), parts.scheme.startswith("syslog")

    @property
    def address(self) -> str:
        return self._address

    def send(self, lines: Sequence[str]) -> None:
        framed = map(syslog_frame, lines) if self._syslog else (f"{line}\n".encode() for line in lines)
        try:
            with socket.create_connection((self._host, self._port), timeout=SECONDS) as plain:
                self._deliver(plain, b"".join(framed))
        except OSError as error:
            raise ForwardError(f"The connection failed ({error.strerror or error}).") from error

    def _deliver(self, plain: socket.socket, data: bytes) -> None:
        if not self._tls:
            _send_all(plain, data)
            return
        with ssl.create_default_context().wrap_socket(plain, server_hostname=self._host) as secured:
            _send_all(secured, data)


def _send_all(connection: socket.socket, data: bytes) -> None:
    """Half-closed and waited for: a peer that dies with the data unread resets the connection, which is an error."""
    connection.sendall(data)
    if isinstance(connection, ssl.SSLSocket):
        return
    connection.shutdown(socket.SHUT_WR)
    while connection.recv(4096):
        pass


def syslog_frame(line: str) -> bytes:
    """RFC 5424 in the octet counting of RFC 6587. The event's own time stands in its JSON."""
    message = f"<{FACILITY_AUDIT_NOTICE}>1 - - endpoint-studio - audit - {line}".encode()
    return b"%d %s" % (len(message), message)
