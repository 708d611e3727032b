"""Copies of real requests through the real gateway: to a model that hangs, and to one that fails."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.e2e.running import RunningStudio, wait_for
from tests.e2e.scripts import ECHO, api, deploy, settled

pytestmark = pytest.mark.e2e

HANGS = """
import time

def init():
    pass

def run(raw_data):
    time.sleep(3600)
"""
FAILS = """
def init():
    pass

def run(raw_data):
    raise ValueError("not this one")
"""
TRAFFIC = "endpoints/shadowed/traffic/"


@pytest.fixture(scope="module")
def key(studio: RunningStudio) -> Iterator[str]:
    """Of an endpoint whose deployment `good` has all the traffic; `hangs` and `fails` have none."""
    short: dict[str, Any] = {"request_settings": {"request_timeout_ms": 1000}}
    found = deploy(studio, "shadowed", "good", ECHO)
    deploy(studio, "shadowed", "hangs", HANGS, **short)
    deploy(studio, "shadowed", "fails", FAILS)
    for name in ("good", "hangs", "fails"):
        assert settled(studio, "shadowed", name)["provisioning_state"] == "Succeeded"
    yield found
    api(studio, "PUT", TRAFFIC, json={"traffic": {}, "mirror_traffic": {}})
    api(studio, "DELETE", "endpoints/shadowed/")


def mirror(studio: RunningStudio, copies: dict[str, int]) -> None:
    api(studio, "PUT", TRAFFIC, json={"traffic": {"good": 100}, "mirror_traffic": copies})
    wait_for(lambda: api(studio, "GET", TRAFFIC).json()["live"])
    assert api(studio, "GET", TRAFFIC).json()["live_mirror_traffic"] == copies


def score(studio: RunningStudio, key: str, times: int, **headers: str) -> list[int]:
    url = f"{studio.gateway_url}/shadowed/score"
    with httpx.Client(timeout=60, headers={"authorization": f"Bearer {key}", **headers}) as client:
        return [client.post(url, content=b"{}").status_code for _ in range(times)]


def counted(studio: RunningStudio, deployment: str) -> dict[str, int]:
    """Of the last hour: live requests, live errors, and copies."""
    query = {"deployment": deployment, "range": "1h"}
    found = api(studio, "GET", "endpoints/shadowed/metrics/", params=query).json()["deployments"]
    points: list[dict[str, Any]] = [point for item in found for point in item["points"]]
    copies = [point["mirror"] for point in points if point["mirror"]]
    classes = [point["counts"] for point in points]
    return {
        "requests": sum(point["requests"] for point in points),
        "errors": sum(each.get("4xx", 0) + each.get("5xx", 0) for each in classes),
        "copies": sum(each["requests"] for each in copies),
        "failures": sum(each["failures"] for each in copies),
        "timeouts": sum(each["timeouts"] for each in copies),
        "dropped": sum(each["dropped"] for each in copies),
    }


def test_nobody_waits_for_a_copy_that_hangs(studio: RunningStudio, key: str) -> None:
    mirror(studio, {"hangs": 50})
    before = counted(studio, "good")["requests"]
    assert set(score(studio, key, 60)) == {200}
    wait_for(lambda: counted(studio, "good")["requests"] == before + 60, what=lambda: str(counted(studio, "good")))
    wait_for(lambda: counted(studio, "hangs")["timeouts"] > 0)
    good, hangs = counted(studio, "good"), counted(studio, "hangs")
    assert (good["errors"], good["copies"]) == (0, 0)
    assert (hangs["requests"], hangs["errors"]) == (0, 0)
    assert hangs["failures"] == hangs["copies"] > 0


def test_failed_copies_are_counted_and_shown(studio: RunningStudio, key: str, page: Page) -> None:
    mirror(studio, {"fails": 50})
    before = counted(studio, "good")["requests"]
    assert set(score(studio, key, 60)) == {200}
    wait_for(lambda: counted(studio, "good")["requests"] == before + 60)
    wait_for(lambda: counted(studio, "fails")["failures"] > 5)
    fails = counted(studio, "fails")
    assert (fails["requests"], fails["errors"], fails["timeouts"]) == (0, 0, 0)
    assert fails["failures"] == fails["copies"]
    page.goto("/endpoints/shadowed/traffic/")
    expect(page.locator("[data-mirror-now]")).to_contain_text(f"{fails['failures']} failed (100.0 %)")
    page.goto("/endpoints/shadowed/metrics/")
    expect(page.get_by_text("fails copies").first).to_be_visible()


def test_a_pinned_request_is_not_copied(studio: RunningStudio, key: str) -> None:
    mirror(studio, {"fails": 50})
    before, copies = counted(studio, "good")["requests"], counted(studio, "fails")["copies"]
    assert set(score(studio, key, 40, **{"azureml-model-deployment": "good"})) == {200}
    wait_for(lambda: counted(studio, "good")["requests"] == before + 40)
    assert counted(studio, "fails")["copies"] == copies


def test_the_slider_starts_a_mirror_and_going_live_ends_it(studio: RunningStudio, key: str, page: Page) -> None:
    mirror(studio, {})
    page.goto("/endpoints/shadowed/traffic/")
    box = page.get_by_role("group", name="Mirror")
    target = box.get_by_role("combobox", name="Copies to")
    expect(target.locator("option[value=good]")).to_be_disabled()
    target.select_option("fails")
    box.get_by_role("slider").focus()
    page.keyboard.press("ArrowRight")
    expect(box.get_by_role("spinbutton")).to_have_value("11")
    expect(box).to_contain_text("copies per minute")
    expect(page.locator("[data-preview-row=fails] [data-preview-copies]")).to_contain_text("11 %")
    page.get_by_role("button", name="Apply").click()
    wait_for(lambda: api(studio, "GET", TRAFFIC).json()["live_mirror_traffic"] == {"fails": 11})
    expect(page.get_by_label("Live traffic", exact=True)).to_contain_text("11 % copies")
    is_for_everybody(page)
    page.get_by_role("spinbutton", name="Share of fails in percent").fill("10")
    page.keyboard.press("Tab")
    expect(target).to_have_value("")
    page.get_by_role("button", name="Apply").click()
    wait_for(lambda: api(studio, "GET", TRAFFIC).json()["live_traffic"] == {"good": 90, "fails": 10})
    assert api(studio, "GET", TRAFFIC).json()["live_mirror_traffic"] == {}


def is_for_everybody(page: Page) -> None:
    found = [each["id"] for each in Axe().run(page).response["violations"] if each["impact"] != "minor"]
    assert found == []
    page.set_viewport_size({"width": 390, "height": 800})
    page.wait_for_function("document.documentElement.scrollWidth <= 390")
    page.set_viewport_size({"width": 1360, "height": 900})
