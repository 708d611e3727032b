"""What a real Envoy writes of the requests that an endpoint keeps."""

import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from endpoints.domain.traffic_log import Entry, NoEntry, TrafficLogging, entry_of
from endpoints.enums import AuthMode, TrafficLogMode
from tests.gateway.replica import Replicas
from tests.gateway.running import AUTHORIZED, KEY, RunningGateway, deployment, endpoint, eventually, id_of

FULL = TrafficLogging(mode=TrafficLogMode.FULL)


def entries(log: Path) -> list[Entry]:
    found = []
    for line in log.read_bytes().splitlines():
        try:
            found.append(entry_of(line))
        except NoEntry:
            continue
    return found


def of(envoy: RunningGateway, name: str) -> list[Entry]:
    return [entry for entry in entries(envoy.access_log) if entry.endpoint.hex == id_of(name)]


def written(envoy: RunningGateway, client: httpx.Client) -> None:
    """All before it is in the file: lines are written in the order in which requests end."""
    mark = client.post("/marked/score", content=b"1", headers=AUTHORIZED).headers["x-request-id"]
    eventually(lambda: mark in envoy.access_log.read_text())


def test_one_request_with_all_that_is_told_of_it(
    envoy: RunningGateway, servers: Replicas, client: httpx.Client
) -> None:
    blue = servers.start("blue")
    named = endpoint(
        "told", deployment("blue", blue.socket), keys=(KEY, "other-key"), key_names=("Primary", "Secondary")
    )
    envoy.put(named, endpoint("marked", deployment("red", blue.socket, cluster="d-red")))
    answer = client.post(
        "/told/score?token=query-secret",
        content=b"body-secret",
        headers={
            "authorization": "Bearer other-key",
            "x-ms-client-request-id": "abc",
            "user-agent": "a" * 100,
            "azureml-model-deployment": "blue",
            "x-studio-caller": "Owner",
        },
    )
    written(envoy, client)
    (entry,) = of(envoy, "told")
    assert (entry.method, entry.path, entry.status, entry.deployment) == ("POST", "/told/score", 200, "blue")
    assert (entry.caller, entry.auth_mode, entry.pinned) == ("Secondary", AuthMode.KEY, True)
    assert (entry.x_request_id, entry.x_ms_client_request_id) == (answer.headers["x-request-id"], "abc")
    assert (entry.user_agent, entry.protocol, entry.request_bytes) == ("a" * 70, "HTTP/1.1", 11)
    assert abs(entry.at - datetime.now(UTC)) < timedelta(minutes=5)
    assert None not in (entry.total_ms, entry.request_ms, entry.response_ms)
    assert not any(secret in envoy.access_log.read_text() for secret in ("other-key", "query-secret", "body-secret"))
    assert all("x-studio-caller" not in head for head in blue.heads)


def test_a_caller_that_names_itself_is_nobody(envoy: RunningGateway, servers: Replicas, client: httpx.Client) -> None:
    blue = servers.start("blue")
    envoy.put(endpoint("told", deployment("blue", blue.socket)), endpoint("marked", deployment("r", blue.socket)))
    client.post("/told/score?token=query-secret", content=b"1", headers={"x-studio-caller": "Primary"})
    written(envoy, client)
    (entry,) = of(envoy, "told")[-1:]
    assert (entry.status, entry.caller, entry.path) == (401, "", "/told/score")
    assert "query-secret" not in envoy.access_log.read_text()


@pytest.mark.parametrize(
    ("mode", "percent", "kept", "failures"),
    [
        (TrafficLogMode.OFF, 50, range(1), range(1)),
        (TrafficLogMode.ERRORS, 50, range(1), range(20, 21)),
        (TrafficLogMode.SAMPLED, 25, range(60, 141), range(20, 21)),  # more than 4.6 deviations from the mean
        (TrafficLogMode.SAMPLED, 100, range(400, 401), range(20, 21)),
        (TrafficLogMode.FULL, 1, range(400, 401), range(20, 21)),
    ],
)
def test_what_is_kept(
    envoy: RunningGateway,
    servers: Replicas,
    client: httpx.Client,
    mode: TrafficLogMode,
    percent: int,
    kept: range,
    failures: range,
) -> None:
    blue = servers.start("blue")
    name = f"kept-{mode}-{percent}"
    logging = TrafficLogging(mode=mode, percent=percent)
    envoy.put(
        endpoint(name, deployment("blue", blue.socket), traffic_log=logging),
        endpoint("marked", deployment("red", blue.socket, cluster="d-red")),
    )
    for _ in range(400):
        client.post(f"/{name}/score", content=b"1", headers=AUTHORIZED)
    for _ in range(20):
        client.post(f"/{name}/score", content=b"1")
    written(envoy, client)
    found = [entry.status for entry in of(envoy, name)]
    assert found.count(200) in kept
    assert found.count(401) in failures


def test_nobody_elses_requests_are_kept(envoy: RunningGateway, servers: Replicas, client: httpx.Client) -> None:
    blue = servers.start("blue")
    envoy.put(endpoint("marked", deployment("blue", blue.socket)))
    client.post("/nowhere/score", content=b"1", headers={"x-ms-client-request-id": "nowhere"})
    written(envoy, client)
    assert '"nowhere"' not in envoy.access_log.read_text()


def test_hostile_values(envoy: RunningGateway, servers: Replicas, client: httpx.Client) -> None:
    """Each stays one line of bounded length, and its own text."""
    blue = servers.start("blue")
    envoy.put(endpoint("told", deployment("blue", blue.socket)), endpoint("marked", deployment("r", blue.socket)))
    before = len(of(envoy, "told"))
    agents = [b'{"endpoint_id": "x"}', b"\xff\xfe\xc3(", "\N{SNOWMAN}".encode(), b"\\n\\u0000", b"h" * 20_000]
    for agent in agents:
        path = b"/told/" + b"p" * 5000 if agent == agents[-1] else b"/told/score"
        sent(envoy.port, path, agent)
    written(envoy, client)
    found = of(envoy, "told")[before:]
    assert [entry.status for entry in found] == [200] * len(agents)
    assert found[0].user_agent == '{"endpoint_id": "x"}'
    assert found[3].user_agent == "\\n\\u0000"
    assert (len(found[4].user_agent), len(found[4].path)) == (70, 500)
    assert all(len(line) < 4096 for line in envoy.access_log.read_bytes().splitlines())


def sent(port: int, path: bytes, agent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        head = b"POST %b HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %b\r\nuser-agent: %b\r\n" % (
            path,
            KEY.encode(),
            agent,
        )
        connection.sendall(head + b"connection: close\r\ncontent-length: 1\r\n\r\n1")
        while connection.recv(65536):
            pass


def test_a_log_that_was_renamed_goes_on_under_its_name(own_envoy: RunningGateway, servers: Replicas) -> None:
    blue = servers.start("blue")
    own_envoy.put(endpoint("told", deployment("blue", blue.socket)))
    before = own_envoy.access_log.with_name("before.jsonl")
    with httpx.Client(base_url=own_envoy.url) as client:
        client.post("/told/score", content=b"1", headers=AUTHORIZED)
        eventually(lambda: own_envoy.access_log.exists() and own_envoy.access_log.stat().st_size)
        own_envoy.access_log.rename(before)
        own_envoy.admin.reopen_logs()
        eventually(own_envoy.access_log.exists)
        client.post("/told/score", content=b"1", headers=AUTHORIZED)
        eventually(lambda: own_envoy.access_log.stat().st_size)
    assert len(entries(before)) == len(entries(own_envoy.access_log)) == 1
    assert before.stat().st_ino != own_envoy.access_log.stat().st_ino
