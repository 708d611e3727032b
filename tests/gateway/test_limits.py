"""Limits of an endpoint as a whole: asked of a real Envoy."""

import contextlib
import json
import shutil
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from endpoints.domain.limits import Limits
from tests.gateway.replica import Replicas
from tests.gateway.running import AUTHORIZED, KEY, RunningGateway, deployment, endpoint, eventually

SLOW = Limits(requests_per_second=20)


def statuses(client: httpx.Client, path: str, count: int, **headers: str) -> Counter[int]:
    return Counter(client.post(path, headers=AUTHORIZED | headers).status_code for _ in range(count))


@pytest.fixture
def two_deployments(envoy: RunningGateway, servers: Replicas) -> None:
    blue, green = servers.start("blue"), servers.start("green")
    halves = (deployment("blue", blue.socket, weight=50), deployment("green", green.socket, weight=50))
    free = deployment("blue", blue.socket, cluster="d-free")
    envoy.put(endpoint("slow", *halves, limits=SLOW), endpoint("free", free))


def test_one_bucket_for_all_deployments_paths_and_pins(two_deployments: None, client: httpx.Client) -> None:
    """Within one second at most twice the limit passes: what was saved up, and what comes in meanwhile."""
    began = time.monotonic()
    seen = Counter[int]()
    for path in ("/slow/score", "/slow/other", "/slow/v2/health"):
        seen += statuses(client, path, 20)
        seen += statuses(client, path, 20, **{"azureml-model-deployment": "green"})
    passed = 20 * (time.monotonic() - began + 1) + 1
    assert seen.keys() == {200, 429}
    assert 20 <= seen[200] <= passed
    assert statuses(client, "/free/score", 60) == {200: 60}


def test_the_refusal_says_when_to_come_again(two_deployments: None, client: httpx.Client) -> None:
    answers = [client.post("/slow/score", headers=AUTHORIZED) for _ in range(60)]
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["error"]["code"] == "TooManyRequests"
    assert "requests_per_second" in refused.json()["error"]["message"]
    assert refused.headers["x-request-id"]


def test_a_stranger_does_not_use_up_the_limit(two_deployments: None, client: httpx.Client) -> None:
    assert {client.post("/slow/score").status_code for _ in range(60)} == {401}
    assert client.post("/slow/score", headers=AUTHORIZED).status_code == 200


def test_a_changed_limit_needs_no_new_listener(
    two_deployments: None, envoy: RunningGateway, servers: Replicas, client: httpx.Client
) -> None:
    blue = deployment("blue", str(servers.folder / "blue.sock"))
    listeners = "listener_manager.listener_(added|modified)"
    before = envoy.admin.statistics(listeners).values
    envoy.put(endpoint("slow", blue, limits=Limits(requests_per_second=1000)))
    assert statuses(client, "/slow/score", 60) == {200: 60}
    envoy.put(endpoint("slow", blue))
    assert statuses(client, "/slow/score", 60) == {200: 60}
    assert envoy.admin.statistics(listeners).values == before


def test_a_hundred_endpoints_have_a_hundred_buckets(envoy: RunningGateway, servers: Replicas) -> None:
    blue = servers.start("blue")
    envoy.put(
        *(
            endpoint(f"e-{number}", deployment("blue", blue.socket, cluster=f"d-{number}"), limits=SLOW)
            for number in range(100)
        )
    )
    with httpx.Client(base_url=envoy.url, timeout=60) as client:
        for number in (0, 57, 99):
            assert client.post(f"/e-{number}/score", headers=AUTHORIZED).status_code == 200


def test_bandwidth_is_shared_by_the_deployments_and_delays(
    envoy: RunningGateway, servers: Replicas, client: httpx.Client
) -> None:
    """3 MiB in each direction, at 1 MiB a second: nothing is refused, nothing is lost, and it takes its time."""
    blue, green = servers.start("blue"), servers.start("green")
    halves = (
        deployment("blue", blue.socket, weight=50, request_timeout_ms=60_000),
        deployment("green", green.socket, weight=50, request_timeout_ms=60_000),
    )
    envoy.put(endpoint("thin", *halves, limits=Limits(kilobytes_per_second=1024)))
    began = time.monotonic()
    for name in ("blue", "green") * 3:
        headers = AUTHORIZED | {"x-echo": "1", "azureml-model-deployment": name}
        answer = client.post("/thin/score", headers=headers, content=b"a" * 512 * 1024)
        assert (answer.status_code, len(answer.content)) == (200, 512 * 1024)
    # The first MiB was saved up. Two buckets would have saved up twice as much, and given each its own rate.
    assert time.monotonic() - began > 1.5


def test_what_was_delayed_is_told_in_trailers(envoy: RunningGateway, servers: Replicas) -> None:
    blue = servers.start("blue")
    envoy.put(endpoint("delayed", deployment("blue", blue.socket), limits=Limits(kilobytes_per_second=1)))
    head = f"POST /delayed/score HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\nx-stream: 4\r\n"
    with socket.create_connection(("127.0.0.1", envoy.port), timeout=60) as connection:
        connection.sendall(f"{head}content-length: 4000\r\nconnection: close\r\n\r\n".encode() + b"a" * 4000)
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    trailers = answer.partition("\r\n0\r\n")[2]
    assert "ms-azureml-bandwidth-request-delay-ms: " in trailers
    assert "ms-azureml-bandwidth-response-delay-ms: " in trailers
    eventually(lambda: '"endpoint":"delayed"' in envoy.access_log.read_text())
    line = next(each for each in envoy.access_log.read_text().splitlines() if '"endpoint":"delayed"' in each)
    assert int(json.loads(line)["request_throttling_delay_ms"]) > 0


def test_a_changed_bandwidth_is_taken(envoy: RunningGateway, servers: Replicas, client: httpx.Client) -> None:
    blue = deployment("blue", servers.start("blue").socket)
    for size in (10_000, 20_000, 10_000, None):
        envoy.put(endpoint("thin", blue, limits=Limits(kilobytes_per_second=size)))
        assert client.post("/thin/score", headers=AUTHORIZED, content=b"a" * 5000).status_code == 200


def test_more_in_flight_than_twice_what_the_replicas_work_on_is_429(envoy: RunningGateway, servers: Replicas) -> None:
    """2 x 1 x 2 replicas = 4 in flight; one more is refused."""
    sockets = [servers.start(name).socket for name in ("one", "two")]
    envoy.put(endpoint("busy", deployment("blue", *sockets, max_concurrent_requests_per_instance=1)))
    envoy.wait_healthy("d-blue", 2)
    head = f"POST /busy/score HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\nx-sleep: 60\r\n\r\n".encode()
    with contextlib.ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(socket.create_connection(("127.0.0.1", envoy.port))).sendall(head)
        eventually(lambda: envoy.statistics("d-blue")["upstream_rq_active"] == 4)
        refused = httpx.post(f"{envoy.url}/busy/score", headers=AUTHORIZED, timeout=60)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        assert "max_concurrent_requests_per_instance" in refused.json()["error"]["message"]


def test_a_time_out_is_408_and_the_replica_is_told(envoy: RunningGateway, servers: Replicas) -> None:
    """Envoy hangs up: that is what ends the work in a replica of ours."""
    blue = servers.start("blue")
    envoy.put(endpoint("late", deployment("blue", blue.socket, request_timeout_ms=300)))
    answer = httpx.post(f"{envoy.url}/late/score", headers=AUTHORIZED | {"x-sleep": "60"}, timeout=60)
    assert (answer.status_code, answer.json()["error"]["code"]) == (408, "RequestTimeout")
    eventually(lambda: envoy.statistics("d-blue")["upstream_cx_active"] == 0)


@pytest.fixture
def narrow_door() -> Iterator[RunningGateway]:
    folder = Path(tempfile.mkdtemp(prefix="es-"))
    running = RunningGateway(folder, new_connections_per_second=5)
    running.start()
    try:
        yield running
    finally:
        running.stop()
        shutil.rmtree(folder)


def test_new_connections_beyond_the_rate_are_closed(narrow_door: RunningGateway) -> None:
    with contextlib.ExitStack() as stack:
        address = ("127.0.0.1", narrow_door.port)
        opened = [stack.enter_context(socket.create_connection(address, timeout=60)) for _ in range(40)]
        closed = [connection for connection in opened if was_closed(connection)]
    assert 0 < len(closed) < 40
    eventually(lambda: httpx.get(narrow_door.url, timeout=60).status_code == 404)


def was_closed(connection: socket.socket) -> bool:
    connection.settimeout(0.05)
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True
