"""Copies of requests through a real Envoy: what the caller gets is compared, never how long it took."""

import concurrent.futures
import json
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from endpoints.domain.routing import DeploymentRoute, EndpointRoute, Mirror
from endpoints.telemetry.envoy import EnvoyStatistics
from tests.gateway.replica import Replica, Replicas
from tests.gateway.running import AUTHORIZED, KEY, RunningGateway, deployment, endpoint, eventually

PIN = {"azureml-model-deployment": "green"}
MIB = 1024 * 1024


def mirrored(blue: DeploymentRoute, green: DeploymentRoute, percent: int = 50) -> EndpointRoute:
    return endpoint("shadowed", blue, green, mirror=Mirror(deployment="green", percent=percent))


def put(
    envoy: RunningGateway, blue: Replica | str, green: Replica | str, percent: int = 50, **settings: object
) -> None:
    """`settings` are green's."""
    sockets = [each if isinstance(each, str) else each.socket for each in (blue, green)]
    target = deployment("green", sockets[1], weight=0, **settings)
    envoy.put(mirrored(deployment("blue", sockets[0], max_request_bytes=32 * MIB), target, percent))
    envoy.wait_healthy("d-blue", 1)


def score(client: httpx.Client, times: int = 1, **options: object) -> list[httpx.Response]:
    headers = AUTHORIZED | options.pop("headers", {})  # type: ignore[operator]
    options.setdefault("content", b"{}")
    return [client.post("/shadowed/score", headers=headers, **options) for _ in range(times)]  # type: ignore[arg-type]


def copies(envoy: RunningGateway, name: str = "upstream_rq_completed") -> int:
    return envoy.statistics("m-green").get(name, 0)


@contextmanager
def hanging(servers: Replicas) -> Iterator[Replica]:
    """Ready, and then it reads nothing more of a request than its head."""
    replica = servers.start("hanging")
    replica.deaf = True
    yield replica
    replica.deaf = False


def test_about_as_many_copies_as_asked_for(envoy: RunningGateway, servers: Replicas, client: httpx.Client) -> None:
    blue, green = servers.start("blue"), servers.start("green")
    put(envoy, blue, green, 30)
    eventually(lambda: copies(envoy, "membership_healthy") == 1)
    assert {each.json()["socket"] for each in score(client, 400)} == {blue.socket}
    eventually(lambda: copies(envoy) == len(green.requests))
    assert len(blue.requests) == 400
    assert 70 <= len(green.requests) <= 170  # 120 on average; this far off once in a million
    assert envoy.statistics("d-green").get("upstream_rq_total", 0) == 0
    assert envoy.statistics("d-blue")["upstream_rq_total"] == 400


def test_a_copy_is_marked_and_otherwise_the_same(
    envoy: RunningGateway, servers: Replicas, client: httpx.Client
) -> None:
    blue, green = servers.start("blue"), servers.start("green")
    put(envoy, blue, green)
    eventually(lambda: copies(envoy, "membership_healthy") == 1)
    forged = {"x-studio-mirror": "true", "x-studio-mirror-path": "/elsewhere"}
    answers = score(client, 20, headers=forged, params={"a": "1"}, content=b"body")
    eventually(lambda: green.heads)
    copy = green.heads[0]
    original = next(each for each in blue.heads if each["x-request-id"] == copy["x-request-id"])
    assert copy["x-studio-mirror"] == "true"
    assert "x-studio-mirror" not in original
    assert "x-studio-mirror-path" not in copy.keys() | original.keys()
    assert "authorization" not in copy.keys() | original.keys()
    assert copy["host"] == original["host"]
    assert set(green.requests) == {"POST /score?a=1"}
    assert {each.headers["azureml-model-deployment"] for each in answers} == {"blue"}


def test_what_is_pinned_or_refused_is_not_copied(
    envoy: RunningGateway, servers: Replicas, client: httpx.Client
) -> None:
    blue, green = servers.start("blue"), servers.start("green")
    put(envoy, blue, green)
    pinned = score(client, 20, headers={"azureml-model-deployment": "blue"})
    to_target = score(client, 3, headers=PIN)
    lost = score(client, 20, headers={"azureml-model-deployment": "red"})
    large = [client.post("/shadowed/score", headers=AUTHORIZED, content=bytes(32 * MIB + 1)) for _ in range(10)]
    unsized = [client.post("/shadowed/score", headers=AUTHORIZED, content=iter([bytes(33 * MIB)])) for _ in range(5)]
    stranger = [client.post("/shadowed/score", headers={"authorization": "Bearer no"}) for _ in range(20)]
    assert [{each.status_code for each in group} for group in (pinned, to_target, lost, large, unsized, stranger)] == [
        {200},
        {200},
        {404},
        {413},
        {413},
        {401},
    ]
    assert len(green.requests) == 3
    assert (copies(envoy), copies(envoy, "upstream_rq_total")) == (0, 0)


def test_a_target_that_hangs_is_not_waited_for(envoy: RunningGateway, servers: Replicas, client: httpx.Client) -> None:
    """Not even with a body that is larger than every buffer on its way: the copy is behind, the caller is not."""
    blue = servers.start("blue")
    with hanging(servers) as green:
        put(envoy, blue, green, max_concurrent_requests_per_instance=4, request_timeout_ms=300_000)
        eventually(lambda: copies(envoy, "membership_healthy") == 1)
        answers = score(client, 24, content=bytes(12 * MIB))
        assert {(each.status_code, each.json()["size"]) for each in answers} == {(200, 12 * MIB)}
        seen = envoy.statistics("m-green")
        assert seen["upstream_rq_active"] == 2  # half of what the replica works on
        assert seen["upstream_rq_pending_active"] == 2
        assert seen["upstream_rq_pending_overflow"] > 0  # the rest is dropped
        assert seen["upstream_rq_timeout"] == 0
        # Who pins it finds the other half free: refused is nobody, at the gateway.
        assert envoy.statistics("d-green").get("upstream_rq_pending_overflow", 0) == 0


def test_a_copy_has_the_time_out_of_its_deployment(
    envoy: RunningGateway, servers: Replicas, client: httpx.Client
) -> None:
    blue = servers.start("blue")
    with hanging(servers) as green:
        put(envoy, blue, green, request_timeout_ms=50)
        eventually(lambda: copies(envoy, "membership_healthy") == 1)
        assert {each.status_code for each in score(client, 20)} == {200}
        eventually(lambda: copies(envoy, "upstream_rq_timeout") > 0)
        seen = EnvoyStatistics(envoy.admin_socket).scrape().clusters
        assert seen["m-green"].counts["5xx"] >= seen["m-green"].counts["timeouts"] > 0
        assert seen["d-blue"].counts["2xx"] == 20
        assert "5xx" not in seen["d-blue"].counts


def test_a_target_that_is_dead_fails_nobody(envoy: RunningGateway, servers: Replicas, client: httpx.Client) -> None:
    blue = servers.start("blue")
    put(envoy, blue, "/nowhere/at/all.sock")
    assert {each.status_code for each in score(client, 40)} == {200}
    eventually(lambda: copies(envoy, "upstream_rq_503") > 0)
    assert envoy.statistics("d-blue").get("upstream_rq_5xx", 0) == 0


def test_a_target_that_fails_fails_nobody(envoy: RunningGateway, servers: Replicas, client: httpx.Client) -> None:
    blue, green = servers.start("blue"), servers.start("green")
    green.status = 500
    put(envoy, blue, green)
    eventually(lambda: copies(envoy, "membership_healthy") == 1)
    assert {each.status_code for each in score(client, 40)} == {200}
    eventually(lambda: 0 < len(green.requests) == copies(envoy, "upstream_rq_424"))


@pytest.mark.parametrize(("here", "there"), [("/score", "/v1/predict"), ("/v1/predict", "/score"), ("/a", "/b")])
def test_servers_that_score_at_different_paths(
    envoy: RunningGateway, servers: Replicas, client: httpx.Client, here: str, there: str
) -> None:
    blue, green = servers.start("blue"), servers.start("green")
    one = deployment("blue", blue.socket, scoring_path=here)
    other = deployment("green", green.socket, scoring_path=there, weight=0)
    envoy.put(mirrored(one, other))
    envoy.wait_healthy("d-blue", 1)
    eventually(lambda: copies(envoy, "membership_healthy") == 1)
    score(client, 20, params={"a": "b"})
    eventually(lambda: set(green.requests) == {f"POST {there}?a=b"})
    assert set(blue.requests) == {f"POST {here}?a=b"}
    answers = [client.get("/shadowed/other", headers=AUTHORIZED) for _ in range(20)]
    eventually(lambda: "GET /other" in green.requests)
    assert {each.json()["path"] for each in answers} == {"/other"}


def test_many_at_once_while_the_target_hangs(envoy: RunningGateway, servers: Replicas) -> None:
    blue = servers.start("blue")
    with hanging(servers) as green, httpx.Client(base_url=envoy.url, timeout=60) as client:
        put(envoy, blue, green, request_timeout_ms=300_000)
        eventually(lambda: copies(envoy, "membership_healthy") == 1)
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            found = list(pool.map(lambda _: score(client, content=bytes(2 * MIB))[0].status_code, range(100)))
        assert set(found) == {200}
        assert copies(envoy, "upstream_rq_active") > 0


def test_starting_and_stopping_it_drops_no_request(
    envoy: RunningGateway, servers: Replicas, client: httpx.Client
) -> None:
    blue, green = servers.start("blue"), servers.start("green")
    plain = endpoint("shadowed", deployment("blue", blue.socket), deployment("green", green.socket, weight=0))
    for _ in range(3):
        put(envoy, blue, green)
        assert {each.status_code for each in score(client, 10)} == {200}
        envoy.put(plain)
        assert {each.status_code for each in score(client, 10)} == {200}
    assert json.dumps(envoy.statistics("m-green")) == "{}"
    assert KEY not in envoy.access_log.read_text()
