"""A real load on a real deployment: out by what is in flight, in again, and no request fails."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.running import RunningStudio, wait_for
from tests.e2e.scripts import api, deploy, look, replicas, settled

pytestmark = pytest.mark.e2e

SLOW = """
import time

def init():
    pass

def run(raw_data):
    time.sleep(0.2)
    return "done"
"""
BODY = {"requests": "per instance"}


def rule(direction: str, operator: str, threshold: float) -> dict[str, Any]:
    return {
        "metricTrigger": {
            "metricName": "InFlight",
            "timeGrain": "PT10S",
            "timeWindow": "PT20S",
            "operator": operator,
            "threshold": threshold,
            "dividePerInstance": True,
        },
        "scaleAction": {"direction": direction, "type": "ChangeCount", "value": "1", "cooldown": "PT5S"},
    }


SETTING = {
    "properties": {
        "profiles": [
            {
                "name": "usual",
                "capacity": {"minimum": "1", "maximum": "2", "default": "1"},
                "rules": [rule("Increase", "GreaterThan", 3), rule("Decrease", "LessThan", 1.4)],
            }
        ]
    }
}
PATH = "endpoints/busy/deployments/one"


@dataclass
class Load:
    """So many callers, one request after the other each."""

    url: str
    key: str
    statuses: Counter[Any] = field(default_factory=Counter)
    wanted: int = 0
    running: list[threading.Thread] = field(default_factory=list)

    def callers(self, number: int) -> None:
        self.wanted = number
        while len(self.running) < number:
            thread = threading.Thread(target=self._call, args=(len(self.running),), daemon=True)
            self.running.append(thread)
            thread.start()
        for thread in self.running[number:]:
            thread.join(60)
        del self.running[number:]

    def _call(self, index: int) -> None:
        with httpx.Client(timeout=60) as client:
            while index < self.wanted:
                self._count(client)

    def _count(self, client: httpx.Client) -> None:
        try:
            answer = client.post(self.url, headers={"Authorization": f"Bearer {self.key}"}, json=BODY)
            self.statuses[answer.status_code] += 1
        except httpx.HTTPError as error:
            self.statuses[repr(error)] += 1


@contextmanager
def load(studio: RunningStudio, key: str) -> Iterator[Load]:
    made = Load(url=f"{studio.gateway_url}/busy/score", key=key)
    try:
        yield made
    finally:
        made.callers(0)


@pytest.fixture(scope="module")
def key(studio: RunningStudio) -> str:
    settings = {"request_timeout_ms": 60_000, "max_concurrent_requests_per_instance": 5}
    found = deploy(studio, "busy", "one", SLOW, all_traffic=True, request_settings=settings)
    assert settled(studio, "busy", "one")["provisioning_state"] == "Succeeded"
    return found


def decisions(studio: RunningStudio) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api(studio, "GET", f"{PATH}/scale-decisions/").json()["value"]
    return found


def scaled(studio: RunningStudio, count: int) -> dict[str, Any]:
    """Once so many instances are there and no others."""

    def there() -> dict[str, Any] | None:
        seen = look(studio, "busy", "one")
        routed = sum(item["routed"] and item["state"] == "Ready" for item in replicas(studio, "busy", "one"))
        right = (seen["instance_count"], routed, seen["provisioning_state"]) == (count, count, "Succeeded")
        return seen if right and len(replicas(studio, "busy", "one")) == count else None

    def why() -> str:
        return f"{api(studio, 'GET', f'{PATH}/autoscale/').json()['status']} {decisions(studio)}"

    found: dict[str, Any] = wait_for(there, what=why)
    return found


def test_it_follows_its_load_out_and_in_and_no_request_fails(studio: RunningStudio, key: str, page: Page) -> None:
    with load(studio, key) as made:
        made.callers(5)
        wait_for(lambda: made.statuses[200], what=lambda: str(made.statuses))
        api(studio, "PUT", f"{PATH}/autoscale/", json=SETTING)
        scaled(studio, 2)
        out = next(item for item in decisions(studio) if item["outcome"] == "scaled")
        assert (out["from_count"], out["to_count"], out["profile"]) == (1, 2, "usual")
        assert out["reason"].startswith("1 -> 2: in flight ")
        assert out["reason"].endswith(" per instance over 3 for 20 s")
        assert out["inputs"][0]["value"] > 3
        page.goto(f"/{PATH}/autoscale/")
        expect(page.get_by_text(out["reason"])).to_be_visible()
        made.callers(1)
        scaled(studio, 1)
        back = next(item for item in decisions(studio) if item["outcome"] == "scaled")
        assert (back["from_count"], back["to_count"]) == (2, 1)
        assert "under 1.4 for 20 s" in back["reason"]
    assert set(made.statuses) == {200}, made.statuses
    operation = api(studio, "GET", f"operations/{back['operation_id']}/").json()
    assert (operation["kind"], operation["status"]) == ("scale", "Succeeded")
    events = api(studio, "GET", "events/?endpoint=busy&verb=deployment.scaled").json()["value"]
    assert {(event["actor"], event["source"]) for event in events} == {("system", "system")}
    assert events[0]["reason"] == f"Autoscale: {back['reason']}"


def test_a_person_sets_it_up_in_the_browser(studio: RunningStudio, key: str, page: Page) -> None:
    url = f"/{PATH}/autoscale/"
    page.goto(f"{url}?mode=advanced")
    editor = page.locator("code-editor .cm-content")
    editor.click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text("profiles:\n- name: usual\n  capacity: {minimum: 1, maximum: 99, default: 1}\n")
    page.get_by_role("button", name="Save rules").click()
    expect(page.get_by_role("alert")).to_contain_text("Line 3: profiles[0].capacity.maximum")
    page.goto(url)
    if page.get_by_role("button", name="Remove autoscale").count():
        page.get_by_role("button", name="Remove autoscale").first.click()
        page.get_by_role("dialog").get_by_role("button", name="Remove autoscale").click()
    expect(page.get_by_text("The number of instances is fixed")).to_be_visible()
    page.get_by_label("Requests in flight per instance").check()
    page.locator("#id_target").fill("4")
    page.get_by_text("Add a time").click()
    page.locator("#id_times-0-name").fill("night")
    page.get_by_label("Sat", exact=True).check()
    page.locator("#id_times-0-start").fill("22:00")
    page.locator("#id_times-0-end").fill("06:00")
    for name in ("minimum", "maximum", "default"):
        page.locator(f"#id_times-0-{name}").fill("1")
    page.get_by_role("button", name="Start autoscale").click()
    expect(page.get_by_text("in flight per instance over 4 for 60 s").first).to_be_visible()
    names = [item["name"] for item in api(studio, "GET", f"{PATH}/autoscale/").json()["profiles"]]
    assert names == ["night", '{"name":"default","for":"night"}']
    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_text("Autoscale is off.").first).to_be_visible()
