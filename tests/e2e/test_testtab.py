"""The Test tab in a browser: two real deployments side by side, through the real gateway."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.e2e.running import RunningStudio, wait_for
from tests.e2e.scripts import api, deploy, settled

pytestmark = pytest.mark.e2e

ANSWERS = """
def init():
    pass

def run(raw_data):
    return {answer}
"""


@pytest.fixture(scope="module", autouse=True)
def pair(studio: RunningStudio) -> Iterator[None]:
    deploy(studio, "paired", "before", ANSWERS.format(answer={"score": 0.25, "old": 1}), all_traffic=True)
    deploy(studio, "paired", "after", ANSWERS.format(answer={"score": 0.75, "new": 2}))
    for name in ("before", "after"):
        assert settled(studio, "paired", name)["provisioning_state"] == "Succeeded"
    yield
    api(studio, "PUT", "endpoints/paired/traffic/", json={"traffic": {}})
    api(studio, "DELETE", "endpoints/paired/")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_two_deployments_answer_side_by_side(page: Page, theme: str) -> None:
    page.emulate_media(color_scheme="light" if theme == "light" else "dark")
    page.goto("/endpoints/paired/test/?deployment=before")
    page.get_by_text("Side by side", exact=True).click()
    page.get_by_label("Compare with").select_option("after")
    page.get_by_label("Runs").select_option("10")
    page.get_by_role("button", name="Send").click()
    found = page.get_by_role("region", name="Side by side")
    expect(found.get_by_text("0 of 10 failed")).to_have_count(2)
    rows = found.get_by_role("region", name="Differences").get_by_role("row")
    expect(rows.filter(has_text="$.score")).to_contain_text("changed")
    expect(rows.filter(has_text="$.old")).to_contain_text("removed")
    expect(rows.filter(has_text="$.new")).to_contain_text("added")
    expect(page.locator("form[data-test] .button-primary")).to_be_enabled()
    moving = "!!document.querySelector('form[data-test] .button-primary').getAnimations().length"
    wait_for(lambda: not page.evaluate(moving))
    violations = [each for each in Axe().run(page).response["violations"] if each["impact"] != "minor"]
    assert [(each["id"], [node["html"][:200] for node in each["nodes"][:3]]) for each in violations] == []
    _shoot(page, f"{theme}-wide")
    page.set_viewport_size({"width": 390, "height": 800})
    wait_for(lambda: page.evaluate("document.documentElement.scrollWidth") <= 390)
    _shoot(page, f"{theme}-narrow")


def _shoot(page: Page, name: str) -> None:
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
