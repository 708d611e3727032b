"""IT's first page on a studio that runs: what it says of each part was really seen."""

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.e2e
WELL = {
    "web": "Answers",
    "workers": "At work",
    "broker": "Answers",
    "database": "Answers",
    "gateway": "Up to date",
    "traffic-log": "Keeps up",
    "certificates": "No TLS",
    "telemetry": "Off",
}


def test_every_part_of_a_running_studio_is_seen(page: Page) -> None:
    """The page looks again by itself until the collector has looked at all of them."""
    page.goto("/it/")
    for name, word in WELL.items():
        tile = page.locator(f"#part-{name}")
        expect(tile.locator(".card-head")).to_contain_text(word)
    workers = page.locator("#part-workers")
    expect(workers.locator("dl")).to_contain_text("Workers1")
    expect(page.locator("#part-gateway dl")).to_contain_text("Runs since")
    workers.get_by_role("link", name="Runbook").click()
    expect(page.get_by_role("heading", name="Workers", exact=True)).to_be_in_viewport()
    page.get_by_role("navigation", name="IT dashboard").get_by_role("link", name="Versions").click()
    with page.expect_download() as saved:
        page.get_by_role("link", name="Bill of materials").click()
    assert saved.value.suggested_filename == "endpoint-studio.cdx.json"
