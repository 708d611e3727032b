"""The status codes of azure-semantics 2.5, each with a body that says what to do."""

import asyncio
import socket
from collections import Counter

import httpx
import pytest

from tests.gateway.replica import Replicas
from tests.gateway.running import AUTHORIZED, KEY, RunningGateway, deployment, endpoint, eventually


def error(answer: httpx.Response) -> dict[str, str]:
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"]
    told: dict[str, str] = answer.json()["error"]
    assert set(told) == {"code", "message"}
    return told


def test_408_when_the_model_is_too_slow(envoy: RunningGateway, servers: Replicas, client: httpx.Client) -> None:
    envoy.put(endpoint("slow", deployment("blue", servers.start("blue").socket, request_timeout_ms=200)))
    answer = client.post("/slow/score", headers=AUTHORIZED | {"x-sleep": "30"})
    assert answer.status_code == 408
    assert error(answer)["code"] == "RequestTimeout"
    assert "request_timeout_ms" in error(answer)["message"]
    assert answer.headers["azureml-model-deployment"] == "blue"


@pytest.mark.parametrize("status", [302, 400, 401, 404, 500, 503, 504])
def test_424_when_the_model_answers_anything_but_success(
    envoy: RunningGateway, servers: Replicas, client: httpx.Client, status: int
) -> None:
    blue = servers.start("blue")
    envoy.put(endpoint("failing", deployment("blue", blue.socket)))
    answer = client.post("/failing/score", headers=AUTHORIZED | {"x-want-status": str(status)})
    assert answer.status_code == 424
    assert answer.headers["ms-azureml-model-error-statuscode"] == str(status)
    assert str(status) in answer.headers["ms-azureml-model-error-reason"]
    assert answer.json()["socket"] == blue.socket
    assert len(blue.requests) == 1


@pytest.mark.parametrize("status", [200, 201, 408, 413, 429])
def test_what_a_replica_says_of_the_request_itself_passes(
    envoy: RunningGateway, servers: Replicas, client: httpx.Client, status: int
) -> None:
    envoy.put(endpoint("passing", deployment("blue", servers.start("blue").socket)))
    answer = client.post("/passing/score", headers=AUTHORIZED | {"x-want-status": str(status)})
    assert answer.status_code == status
    assert "ms-azureml-model-error-statuscode" not in answer.headers


def test_424_when_the_answer_is_not_http(envoy: RunningGateway, servers: Replicas, client: httpx.Client) -> None:
    envoy.put(endpoint("garbled", deployment("blue", servers.start("blue").socket)))
    answer = client.post("/garbled/score", headers=AUTHORIZED | {"x-want-status": "-7"})
    assert answer.status_code == 424
    assert "not valid HTTP" in error(answer)["message"]


def test_413_over_the_cap_of_the_deployment(envoy: RunningGateway, servers: Replicas, client: httpx.Client) -> None:
    blue, green = servers.start("blue"), servers.start("green")
    small = deployment("blue", blue.socket, max_request_bytes=1000)
    large = deployment("green", green.socket, max_request_bytes=3_000_000, weight=0)
    envoy.put(endpoint("capped", small, large))
    pinned = AUTHORIZED | {"azureml-model-deployment": "green"}

    def chunks(size: int) -> list[bytes]:
        return [b"x" * 500] * (size // 500)

    assert client.post("/capped/score", headers=AUTHORIZED, content=b"x" * 1000).status_code == 200
    assert client.post("/capped/score", headers=AUTHORIZED, content=iter(chunks(1000))).status_code == 200
    assert client.post("/capped/score", headers=pinned, content=b"x" * 2_900_000).status_code == 200
    assert client.post("/capped/score", headers=pinned, content=iter(chunks(2_900_000))).status_code == 200
    for headers, size in ((AUTHORIZED, 1500), (pinned, 3_000_500)):
        declared = client.post("/capped/score", headers=headers, content=b"x" * size)
        chunked = client.post("/capped/score", headers=headers, content=iter(chunks(size)))
        assert (declared.status_code, chunked.status_code) == (413, 413)
        assert error(declared)["code"] == error(chunked)["code"] == "PayloadTooLarge"
        assert "max_request_bytes" in error(declared)["message"]
    assert len(blue.requests) == len(green.requests) == 2


def test_a_request_over_the_cap_without_a_key_is_401(
    envoy: RunningGateway, servers: Replicas, client: httpx.Client
) -> None:
    envoy.put(endpoint("capped", deployment("blue", servers.start("blue").socket, max_request_bytes=10)))
    assert client.post("/capped/score", content=b"x" * 11).status_code == 401


async def test_429_over_twice_what_the_instances_can_work_on(envoy: RunningGateway, servers: Replicas) -> None:
    sockets = [servers.start(name).socket for name in ("one", "two")]
    table_endpoint = endpoint("busy", deployment("blue", *sockets, max_concurrent_requests_per_instance=2))
    await asyncio.to_thread(envoy.put, table_endpoint)
    async with httpx.AsyncClient(base_url=envoy.url, timeout=60) as client:
        calls = [client.post("/busy/score", headers=AUTHORIZED | {"x-sleep": "1.5"}) for _ in range(12)]
        answers = await asyncio.gather(*calls)
    assert Counter(answer.status_code for answer in answers) == {200: 8, 429: 4}
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert error(refused)["code"] == "TooManyRequests"
    assert refused.headers["retry-after"] == "1"


def test_503_without_a_replica_in_rotation(envoy: RunningGateway, servers: Replicas, client: httpx.Client) -> None:
    unready = servers.start("unready", ready=False)
    envoy.put(
        endpoint("none", deployment("blue")),
        endpoint("unready", deployment("green", unready.socket)),
        endpoint("gone", deployment("red", str(servers.folder / "nobody.sock"))),
    )
    for name in ("none", "unready", "gone"):
        answer = client.post(f"/{name}/score", headers=AUTHORIZED)
        assert answer.status_code == 503
        assert error(answer)["code"] == "ServiceUnavailable"
    assert unready.requests == []
    unready.ready = True
    envoy.wait_healthy("d-green", 1)
    assert client.post("/unready/score", headers=AUTHORIZED).status_code == 200


def test_503_when_the_replica_drops_the_request_each_time(
    envoy: RunningGateway, servers: Replicas, client: httpx.Client
) -> None:
    blue = servers.start("blue")
    envoy.put(endpoint("dropped", deployment("blue", blue.socket)))
    answer = client.post("/dropped/score", headers=AUTHORIZED | {"x-reset": "1"})
    assert answer.status_code == 503
    assert error(answer)["code"] == "ServiceUnavailable"
    assert len(blue.requests) == 2  # a request that kills its replica may not go through all of them


def test_the_guards_answer_in_json_too(envoy: RunningGateway) -> None:
    for request, status in (
        (b"NONSENSE\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: x\r\nlong: " + b"x" * 40_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nhost: x\r\n" + b"many: x\r\n" * 200 + b"\r\n", 431),
    ):
        with socket.create_connection(("127.0.0.1", envoy.port), timeout=60) as connection:
            connection.sendall(request)
            answer = connection.recv(65536).decode()
        assert answer.startswith(f"HTTP/1.1 {status} ")
        assert '{"error":{"code":' in answer
        assert "x-request-id: " in answer


def test_statistics_tell_each_cause_apart(envoy: RunningGateway, servers: Replicas, client: httpx.Client) -> None:
    blue = servers.start("blue")
    envoy.put(endpoint("counted", deployment("blue", blue.socket, cluster="d-counted", request_timeout_ms=1000)))
    for headers in ({}, {}, {"x-want-status": "500"}, {"x-want-status": "429"}, {"x-sleep": "30"}):
        client.post("/counted/score", headers=AUTHORIZED | headers, content=b"x" * 100)
    client.post("/counted/score", headers={"authorization": f"Bearer {KEY}x"})
    eventually(lambda: envoy.statistics("d-counted")["upstream_rq_completed"] == 5)
    seen = envoy.statistics("d-counted")
    expected = {"upstream_rq_2xx": 2, "upstream_rq_424": 1, "upstream_rq_429": 1, "upstream_rq_504": 1}
    assert seen | expected | {"upstream_rq_timeout": 1, "upstream_rq_active": 0} == seen
    assert seen["upstream_cx_tx_bytes_total"] > 500
    assert seen["upstream_cx_rx_bytes_total"] > 500
    histogram = envoy.admin.get("/stats?format=prometheus&filter=d-counted.upstream_rq_time").decode()
    assert 'upstream_rq_time_bucket{envoy_cluster_name="d-counted",le="0.5"}' in histogram
