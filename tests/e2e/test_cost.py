"""Cost in the browser: one visit to usage, its groups and ranges, the statement, and IT's prices."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.running import EMAIL, RunningStudio, wait_for
from tests.e2e.scripts import api, deploy, settled

pytestmark = pytest.mark.e2e


def test_what_runs_is_billed_grouped_stated_and_priced(page: Page, studio: RunningStudio) -> None:
    deploy(studio, "billed", "one", all_traffic=True)
    assert settled(studio, "billed", "one")["provisioning_state"] == "Succeeded"
    api(studio, "PATCH", "endpoints/billed/", json={"tags": {"team": "risk"}})

    def spent() -> bool:
        return Decimal(api(studio, "GET", "endpoints/billed/cost/").json()["total"]) > 0

    wait_for(spent)
    page.goto("/usage/")
    expect(page.locator("#chart-usage .bars").first).to_be_visible()
    expect(page.locator("#chart-month-figure")).to_contain_text("in four of five cases")
    expect(page.locator("#chart-month-figure .js-plotly-plot")).to_be_visible()
    page.get_by_role("link", name="month", exact=True).click()
    page.wait_for_url("**range=month**")
    page.get_by_role("link", name="By tag team").click()
    table = page.locator("table", has_text="Replica hours")
    expect(table.get_by_role("row", name="risk")).to_be_visible()
    page.locator("#chart-usage-figure").get_by_role("button", name="Table").click()
    expect(page.locator("#chart-usage-figure table")).to_contain_text("risk")

    page.get_by_role("link", name="Statement").click()
    statement = page.locator("#statement")
    expect(statement).to_contain_text("Online instances")
    total = api(studio, "GET", "workspaces/demo/statement/").json()
    assert sum(Decimal(line["amount"]) for line in total["lines"]) == Decimal(total["total"])
    page.get_by_role("link", name="By owner").click()
    expect(statement.get_by_role("rowgroup").filter(has_text=EMAIL).first).to_be_visible()
    with page.expect_download() as downloaded:
        page.get_by_role("link", name="CSV").click()
    assert "azuremlendpoint,azuremldeployment" in downloaded.value.path().read_text()

    page.goto("/it/prices/")
    page.locator("#instance-types tr", has_text="local-small").get_by_role("link", name="Prices of").click()
    page.get_by_label("Price (USD per hour)").fill("0.5")
    page.get_by_label("From").fill("2020-01-01T00:00")
    page.get_by_role("button", name="Add price").click()
    expect(page.get_by_text("A time to come")).to_be_visible()
    new_year = f"{datetime.now(UTC).year + 1}-01-01"
    page.get_by_label("From").fill(f"{new_year}T00:00")
    page.get_by_role("button", name="Add price").click()
    row = page.locator("#prices tr", has_text=new_year)
    expect(row).to_contain_text("to come")
    row.get_by_role("button", name="Take back").click()
    expect(row).to_contain_text("taken back")
