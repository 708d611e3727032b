"""Pages of other origins: what a browser would be told by a real Envoy."""

import httpx
import pytest

from endpoints.domain.limits import Cors
from tests.gateway.replica import Replica, Replicas
from tests.gateway.running import AUTHORIZED, RunningGateway, deployment, endpoint

PAGE = "https://app.example.org"
ASKS = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}


@pytest.fixture
def blue(envoy: RunningGateway, servers: Replicas) -> Replica:
    replica = servers.start("blue")
    open_to = Cors(origins=(PAGE, "http://localhost:3000"), headers=("authorization", "x-mine"), max_age_seconds=77)
    envoy.put(
        endpoint("shared", deployment("blue", replica.socket), cors=open_to),
        endpoint("wide", deployment("blue", replica.socket, cluster="d-3"), cors=Cors(origins=("*",))),
        endpoint("closed", deployment("blue", replica.socket, cluster="d-4")),
    )
    return replica


@pytest.mark.parametrize("path", ["/shared/score", "/shared/swagger.json"])
def test_a_named_page_may_ask_without_a_key(blue: Replica, client: httpx.Client, path: str) -> None:
    answer = client.options(path, headers={"origin": PAGE, **ASKS})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["access-control-allow-methods"] == "POST, GET"
    assert answer.headers["access-control-allow-headers"] == "authorization, x-mine"
    assert answer.headers["access-control-max-age"] == "77"
    assert "access-control-allow-credentials" not in answer.headers
    assert "azureml-model-deployment" not in answer.headers
    assert blue.requests == []


def test_a_named_page_reads_answers_and_errors(blue: Replica, client: httpx.Client) -> None:
    for headers, status in ((AUTHORIZED, 200), ({}, 401), (AUTHORIZED | {"x-want-status": "500"}, 424)):
        answer = client.post("/shared/score", headers={"origin": PAGE, **headers})
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == PAGE
        assert "x-request-id" in answer.headers["access-control-expose-headers"]


@pytest.mark.parametrize(
    "origin",
    [
        "https://elsewhere.example.org",
        "http://app.example.org",
        "https://app.example.org.evil.example",
        "https://app.example.org:8443",
        "https://APP.example.org",
        "null",
        "*",
    ],
)
def test_a_foreign_page_gets_nothing(blue: Replica, client: httpx.Client, origin: str) -> None:
    asked = client.options("/shared/score", headers={"origin": origin, **ASKS})
    assert asked.status_code == 401
    sent = client.post("/shared/score", headers={"origin": origin, **AUTHORIZED})
    for answer in (asked, sent):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_off_unless_it_is_set(blue: Replica, client: httpx.Client) -> None:
    answer = client.options("/closed/score", headers={"origin": PAGE, **ASKS})
    assert answer.status_code == 401
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_a_star_is_every_page(blue: Replica, client: httpx.Client) -> None:
    answer = client.options("/wide/score", headers={"origin": "https://anything.example", **ASKS})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "https://anything.example")


def test_an_options_request_that_is_no_preflight_needs_a_key(blue: Replica, client: httpx.Client) -> None:
    assert client.options("/shared/score", headers={"origin": PAGE}).status_code == 401
    assert client.options("/shared/score", headers=ASKS).status_code == 401
    assert client.post("/shared/score", headers={"origin": PAGE, **ASKS}).status_code == 401
