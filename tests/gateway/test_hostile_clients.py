"""Clients that are slow, huge or sly: what a real Envoy makes of them."""

import contextlib
import socket

import httpx
import pytest

from tests.gateway.replica import Replicas
from tests.gateway.running import AUTHORIZED, KEY, RunningGateway, deployment, endpoint

HEAD = f"GET /mine/score HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n"


@pytest.fixture
def two_endpoints(envoy: RunningGateway, servers: Replicas) -> Replicas:
    envoy.put(
        endpoint("mine", deployment("blue", servers.start("mine").socket, cluster="d-1")),
        endpoint("other", deployment("blue", servers.start("other").socket, cluster="d-2"), keys=("another-key",)),
    )
    return servers


def send(envoy: RunningGateway, content: bytes) -> bytes:
    """What comes back until the gateway closes or is silent."""
    answer = b""
    with socket.create_connection(("127.0.0.1", envoy.port), timeout=60) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(content)
        with contextlib.suppress(ConnectionError):
            while b"\r\n\r\n" not in answer and (piece := connection.recv(65536)):
                answer += piece
    return answer


def test_slow_headers_end_in_408_and_hinder_nobody(two_endpoints: Replicas, envoy: RunningGateway) -> None:
    """A slow-loris: many connections, each of which sends a little and never ends its headers."""
    with contextlib.ExitStack() as stack:
        address = ("127.0.0.1", envoy.port)
        slow = [stack.enter_context(socket.create_connection(address, timeout=60)) for _ in range(200)]
        for connection in slow:
            connection.sendall(b"GET /mine/score HTTP/1.1\r\nhost: x\r\n")
        assert httpx.get(f"{envoy.url}/mine/score", headers=AUTHORIZED, timeout=60).status_code == 200
        for connection in slow:
            connection.sendall(b"x-more: 1\r\n")
        answer = slow[0].recv(65536)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"Send it again without pauses" in answer
        assert all(connection.recv(65536) for connection in slow[1:])


@pytest.mark.parametrize(
    "headers",
    [
        "x-large: " + "a" * 1024 * 1024 + "\r\n",
        "".join(f"x-{number}: {'a' * 1000}\r\n" for number in range(99)),
        "".join(f"x-{number}: a\r\n" for number in range(200)),
    ],
)
def test_headers_of_a_megabyte_or_by_the_hundred_are_431(
    two_endpoints: Replicas, envoy: RunningGateway, headers: str
) -> None:
    answer = send(envoy, f"{HEAD}{headers}\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert httpx.get(f"{envoy.url}/mine/score", headers=AUTHORIZED, timeout=60).status_code == 200


def test_a_path_of_a_megabyte_is_refused(two_endpoints: Replicas, envoy: RunningGateway) -> None:
    answer = send(envoy, HEAD.replace("/score", "/" + "a" * 1024 * 1024).encode() + b"\r\n")
    assert answer.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 "))


@pytest.mark.parametrize(
    ("path", "statuses"),
    [
        ("/mine/..%2Fother/score", (400,)),
        ("/mine/%2e%2e%2fother/score", (400,)),
        ("/mine/%2E%2E/other/score", (401,)),
        ("/mine/.%2e/other/score", (401,)),
        ("/mine/%252e%252e/other/score", (200,)),  # a path of mine: decoded once, never twice
        ("/mine/%252fother/score", (200,)),
        ("/mine/..;/other/score", (401,)),  # is /other/score
        ("/mine/..\\other\\score", (401, 400)),
        ("/mine/%5c..%5cother/score", (400,)),
        ("//other/score", (401,)),
        ("/./other/score", (401,)),
        ("/../../other/score", (401,)),
        ("/mine/score/../../other/score", (401,)),
        ("/mine/%00/../other/score", (400,)),
        ("/mine%2fscore", (400,)),
        ("/%6fther/score", (404, 401)),
        ("http://x/other/score", (401,)),
        ("http://x/mine/../other/score", (401,)),
        ("/mine/score#/../../other/score", (400,)),
        ("/mine/score?/../../other/score", (200,)),
        ("*", (400, 404)),
        ("mine/score", (400, 404)),
    ],
)
def test_no_trick_with_the_path_reaches_another_endpoint(
    two_endpoints: Replicas, envoy: RunningGateway, path: str, statuses: tuple[int, ...]
) -> None:
    answer = send(envoy, HEAD.replace("/mine/score", path, 1).encode() + b"\r\n")
    assert int(answer.split(b" ")[1]) in statuses, answer
    assert b"/other.sock" not in answer


@pytest.mark.parametrize(
    "smuggled",
    [
        "content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "content-length: 5\r\ncontent-length: 6\r\n\r\naaaaaa",
        "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n",
        "transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        "content-length: +5\r\n\r\naaaaa",
        "content-length: 5, 5\r\n\r\naaaaa",
        "authorization : Bearer another-key\r\n\r\n",
    ],
)
def test_a_request_has_one_meaning_or_none(two_endpoints: Replicas, envoy: RunningGateway, smuggled: str) -> None:
    """What two servers could read in two ways is refused before it gets to a second."""
    answer = send(envoy, (HEAD.replace("GET", "POST") + smuggled).encode())
    status = int(answer.split(b" ")[1])
    assert status in (400, 501), answer


def test_a_client_that_hangs_up_leaves_nothing_behind(two_endpoints: Replicas, envoy: RunningGateway) -> None:
    for _ in range(50):
        with socket.create_connection(("127.0.0.1", envoy.port)) as connection:
            connection.sendall(HEAD.encode() + b"x-sleep: 600\r\n\r\n")
    with httpx.Client(base_url=envoy.url, timeout=60) as client:
        assert client.get("/mine/score", headers=AUTHORIZED).status_code == 200
