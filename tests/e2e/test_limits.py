"""Limits, CORS, streaming and TLS: set in the studio, met by callers at the gateway."""

import socket
import ssl
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.running import RunningStudio, free_port, running, wait_for
from tests.e2e.scripts import api, deploy, live_traffic, settled
from tests.gateway.certificates import issue

pytestmark = pytest.mark.e2e
ORIGIN = "https://app.example.org"
SCRIPT = """
import os, time

def init():
    pass

def words():
    yield "data: one\\n\\n"
    time.sleep(0.3)
    yield "data: two\\n\\n"

def run(raw_data):
    if raw_data == "stream":
        return words()
    if raw_data == "sleep":
        print("began", flush=True)
        try:
            time.sleep(600)
        finally:
            print("ended", flush=True)
    return os.getpid()

run.content_type = "text/event-stream"
"""


def caller(base: str, key: str) -> httpx.Client:
    return httpx.Client(base_url=base, headers={"authorization": f"Bearer {key}"}, timeout=60)


@pytest.fixture(scope="module")
def key(studio: RunningStudio) -> str:
    settings = {"request_timeout_ms": 120_000, "max_concurrent_requests_per_instance": 20}
    made = deploy(studio, "limited", "one", SCRIPT, all_traffic=True, request_settings=settings)
    assert settled(studio, "limited", "one")["provisioning_state"] == "Succeeded"
    wait_for(lambda: live_traffic(studio, "limited") == {"one": 100})
    return made


def test_a_limit_set_on_the_page_is_met_by_callers(studio: RunningStudio, key: str, page: Page) -> None:
    page.goto("/endpoints/limited/settings/")
    page.get_by_label("Requests per second").fill("5")
    page.get_by_role("button", name="Save limits").click()
    expect(page.get_by_text("Saved. The gateway follows.")).to_be_visible()
    with caller(f"{studio.gateway_url}/limited", key) as client:
        refused = wait_for(lambda: next((each for each in burst(client) if each.status_code == 429), None))
        assert refused.headers["retry-after"] == "1"
        assert "requests_per_second" in refused.json()["error"]["message"]
        nothing = {"requests_per_second": None, "kilobytes_per_second": None}
        api(studio, "PUT", "endpoints/limited/limits/", json=nothing)
        wait_for(lambda: Counter(each.status_code for each in burst(client)) == {200: 30})


def burst(client: httpx.Client) -> list[httpx.Response]:
    return [client.post("/score", content="pid") for _ in range(30)]


def test_a_wrong_origin_is_told_at_its_field_and_a_right_one_opens_the_endpoint(
    studio: RunningStudio, key: str, page: Page
) -> None:
    page.goto("/endpoints/limited/settings/")
    origins = page.get_by_label("Allowed origins")
    origins.fill("app.example.org")
    page.get_by_role("button", name="Save CORS").click()
    expect(page.get_by_text("“app.example.org” is no origin")).to_be_visible()
    origins.fill(ORIGIN)
    page.get_by_role("button", name="Save CORS").click()
    expect(page.get_by_text("Saved. The gateway follows.")).to_be_visible()
    asks = {"access-control-request-method": "POST", "origin": ORIGIN}
    url = f"{studio.gateway_url}/limited/score"
    answer = wait_for(lambda: next((a for a in [httpx.options(url, headers=asks)] if a.status_code == 200), None))
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert httpx.options(url, headers=asks | {"origin": "https://elsewhere.example"}).status_code == 401


def test_an_answer_is_streamed_as_it_is_written(studio: RunningStudio, key: str) -> None:
    with (
        caller(f"{studio.gateway_url}/limited", key) as client,
        client.stream("POST", "/score", content="stream") as answer,
    ):
        assert answer.headers["content-type"] == "text/event-stream"
        assert list(answer.iter_raw()) == [b"data: one\n\n", b"data: two\n\n"]


def test_a_caller_who_goes_away_ends_the_work_and_the_worker_stays(studio: RunningStudio, key: str) -> None:
    with caller(f"{studio.gateway_url}/limited", key) as client:
        worker = client.post("/score", content="pid").json()
        head = f"POST /limited/score HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-length: 5\r\n\r\n"
        with socket.create_connection(("127.0.0.1", studio.gateway_port)) as connection:
            connection.sendall(f"{head}sleep".encode())
            wait_for(lambda: "began" in replica_log(studio))
        wait_for(lambda: "ended" in replica_log(studio))
        assert client.post("/score", content="pid").json() == worker


def replica_log(studio: RunningStudio) -> str:
    answer = api(studio, "GET", "endpoints/limited/deployments/one/replicas/0/log/")
    return answer.text


@pytest.fixture(scope="module")
def secured() -> Iterator[tuple[RunningStudio, Path, int]]:
    folder, port = Path(tempfile.mkdtemp(prefix="es-")), free_port()
    issue(folder, "one")
    settings = {
        "STUDIO_TLS_CERT": str(folder / "tls.crt"),
        "STUDIO_TLS_KEY": str(folder / "tls.key"),
        "STUDIO_GATEWAY_TLS_PORT": str(port),
        "STUDIO_GATEWAY_HTTPS_ONLY": "1",
        "STUDIO_GATEWAY_DOMAIN": "scoring.test",
    }
    with running(**settings) as studio:
        yield studio, folder, port


def test_with_a_certificate_everything_is_https(secured: tuple[RunningStudio, Path, int]) -> None:
    studio, folder, port = secured
    key = deploy(studio, "safe", "one", SCRIPT, all_traffic=True)
    assert settled(studio, "safe", "one")["provisioning_state"] == "Succeeded"
    wait_for(lambda: live_traffic(studio, "safe") == {"one": 100})
    shown = api(studio, "GET", "endpoints/safe/").json()
    assert shown["scoring_uri"] == f"https://127.0.0.1:{port}/safe/score"
    assert shown["host_scoring_uri"] == f"https://safe.scoring.test:{port}/score"
    trust = ssl.create_default_context(cafile=str(folder / "tls.crt"))
    headers = {"authorization": f"Bearer {key}"}
    with httpx.Client(verify=trust, timeout=60) as client:
        assert client.post(shown["scoring_uri"], content="pid", headers=headers).status_code == 200
        at_host = headers | {"host": "safe.scoring.test"}
        assert client.post(f"https://127.0.0.1:{port}/score", content="pid", headers=at_host).status_code == 200
    assert httpx.post(f"{studio.gateway_url}/safe/score", headers=headers).status_code == 308
    # The studio's own test call needs neither the port nor the certificate.
    assert api(studio, "POST", "endpoints/safe/invoke/", json="pid").status_code == 200
