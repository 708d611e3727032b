"""What replicas wrote, in the browser: from a response to its lines, all of them followed; and why one failed."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.running import RunningStudio, wait_for
from tests.e2e.scripts import api, deploy, live_traffic, settled

pytestmark = pytest.mark.e2e

TALKATIVE = """
import logging

def init():
    print("model loaded", flush=True)

def run(raw_data):
    print("asked for", raw_data, flush=True)
    if raw_data == "bad":
        raise ValueError("no such flat")
    return len(raw_data)
"""


@pytest.fixture(scope="module")
def key(studio: RunningStudio) -> Iterator[str]:
    """Of an endpoint with two replicas."""
    key = deploy(studio, "written", "one", TALKATIVE, all_traffic=True, instance_count=2, requirements="six==1.17.0")
    assert settled(studio, "written", "one")["provisioning_state"] == "Succeeded"
    wait_for(lambda: live_traffic(studio, "written") == {"one": 100})
    yield key
    api(studio, "PUT", "endpoints/written/traffic/", json={"traffic": {}})
    api(studio, "DELETE", "endpoints/written/")


def ask(studio: RunningStudio, key: str, body: str) -> str:
    """The request's id."""
    headers = {"authorization": f"Bearer {key}"}
    answer = httpx.post(f"{studio.gateway_url}/written/score", content=body, headers=headers, timeout=60)
    return answer.headers["x-request-id"]


def test_a_responses_id_leads_to_its_lines(studio: RunningStudio, key: str, page: Page) -> None:
    for _ in range(4):
        ask(studio, key, "other")
    wanted = ask(studio, key, "wanted")
    page.goto(f"/endpoints/written/deployments/one/logs/?replica=all&q={wanted}")
    lines = page.locator(".log-line")
    expect(lines).to_have_count(1)
    expect(lines).to_contain_text("asked for wanted")
    expect(lines).to_contain_text(re.compile(r"\[replica [01]\]"))


def test_a_log_is_followed(studio: RunningStudio, key: str, page: Page) -> None:
    for view in ("replica=all", "replica=all&q=followed"):
        page.goto(f"/endpoints/written/deployments/one/logs/?{view}")
        expect(page.locator(".log-line").first if "q=" not in view else page.locator("[data-log]")).to_be_visible()
        wanted = ask(studio, key, "followed")
        expect(page.locator(".log-line", has_text=wanted)).to_have_count(1)


def test_what_made_it_ready_is_the_storage_initializers(key: str, page: Page) -> None:
    page.goto("/endpoints/written/deployments/one/logs/?container=storage-initializer")
    expect(page.locator(".log-line", has_text="code written-one:1: 1 files")).to_be_visible()
    expect(page.locator(".log-line", has_text="six").first).to_be_visible()


def test_what_is_chosen_is_shown_at_once(key: str, page: Page) -> None:
    page.goto("/endpoints/written/deployments/one/logs/?q=loaded")
    choice = page.locator("select[name=container]")
    choice.select_option("storage-initializer")
    page.wait_for_url("**container=storage-initializer**q=loaded**")
    expect(choice).to_have_value("storage-initializer")


def test_a_log_is_kept_by_download(studio: RunningStudio, key: str, page: Page) -> None:
    page.goto("/endpoints/written/deployments/one/logs/?replica=0")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "written-one-0.log"
    assert "model loaded" in Path(download.value.path()).read_text()


def test_a_failure_names_its_cause_and_where_to_mend_it(studio: RunningStudio, key: str, page: Page) -> None:
    deploy(studio, "written", "lacking", "import notthere\ndef init(): pass\ndef run(x): pass\n")
    assert settled(studio, "written", "lacking")["error"]["code"] == "UserScriptImportError"
    page.goto("/endpoints/written/deployments/lacking/")
    causes = page.get_by_role("region", name="Likely causes")
    expect(causes.locator("li").first).to_contain_text("The environment has no module notthere")
    expect(causes.locator("code").first).to_contain_text("No module named 'notthere'")
    causes.get_by_role("link", name="Go to environment").first.click()
    expect(page).to_have_url(re.compile("/lacking/settings/#id_environment$"))
    expect(page.locator("#id_environment")).to_be_visible()
