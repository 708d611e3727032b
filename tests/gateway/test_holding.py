"""Requests that wait for a replica: asked of a real Envoy and the real activator, with the waking played."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from endpoints.gateway import activator
from endpoints.gateway.activator import Activator
from endpoints.gateway.envoy.holding import ACTIVATOR_SOCKET
from tests.gateway.replica import Replicas
from tests.gateway.running import AUTHORIZED, RunningGateway, deployment, endpoint, eventually
from tests.gateway.test_requests import frame, hpack_string, read_frame

HEX = "0" * 31 + "a"
CLUSTER = f"d-{HEX}"
ASLEEP: dict[str, Any] = {
    "cluster": CLUSTER,
    "hold_ms": 20_000,
    "queue": 1024,
    "max_concurrent_requests_per_instance": 1,
}
AWAKE = ASLEEP | {"hold_ms": 0}


@dataclass
class Waking:
    """What the activator asks of the studio, written down."""

    envoy: RunningGateway
    woken: list[str] = field(default_factory=list)
    on_wake: Callable[[], None] = lambda: None
    there: bool = True
    server: uvicorn.Server | None = None

    def wake(self, name: str) -> bool:
        """The first time is what counts; it is asked for again for as long as somebody waits."""
        if name not in self.woken:
            self.woken.append(name)
            self.on_wake()
        return self.there

    def serving(self) -> set[str]:
        healthy = self.envoy.gateway.observe().healthy or {}
        return {cluster.removeprefix("d-") for cluster, count in healthy.items() if count}


@pytest.fixture
def waking(envoy: RunningGateway) -> Iterator[Waking]:
    told = Waking(envoy)
    application = Activator(wake=told.wake, serving=told.serving)
    path: Path = envoy.admin_socket.with_name(ACTIVATOR_SOCKET)
    path.unlink(missing_ok=True)
    server = uvicorn.Server(uvicorn.Config(application, uds=str(path), lifespan="off", log_level="warning"))
    thread = threading.Thread(target=asyncio.run, args=(server.serve(),))
    thread.start()
    eventually(lambda: server.started)
    told.server = server
    yield told
    server.should_exit = server.force_exit = True
    thread.join()


def wait_held(envoy: RunningGateway, count: int) -> None:
    eventually(lambda: envoy.statistics("activator").get("upstream_rq_active", 0) == count)


def test_a_hundred_at_once_cause_one_wake_and_are_all_answered(
    envoy: RunningGateway, servers: Replicas, waking: Waking
) -> None:
    def start() -> None:
        wait_held(envoy, 100)
        blue = servers.start("blue")
        envoy.put(endpoint("sleepy", deployment("blue", blue.socket, **AWAKE)))

    waking.on_wake = start
    envoy.put(endpoint("sleepy", deployment("blue", **ASLEEP)))
    with httpx.Client(base_url=envoy.url, timeout=60, limits=httpx.Limits(max_connections=100)) as client:
        send = lambda number: client.post("/sleepy/score", headers=AUTHORIZED, content=b"x" * number)  # noqa: E731
        with ThreadPoolExecutor(100) as pool:
            answers = list(pool.map(send, range(100)))
    assert {answer.status_code for answer in answers} == {200}
    assert [answer.json()["size"] for answer in answers] == list(range(100))
    assert waking.woken == [HEX]


def test_they_go_on_in_the_order_in_which_they_came(envoy: RunningGateway, servers: Replicas, waking: Waking) -> None:
    blue = servers.start("blue")
    serve = waking.serving
    waking.serving = lambda: serve() if released.is_set() else set()  # type: ignore[method-assign]
    released = threading.Event()
    envoy.put(endpoint("sleepy", deployment("blue", **ASLEEP)))

    def send(number: int) -> int:
        headers = AUTHORIZED | {"x-sleep": "1"}  # so that none takes over the connection of another
        return httpx.post(f"{envoy.url}/sleepy/score?{number}", headers=headers, timeout=60).status_code

    with ThreadPoolExecutor(8) as pool:
        calls = []
        for number in range(8):
            calls.append(pool.submit(send, number))
            wait_held(envoy, number + 1)
        envoy.put(endpoint("sleepy", deployment("blue", blue.socket, **AWAKE)))
        envoy.wait_healthy(CLUSTER, 1)
        released.set()
        assert [call.result() for call in calls] == [200] * 8
    came = [path for paths in blue.connections for path in paths if path.startswith("/score")]
    assert came == [f"/score?{number}" for number in range(8)]


def test_a_caller_by_http2_waits_too(envoy: RunningGateway, servers: Replicas, waking: Waking) -> None:
    envoy.put(endpoint("sleepy", deployment("blue", **ASLEEP)))
    headers = [(":method", "POST"), (":scheme", "http"), (":path", "/sleepy/score"), (":authority", "x")]
    headers.append(("authorization", AUTHORIZED["authorization"]))
    block = b"".join(b"\x00" + hpack_string(name) + hpack_string(value) for name, value in headers)
    with socket.create_connection(("127.0.0.1", envoy.port), timeout=60) as connection:
        head, body = frame(1, 4, 1, block), frame(0, 1, 1, b"{}")
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"") + head + body)
        wait_held(envoy, 1)
        envoy.put(endpoint("sleepy", deployment("blue", servers.start("blue").socket, **AWAKE)))
        kind, payload = 0, b""
        while kind != 1:
            kind, payload = read_frame(connection)
    assert payload[0] == 0x88  # 200, by RFC 7541, appendix A


def test_what_was_waited_is_taken_off_the_time_out(envoy: RunningGateway, servers: Replicas, waking: Waking) -> None:
    def start() -> None:
        time.sleep(1)
        envoy.put(endpoint("sleepy", deployment("blue", blue.socket, **AWAKE)))

    blue = servers.start("blue")
    waking.on_wake = start
    envoy.put(endpoint("sleepy", deployment("blue", **ASLEEP | {"hold_ms": 3000, "request_timeout_ms": 3000})))
    answer = httpx.post(f"{envoy.url}/sleepy/score", headers=AUTHORIZED | {"x-sleep": "2.9"}, timeout=60)
    assert answer.status_code == 408


def test_a_wake_that_fails_is_a_503_that_says_when_to_come_again(envoy: RunningGateway, waking: Waking) -> None:
    envoy.put(endpoint("sleepy", deployment("blue", **ASLEEP | {"hold_ms": 300})))
    answer = httpx.post(f"{envoy.url}/sleepy/score", headers=AUTHORIZED, timeout=60)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["error"]["code"] == "ServiceUnavailable"
    assert waking.woken == [HEX]


def test_without_an_activator_it_is_a_503_too(envoy: RunningGateway) -> None:
    envoy.admin_socket.with_name(ACTIVATOR_SOCKET).unlink(missing_ok=True)
    envoy.put(endpoint("sleepy", deployment("blue", **ASLEEP)))
    answer = httpx.post(f"{envoy.url}/sleepy/score", headers=AUTHORIZED, timeout=60)
    assert answer.status_code == 503
    assert answer.headers["retry-after"]


def test_an_activator_that_ends_while_they_wait_is_a_503(envoy: RunningGateway, waking: Waking) -> None:
    envoy.put(endpoint("sleepy", deployment("blue", **ASLEEP)))
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(httpx.post, f"{envoy.url}/sleepy/score", headers=AUTHORIZED, timeout=60) for _ in "1234"]
        wait_held(envoy, 4)
        assert waking.server is not None
        waking.server.should_exit = waking.server.force_exit = True
        answers = [call.result() for call in waiting]
    assert {answer.status_code for answer in answers} == {503}
    assert all(int(answer.headers["retry-after"]) > 0 for answer in answers)


def test_whoever_goes_away_makes_room(
    envoy: RunningGateway, servers: Replicas, waking: Waking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activator, "ROOM", 3)
    envoy.put(endpoint("sleepy", deployment("blue", **ASLEEP)))
    for _ in range(3):
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{envoy.url}/sleepy/score", headers=AUTHORIZED, timeout=httpx.Timeout(30, read=0.2))
    wait_held(envoy, 0)
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(httpx.post, f"{envoy.url}/sleepy/score", headers=AUTHORIZED, timeout=60) for _ in "123"]
        wait_held(envoy, 3)
        envoy.put(endpoint("sleepy", deployment("blue", servers.start("blue").socket, **AWAKE)))
        assert [call.result().status_code for call in waiting] == [200] * 3


def test_nobody_waits_for_what_is_deleted(envoy: RunningGateway, waking: Waking) -> None:
    waking.there = False
    envoy.put(endpoint("sleepy", deployment("blue", **ASLEEP | {"hold_ms": 250_000})))
    assert httpx.post(f"{envoy.url}/sleepy/score", headers=AUTHORIZED, timeout=60).status_code == 503


def test_wakes_that_hang_keep_nobody_else_waiting(envoy: RunningGateway, servers: Replicas, waking: Waking) -> None:
    """Many deployments at once, and a database that does not answer."""
    blue, hang = servers.start("blue"), threading.Event()

    def start() -> None:
        if waking.woken[-1] != HEX:
            hang.wait(60)

    waking.on_wake = start
    others = [deployment(f"d{number}", **ASLEEP | {"cluster": f"d-{number:032x}", "weight": 0}) for number in range(8)]
    envoy.put(endpoint("sleepy", deployment("blue", **ASLEEP)), endpoint("many", *others))
    with ThreadPoolExecutor(9) as pool:
        mine = pool.submit(httpx.post, f"{envoy.url}/sleepy/score", headers=AUTHORIZED, timeout=60)
        wait_held(envoy, 1)
        for other in others:
            headers = AUTHORIZED | {"azureml-model-deployment": other.name}
            pool.submit(httpx.post, f"{envoy.url}/many/score", headers=headers, timeout=60)
        wait_held(envoy, 9)
        envoy.put(endpoint("sleepy", deployment("blue", blue.socket, **AWAKE)), endpoint("many", *others))
        assert mine.result().status_code == 200
        hang.set()
        waking.there = False


def test_one_that_was_sent_back_to_sleep_is_woken_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activator, "ASK_SECONDS", 0.05)
    asked: list[str] = []

    def wake(name: str) -> bool:
        asked.append(name)
        return True

    assert asyncio.run(held_for(Activator(wake=wake, serving=set), wait_ms=1000)) == [503]
    assert len(asked) > 2


async def held_for(application: Activator, *, wait_ms: int) -> list[int]:
    said: list[int] = []
    scope = {"type": "http", "path": f"/hold/{HEX}", "query_string": f"wait_ms={wait_ms}".encode()}

    async def send(message: dict[str, Any]) -> None:
        said.extend([message["status"]] if "status" in message else [])

    async def receive() -> dict[str, Any]:
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

    await application(scope, receive, send)
    return said


def test_a_stranger_wakes_nobody(envoy: RunningGateway, waking: Waking) -> None:
    envoy.put(endpoint("sleepy", deployment("blue", **ASLEEP)))
    assert httpx.post(f"{envoy.url}/sleepy/score", timeout=60).status_code == 401
    assert waking.woken == []


def test_no_more_wait_than_there_is_room_for(
    envoy: RunningGateway, waking: Waking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activator, "ROOM", 2)
    envoy.put(endpoint("sleepy", deployment("blue", **ASLEEP | {"hold_ms": 2000})))
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(httpx.post, f"{envoy.url}/sleepy/score", headers=AUTHORIZED, timeout=60) for _ in "12"]
        wait_held(envoy, 2)
        assert httpx.post(f"{envoy.url}/sleepy/score", headers=AUTHORIZED, timeout=60).status_code == 503
        assert all(not call.done() for call in waiting)
        assert {call.result().status_code for call in waiting} == {503}
    assert waking.woken == [HEX]
