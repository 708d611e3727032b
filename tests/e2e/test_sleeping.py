"""Scale to zero and wake on request, through the real gateway, with real replicas."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.running import RunningStudio, wait_for
from tests.e2e.scripts import ECHO, api, deploy, live_traffic, look, replicas, settled

pytestmark = pytest.mark.e2e

PATIENT: dict[str, Any] = {"request_settings": {"request_timeout_ms": 60_000}}
# The first start leaves a mark in the replica's own folder; the next one hangs at it.
HANGS_THE_SECOND_TIME = """
import pathlib, time

def init():
    mark = pathlib.Path.home() / "started"
    if mark.exists():
        time.sleep(600)
    mark.touch()

def run(raw_data):
    return 1
"""


def asleep(studio: RunningStudio, endpoint: str) -> None:
    api(studio, "POST", f"endpoints/{endpoint}/deployments/one/sleep/")
    wait_for(lambda: all(seen["state"] == "Stopped" for seen in replicas(studio, endpoint, "one")))
    assert look(studio, endpoint, "one")["sleep"] == "asleep"


@pytest.fixture(scope="module")
def sleepy(studio: RunningStudio) -> str:
    """The key of an endpoint whose one deployment takes all traffic."""
    key = deploy(studio, "sleepy", "one", ECHO, all_traffic=True, **PATIENT)
    assert settled(studio, "sleepy", "one")["provisioning_state"] == "Succeeded"
    wait_for(lambda: live_traffic(studio, "sleepy") == {"one": 100})
    return key


def events(studio: RunningStudio, verb: str) -> list[dict[str, object]]:
    found = api(studio, "GET", "events/", params={"endpoint": "sleepy"}).json()["value"]
    return [event for event in found if event["verb"] == verb]


def test_a_hundred_at_once_are_answered_by_one_start(studio: RunningStudio, sleepy: str) -> None:
    asleep(studio, "sleepy")
    before = len(events(studio, "deployment.woken"))
    headers = {"authorization": f"Bearer {sleepy}"}
    with httpx.Client(timeout=120, limits=httpx.Limits(max_connections=100)) as client, ThreadPoolExecutor(100) as pool:
        url = f"{studio.gateway_url}/sleepy/score"
        answers = list(pool.map(lambda _: client.post(url, content=b"{}", headers=headers), range(100)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["pid"] for answer in answers}) == 1
    assert len(events(studio, "deployment.woken")) == before + 1


def test_it_goes_to_sleep_by_itself(studio: RunningStudio, sleepy: str) -> None:
    httpx.post(f"{studio.gateway_url}/sleepy/score", headers={"authorization": f"Bearer {sleepy}"}, timeout=60)
    api(studio, "PUT", "endpoints/sleepy/deployments/one/scale-to-zero/", json={"scale_to_zero_after": 30})
    wait_for(lambda: look(studio, "sleepy", "one")["sleep"] == "asleep")
    wait_for(lambda: all(seen["state"] == "Stopped" for seen in replicas(studio, "sleepy", "one")))
    api(studio, "PUT", "endpoints/sleepy/deployments/one/scale-to-zero/", json={"scale_to_zero_after": None})
    wait_for(lambda: [seen["state"] for seen in replicas(studio, "sleepy", "one")] == ["Ready"])


def test_a_wake_that_fails_is_told_in_time(studio: RunningStudio) -> None:
    limits = {"request_timeout_ms": 2000}
    key = deploy(studio, "insomnia", "one", HANGS_THE_SECOND_TIME, all_traffic=True, request_settings=limits)
    assert settled(studio, "insomnia", "one")["provisioning_state"] == "Succeeded"
    wait_for(lambda: live_traffic(studio, "insomnia") == {"one": 100})
    asleep(studio, "insomnia")
    headers = {"authorization": f"Bearer {key}"}
    answer = httpx.post(f"{studio.gateway_url}/insomnia/score", headers=headers, timeout=60)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "scaled to zero" in answer.json()["error"]["message"]


def test_the_page_sends_it_to_sleep_and_wakes_it(studio: RunningStudio, sleepy: str, page: Page) -> None:
    page.goto("/endpoints/sleepy/deployments/one/")
    page.get_by_role("button", name="Scale to zero now").click()
    expect(page.locator(".page-head").get_by_text("Scaled to zero")).to_be_visible()
    page.get_by_role("button", name="Wake now").click()
    expect(page.get_by_role("cell", name="Ready", exact=True)).to_be_visible()
