"""What reaches which replica, with which headers: asked of a real Envoy."""

import json
import re
import socket
import struct
from collections import Counter

import httpx
import pytest

from tests.gateway.replica import Replicas
from tests.gateway.running import AUTHORIZED, KEY, RunningGateway, deployment, endpoint, eventually

GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def pinned(name: str) -> dict[str, str]:
    return AUTHORIZED | {"azureml-model-deployment": name}


def test_before_any_publication_every_path_is_a_404_in_json(client: httpx.Client) -> None:
    answer = client.post("/anything/score", json={})
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "NotFound"
    assert GUID.fullmatch(answer.headers["x-request-id"])


def test_the_prefix_goes_and_score_becomes_the_scoring_path(
    envoy: RunningGateway, servers: Replicas, client: httpx.Client
) -> None:
    blue = servers.start("blue")
    envoy.put(endpoint("diabetes", deployment("blue", blue.socket, scoring_path="/v1/predict")))
    for path in ("/diabetes/score?a=b", "/diabetes/swagger.json", "/diabetes/v2/models/m?x=1", "/diabetes/"):
        assert client.get(path, headers=AUTHORIZED).status_code == 200
    assert blue.requests == ["GET /v1/predict?a=b", "GET /swagger.json", "GET /v2/models/m?x=1", "GET /"]


def test_the_weights_split_the_requests_and_the_answer_names_the_deployment(
    envoy: RunningGateway, servers: Replicas, client: httpx.Client
) -> None:
    weights = {"blue": 60, "green": 30, "red": 10, "off": 0}
    envoy.put(
        endpoint(
            "split", *(deployment(name, servers.start(name).socket, weight=weight) for name, weight in weights.items())
        )
    )
    answers = [client.post("/split/score", headers=AUTHORIZED) for _ in range(600)]
    seen = Counter(answer.headers["azureml-model-deployment"] for answer in answers)
    assert all(
        answer.json()["socket"].endswith(f"/{answer.headers['azureml-model-deployment']}.sock") for answer in answers
    )
    assert 290 < seen["blue"] < 430
    assert 120 < seen["green"] < 250
    assert 20 < seen["red"] < 110
    assert seen["off"] == 0


def test_the_pin_header_reaches_a_deployment_without_traffic(
    envoy: RunningGateway, servers: Replicas, client: httpx.Client
) -> None:
    blue, green = servers.start("blue"), servers.start("green")
    envoy.put(endpoint("pins", deployment("blue", blue.socket), deployment("green", green.socket, weight=0)))
    answer = client.post("/pins/score", headers=pinned("green"))
    assert (answer.status_code, answer.headers["azureml-model-deployment"]) == (200, "green")
    for name in ("grey", "", "Green", "green,blue"):
        refused = client.post("/pins/score", headers=pinned(name))
        assert refused.status_code == 404
        assert "no deployment of the name" in refused.json()["error"]["message"]
    assert len(green.requests) == 1


def test_no_positive_weight_is_a_404_that_says_so(
    envoy: RunningGateway, servers: Replicas, client: httpx.Client
) -> None:
    envoy.put(endpoint("silent", deployment("blue", servers.start("blue").socket, weight=0)), endpoint("empty"))
    for name in ("silent", "empty"):
        answer = client.post(f"/{name}/score", headers=AUTHORIZED)
        assert answer.status_code == 404
        assert f"No deployment of endpoint {name} receives traffic" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/mine/../other/score", 401),  # is /other/score, and the key is not that endpoint's
        ("/mine/%2e%2e/other/score", 401),
        ("/mine/..%2fother/score", 400),
        ("/mine/..%5cother/score", 400),
        ("/mine//..//other/score", 200),  # is /mine/other/score: the empty segment is what goes
        ("/Mine/score", 404),
        ("/mine", 404),
        ("/minex/score", 404),
        ("/mine/metrics", 404),
        ("/mine/metrics/", 404),
        ("/mine//metrics?x=1", 404),
        ("/mine/%6detrics", 404),
        ("/mine/x/../metrics", 404),
        ("/other/../mine/score", 200),
    ],
)
def test_no_path_reaches_another_endpoint_or_the_metrics(
    envoy: RunningGateway, servers: Replicas, path: str, status: int
) -> None:
    mine, other = servers.start("mine"), servers.start("other")
    envoy.put(
        endpoint("mine", deployment("blue", mine.socket, cluster="d-1")),
        endpoint("other", deployment("blue", other.socket, cluster="d-2"), keys=("another-key",)),
    )
    answer = raw_get(envoy.port, path)
    assert answer.startswith(f"HTTP/1.1 {status} ")
    assert "x-request-id: " in answer
    assert other.requests == []
    assert "GET /metrics" not in mine.requests


def raw_get(port: int, path: str) -> str:
    """As it stands: a client library would tidy the path."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n\r\n".encode())
        return connection.recv(65536).decode()


@pytest.mark.parametrize("path", ["/locked/score", "/locked/swagger.json", "/locked/anything"])
def test_only_the_endpoints_own_keys_open_it(
    envoy: RunningGateway, servers: Replicas, client: httpx.Client, path: str
) -> None:
    blue, green = servers.start("blue"), servers.start("green")
    envoy.put(
        endpoint("locked", deployment("blue", blue.socket), keys=("one", "two", "one")),
        endpoint("neighbour", deployment("green", green.socket), keys=("three",)),
        endpoint("keyless", deployment("grey", green.socket), keys=()),
    )
    for key in ("one", "two"):
        assert client.get(path, headers={"authorization": f"Bearer {key}"}).status_code == 200
    for headers in ({}, {"authorization": "Bearer three"}, {"authorization": "Bearer"}, {"api-key": "one"}):
        refused = client.get(path, headers=headers)
        assert refused.status_code == 401
        assert refused.json()["error"]["code"] == "Unauthorized"
        assert refused.headers["www-authenticate"].startswith("Bearer")
        assert "azureml-model-deployment" not in refused.headers
    assert client.get("/keyless/score", headers={"authorization": "Bearer one"}).status_code == 401
    assert len(blue.requests) == 2


def test_the_replica_sees_no_key_and_no_header_that_steers_the_gateway(
    envoy: RunningGateway, servers: Replicas, client: httpx.Client
) -> None:
    envoy.put(endpoint("quiet", deployment("blue", servers.start("blue").socket)))
    steering = {"x-envoy-max-retries": "9", "x-envoy-upstream-rq-timeout-ms": "90000", "x-envoy-retry-on": "5xx"}
    seen = client.post("/quiet/score", headers=AUTHORIZED | steering).json()["headers"]
    assert not {"authorization", *steering} & set(seen)


def test_request_ids(envoy: RunningGateway, servers: Replicas, client: httpx.Client) -> None:
    envoy.put(endpoint("ids", deployment("blue", servers.start("blue").socket)))
    mine = {"x-request-id": "mine", "x-ms-client-request-id": "a_b-" + "c" * 60}
    answer = client.post("/ids/score", headers=AUTHORIZED | mine)
    seen = answer.json()["headers"]
    assert GUID.fullmatch(answer.headers["x-request-id"])
    assert seen["x-request-id"] == answer.headers["x-request-id"]
    assert answer.headers["x-ms-client-request-id"] == seen["x-ms-client-request-id"] == "a_b-" + "c" * 36
    odd = client.post("/ids/score", headers=AUTHORIZED | {"x-ms-client-request-id": "a b;c"})
    assert "x-ms-client-request-id" not in odd.headers
    assert "x-ms-client-request-id" not in odd.json()["headers"]
    refused = client.post("/ids/score", headers=mine)
    assert refused.status_code == 401
    assert refused.headers["x-ms-client-request-id"] == "a_b-" + "c" * 36


def test_binary_bodies_pass_unchanged(envoy: RunningGateway, servers: Replicas, client: httpx.Client) -> None:
    envoy.put(endpoint("bytes", deployment("blue", servers.start("blue").socket)))
    body = bytes(range(256)) * 20_000
    answer = client.post("/bytes/score", content=body, headers=AUTHORIZED | {"x-echo": "1"})
    assert answer.content == body


def test_answers_stream_through(envoy: RunningGateway, servers: Replicas, client: httpx.Client) -> None:
    envoy.put(endpoint("stream", deployment("blue", servers.start("blue").socket)))
    with client.stream("POST", "/stream/score", headers=AUTHORIZED | {"x-stream": "3"}) as answer:
        pieces = [piece for piece in answer.iter_raw() if piece]
    assert pieces == [b"0\n", b"1\n", b"2\n"]


def test_http2_without_tls(envoy: RunningGateway, servers: Replicas) -> None:
    envoy.put(endpoint("two", deployment("blue", servers.start("blue").socket)))
    headers = [(":method", "GET"), (":scheme", "http"), (":path", "/two/score"), (":authority", "x")]
    headers.append(("authorization", f"Bearer {KEY}"))
    block = b"".join(b"\x00" + hpack_string(name) + hpack_string(value) for name, value in headers)
    with socket.create_connection(("127.0.0.1", envoy.port), timeout=60) as connection:
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"") + frame(1, 5, 1, block))
        kind, payload = 0, b""
        while kind != 1:
            kind, payload = read_frame(connection)
    indexed_status_200 = 0x88  # RFC 7541, appendix A
    assert payload[0] == indexed_status_200


def hpack_string(text: str) -> bytes:
    return bytes([len(text)]) + text.encode()


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def read_frame(connection: socket.socket) -> tuple[int, bytes]:
    head = connection.recv(9, socket.MSG_WAITALL)
    length = int.from_bytes(head[:3], "big")
    return head[3], connection.recv(length, socket.MSG_WAITALL) if length else b""


def test_the_access_log_names_the_deployment_and_holds_no_secret(
    envoy: RunningGateway, servers: Replicas, client: httpx.Client
) -> None:
    blue = servers.start("blue")
    envoy.put(endpoint("logged", deployment("blue", blue.socket)))
    answer = client.post(
        "/logged/score?token=query-secret",
        content=b"body-secret",
        headers=AUTHORIZED | {"x-want-status": "500", "x-ms-client-request-id": "abc"},
    )
    line = log_line(envoy, answer.headers["x-request-id"])
    assert (
        line
        | {
            "endpoint": "logged",
            "deployment": "blue",
            "method": "POST",
            "path": "/logged/score",
            "status": 424,
            "model_status": "500",
            "replica_socket": blue.socket,
            "request_bytes": 11,
            "x_ms_client_request_id": "abc",
        }
        == line
    )
    assert {"total_ms", "request_ms", "response_ms", "time", "flags", "response_bytes"} <= set(line)
    assert not any(secret in envoy.access_log.read_text() for secret in (KEY, "query-secret", "body-secret"))


def log_line(envoy: RunningGateway, request_id: str) -> dict[str, object]:
    """The log is written once a second."""
    eventually(lambda: request_id in envoy.access_log.read_text())
    lines = (json.loads(line) for line in envoy.access_log.read_text().splitlines())
    found: dict[str, object] = next(line for line in lines if line.get("x_request_id") == request_id)
    return found
