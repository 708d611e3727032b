"""TLS, and hosts of their own: asked of a real Envoy."""

import shutil
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from endpoints.gateway.envoy import Tls
from tests.gateway.certificates import issue
from tests.gateway.replica import Replicas
from tests.gateway.running import AUTHORIZED, KEY, RunningGateway, deployment, endpoint, eventually
from tests.gateway.test_requests import frame, hpack_string, read_frame


class Https(RunningGateway):
    def __init__(self, folder: Path, *, redirect: bool = False) -> None:
        self.certificates = folder / "certificates"
        self.certificates.mkdir()
        self.renew("one")
        tls = Tls(
            port=0, certificate=self.certificates / "tls.crt", key=self.certificates / "tls.key", redirect=redirect
        )
        super().__init__(folder, tls=tls, socket=folder / "gateway.sock")

    def renew(self, name: str) -> None:
        issue(self.certificates, name)

    @property
    def tls_port(self) -> int:
        return self.port_of("gateway-tls")

    def context(self) -> ssl.SSLContext:
        """That trusts the present certificate, and no other."""
        return ssl.create_default_context(cafile=str(self.certificates / "tls.crt"))

    def served_name(self) -> str:
        context = ssl.create_default_context()
        context.load_verify_locations(cadata=ssl.get_server_certificate(("127.0.0.1", self.tls_port)))
        with self.connected(context) as connection:
            described = connection.getpeercert()
        assert described is not None
        names: Any = described["subject"]
        return str(dict(pair for (pair,) in names)["commonName"])

    def connected(self, context: ssl.SSLContext) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", self.tls_port), timeout=60)
        return context.wrap_socket(plain, server_hostname="localhost")


@pytest.fixture
def https() -> Iterator[Https]:
    yield from serving(redirect=False)


@pytest.fixture
def https_only() -> Iterator[Https]:
    yield from serving(redirect=True)


def serving(*, redirect: bool) -> Iterator[Https]:
    folder = Path(tempfile.mkdtemp(prefix="es-"))
    running = Https(folder, redirect=redirect)
    running.start()
    try:
        yield running
    finally:
        running.stop()
        shutil.rmtree(folder)


def test_https_beside_http_beside_the_studios_own_socket(https: Https, servers: Replicas) -> None:
    https.put(endpoint("safe", deployment("blue", servers.start("blue").socket)))
    over_tls = httpx.get(f"https://localhost:{https.tls_port}/safe/score", headers=AUTHORIZED, verify=https.context())
    assert over_tls.status_code == 200
    assert over_tls.json()["headers"]["x-forwarded-proto"] == "https"
    assert httpx.get(f"{https.url}/safe/score", headers=AUTHORIZED).status_code == 200
    own = https.config_dir.parent / "gateway.sock"
    assert own.stat().st_mode & 0o777 == 0o600
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(own))) as client:
        assert client.get("http://gateway/safe/score", headers=AUTHORIZED).status_code == 200
        assert client.get("http://gateway/safe/score").status_code == 401


def test_http2_is_chosen_by_alpn(https: Https, servers: Replicas) -> None:
    https.put(endpoint("two", deployment("blue", servers.start("blue").socket)))
    context = https.context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    headers = [(":method", "GET"), (":scheme", "https"), (":path", "/two/score"), (":authority", "x")]
    headers.append(("authorization", f"Bearer {KEY}"))
    block = b"".join(b"\x00" + hpack_string(name) + hpack_string(value) for name, value in headers)
    with https.connected(context) as connection:
        assert connection.selected_alpn_protocol() == "h2"
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"") + frame(1, 5, 1, block))
        kind, payload = 0, b""
        while kind != 1:
            kind, payload = read_frame(Exact(connection))  # type: ignore[arg-type]
    indexed_status_200 = 0x88  # RFC 7541, appendix A
    assert payload[0] == indexed_status_200


class Exact:
    """MSG_WAITALL for a TLS connection, which has no flags."""

    def __init__(self, connection: ssl.SSLSocket) -> None:
        self._connection = connection

    def recv(self, size: int, flags: int = 0) -> bytes:
        content = b""
        while len(content) < size:
            content += self._connection.recv(size - len(content))
        return content


@pytest.mark.parametrize(
    ("version", "taken"),
    [(ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True)],
)
def test_nothing_below_tls_1_2(https: Https, version: ssl.TLSVersion, taken: bool) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = version
    try:
        https.connected(context).close()
    except (ssl.SSLError, ConnectionError):
        assert not taken
    else:
        assert taken


def test_a_renewed_certificate_is_taken_without_a_dropped_request(https: Https, servers: Replicas) -> None:
    https.put(endpoint("safe", deployment("blue", servers.start("blue").socket)))
    callers = Callers(https)
    try:
        for name in ("two", "three"):
            https.renew(name)
            eventually(lambda: https.served_name() == name)  # noqa: B023
            seen = callers.answered
            eventually(lambda: callers.answered > seen + 20)  # noqa: B023
    finally:
        callers.stop()
    assert callers.failures == []


class Callers:
    """One on a connection that stays, one on a new connection each time."""

    def __init__(self, https: Https) -> None:
        self.answered = 0
        self.failures: list[str] = []
        # Whoever it says that it is: the certificate changes meanwhile, and no request may fail for that.
        self._trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._trust.check_hostname, self._trust.verify_mode = False, ssl.CERT_NONE
        self._stop = threading.Event()
        self._url = f"https://127.0.0.1:{https.tls_port}/safe/score"
        self._threads = [threading.Thread(target=call) for call in (self._stay, self._come_and_go)]
        for thread in self._threads:
            thread.start()

    def _stay(self) -> None:
        with httpx.Client(verify=self._trust, timeout=60) as client:
            while not self._stop.is_set():
                self._call(client)

    def _come_and_go(self) -> None:
        while not self._stop.is_set():
            with httpx.Client(verify=self._trust, timeout=60) as client:
                self._call(client)

    def _call(self, client: httpx.Client) -> None:
        try:
            status = client.get(self._url, headers=AUTHORIZED).status_code
        except httpx.HTTPError as error:
            self.failures.append(repr(error))
        else:
            self.answered += 1
            if status != 200:
                self.failures.append(str(status))

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def test_a_bad_certificate_leaves_the_old_one_serving(https: Https) -> None:
    rejected = "sds[.]gateway[.](update_rejected|key_rotation_failed)|listener[.].*key_rotation_failed"
    before = https.rejections(rejected)
    staged = https.certificates / "staged"
    staged.write_text("this is no certificate")
    staged.rename(https.certificates / "tls.crt")
    eventually(lambda: https.rejections(rejected) > before)
    assert https.served_name() == "one"
    https.renew("two")
    eventually(lambda: https.served_name() == "two")


def test_a_port_that_is_taken_is_not_live_whatever_the_other_doors_do() -> None:
    folder = Path(tempfile.mkdtemp(prefix="es-"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        running = RunningGateway(folder, socket=folder / "gateway.sock")
        running.port = taken.getsockname()[1]
        try:
            running.launch()
            rejected = "listener_manager[.]lds[.]update_rejected"
            eventually(lambda: running.rejections(rejected))
            assert not running.gateway.observe().live
        finally:
            running.stop()
            shutil.rmtree(folder)


def test_the_plain_port_can_be_a_signpost_alone(https_only: Https, servers: Replicas) -> None:
    https_only.put(endpoint("safe", deployment("blue", servers.start("blue").socket)))
    answer = httpx.post(f"{https_only.url}/safe/score?x=1", headers=AUTHORIZED)
    assert answer.status_code == 308
    assert answer.headers["location"].startswith("https://127.0.0.1:")
    assert answer.headers["location"].endswith("/safe/score?x=1")
    url = f"https://localhost:{https_only.tls_port}/safe/score"
    assert httpx.post(url, headers=AUTHORIZED, verify=https_only.context()).status_code == 200


@pytest.mark.parametrize(
    ("host", "path", "status", "seen"),
    [
        ("mine.scoring.test", "/score?a=b", 200, "GET /v1/predict?a=b"),
        ("MINE.scoring.test:8080", "/score", 200, "GET /v1/predict"),
        ("mine.scoring.test", "/swagger.json", 200, "GET /swagger.json"),
        ("mine.scoring.test", "/other/score", 200, "GET /other/score"),  # a path of mine, and no other endpoint
        ("mine.scoring.test", "/../other/score", 200, "GET /other/score"),
        ("mine.scoring.test", "/metrics", 404, ""),
        ("mine.scoring.test", "/x/..//metrics", 404, ""),
        ("mine.scoring.test", "/..%2fother", 400, ""),
        ("other.scoring.test", "/score", 401, ""),
        ("other.scoring.test", "/mine/score", 401, ""),
        ("unknown.scoring.test", "/mine/score", 200, "GET /v1/predict"),  # by path, whatever the host
        ("unknown.scoring.test", "/score", 404, ""),
        ("mine.scoring.test.evil.test", "/score", 404, ""),
    ],
)
def test_an_endpoint_at_its_own_host(
    envoy: RunningGateway, servers: Replicas, host: str, path: str, status: int, seen: str
) -> None:
    mine, other = servers.start("mine"), servers.start("other")
    envoy.put(
        endpoint("mine", deployment("blue", mine.socket, cluster="d-1", scoring_path="/v1/predict")),
        endpoint("other", deployment("blue", other.socket, cluster="d-2"), keys=("another-key",)),
        domain="scoring.test",
    )
    with socket.create_connection(("127.0.0.1", envoy.port), timeout=60) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {KEY}\r\n\r\n".encode())
        answer = connection.recv(65536).decode()
    assert answer.startswith(f"HTTP/1.1 {status} ")
    assert mine.requests == ([seen] if seen else [])
    assert other.requests == []
