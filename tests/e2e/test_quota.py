"""Quota in the browser: the wizard says the sum and the price before it refuses; more is asked for, and given."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.running import RunningStudio
from tests.e2e.scripts import api

pytestmark = pytest.mark.e2e


@pytest.fixture(autouse=True)
def no_quota_afterwards(studio: RunningStudio) -> object:
    yield
    api(studio, "PUT", "workspaces/demo/quota/", json=dict.fromkeys(("vcpu", "memory_mib", "gpu")))


def test_the_wizard_reckons_before_it_refuses(page: Page, studio: RunningStudio) -> None:
    in_use = float(api(studio, "GET", "workspaces/demo/quota/").json()["resources"][0]["used"])
    api(studio, "PUT", "workspaces/demo/quota/", json={"vcpu": in_use + 3})
    page.goto("/endpoints/create/")
    page.get_by_label("Name", exact=True).fill("reckoned")
    next_step(page)
    page.get_by_label("No model: code alone").check()
    next_step(page)
    next_step(page)
    table = page.get_by_role("group", name="Quota arithmetic")
    expect(table).to_be_visible()
    expect(page.get_by_text("per month of 730 hours")).to_be_visible()
    grey = page.locator(".tile-choice", has_text="reserve included")
    before = grey.count()
    page.get_by_label("Replicas", exact=True).fill("40")
    page.get_by_label("Replicas", exact=True).blur()
    expect(page.get_by_text("This does not fit.")).to_be_visible()
    expect(page.get_by_text("for 40 ×")).to_be_visible()
    assert grey.count() > before
    page.get_by_role("link", name="ask for more quota").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Quota of")


def test_a_request_is_asked_for_and_approved(page: Page, studio: RunningStudio) -> None:
    page.goto("/quota/")
    page.locator("#id_vcpu").fill("4096")
    page.get_by_label("What for").fill("A launch in May")
    page.get_by_role("button", name="Ask IT").click()
    expect(page.get_by_text("Waits for IT").first).to_be_visible()
    page.goto("/it/quota/")
    row = page.locator("#requests tr", has_text="A launch in May")
    expect(row).to_contain_text("4096 vCPU")
    row.get_by_role("textbox").fill("Good luck")
    row.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("nobody waits for an answer")).to_be_visible()
    page.goto("/quota/")
    expect(page.get_by_text("of 4096")).to_be_visible()
    expect(page.get_by_text("Good luck")).to_be_visible()


def next_step(page: Page) -> None:
    page.get_by_role("button", name="Next").click()
