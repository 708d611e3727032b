"""From nothing to two deployments behind a URL, with the browser alone; and away with it again."""

import re
import shutil
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.running import PASSWORD, ROOT, RunningStudio, command_of, wait_for

pytestmark = pytest.mark.e2e

NAME = "progression"
PATIENCE_MS = 240_000


def test_an_endpoint_from_its_creation_to_its_end(
    page: Page, studio: RunningStudio, trained: Path, tmp_path: Path
) -> None:
    before = servers(studio)
    create_with_mlflow_model(page, trained, tmp_path)
    add_deployment_with_script(page, trained, tmp_path)
    shift_traffic(page)
    send_test_calls(page)
    see_charts_move(page, studio)
    delete_everything(page, studio)
    wait_for(lambda: servers(studio) <= before)


def create_with_mlflow_model(page: Page, trained: Path, tmp_path: Path) -> None:
    page.goto("/endpoints/")
    page.get_by_role("link", name="Create endpoint").first.click()
    page.get_by_label("Name", exact=True).fill(NAME)
    next_step(page)
    page.get_by_label("Upload a model").check()
    archive = shutil.make_archive(str(tmp_path / "linear"), "zip", trained / "linear")
    page.locator("input[type=file]").first.set_input_files(archive)
    expect(page.get_by_text("an MLflow model")).to_be_visible()
    page.get_by_label("Name of the new model").fill("progression-linear")
    expect(page.get_by_label("Type of the new model")).to_have_value("mlflow_model")
    next_step(page)
    expect(page.get_by_label("No code: MLflow serves the model")).to_be_checked()
    next_step(page)
    expect(page.get_by_label("Deployment name")).to_have_value("blue")
    next_step(page)
    expect(page.get_by_text("per hour").first).to_be_visible()
    page.get_by_role("button", name="Create", exact=True).click()
    succeeded(page)


def add_deployment_with_script(page: Page, trained: Path, tmp_path: Path) -> None:
    page.goto(f"/endpoints/{NAME}/")
    page.get_by_role("link", name="Add deployment").first.click()
    page.get_by_label("Upload a model").check()
    files = [str(path) for path in sorted((trained / "boosted").iterdir())]
    page.locator("input[type=file]").first.set_input_files(files)
    expect(page.get_by_text("2 files, ")).to_be_visible()
    page.get_by_label("Name of the new model").fill("progression-boosted")
    next_step(page)
    page.get_by_label("Upload files").check()
    page.locator("input[type=file]").first.set_input_files(str(ROOT / "studio" / "demo" / "scoring" / "score.py"))
    expect(page.get_by_text("1 file,")).to_be_visible()
    page.locator("textarea[name=requirements]").evaluate("(area) => { area.value = 'scikit-learn==1.7.2' }")
    next_step(page)
    expect(page.get_by_label("Deployment name")).to_have_value("green")
    next_step(page)
    page.get_by_role("button", name="Create", exact=True).click()
    succeeded(page)


def shift_traffic(page: Page) -> None:
    page.goto(f"/endpoints/{NAME}/traffic/")
    expect(page.get_by_text("blue 100 %").first).to_be_visible()
    share = page.get_by_role("spinbutton", name="Share of green in percent")
    share.fill("30")
    share.press("Tab")
    expect(page.get_by_role("spinbutton", name="Share of blue in percent")).to_have_value("70")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("Traffic sent to the gateway.").first).to_be_visible()
    live = page.get_by_label("Live traffic").first
    expect(live.get_by_text("Live", exact=True)).to_be_visible(timeout=PATIENCE_MS)
    expect(live).to_contain_text("70 %")


def send_test_calls(page: Page) -> None:
    for target in ("", "blue", "green"):
        page.goto(f"/endpoints/{NAME}/test/")
        page.get_by_label("Target").select_option(target)
        page.get_by_role("button", name="Send").click()
        response = page.get_by_label("Response")
        expect(response.get_by_text("200 OK")).to_be_visible()
        if target:
            expect(response.locator(".card-head b")).to_have_text(target)
    expect(page.locator("#history li").nth(2)).to_be_visible()


def see_charts_move(page: Page, studio: RunningStudio) -> None:
    """Both deployments have requests in the requests chart."""

    def drawn() -> bool:
        figure = page.request.get(f"/endpoints/{NAME}/metrics/requests.json?range=15m").json()
        names = {trace["name"] for trace in figure["data"] if any(value for value in trace.get("y", []) if value)}
        return {"blue", "green"} <= names

    wait_for(drawn, what=lambda: studio.log("collector"))
    page.goto(f"/endpoints/{NAME}/metrics/?range=15m")
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    page.goto(f"/endpoints/{NAME}/cost/")
    expect(page.locator("main")).to_contain_text("blue")


def delete_everything(page: Page, studio: RunningStudio) -> None:
    page.goto(f"/endpoints/{NAME}/settings/")
    page.get_by_role("button", name="Delete endpoint").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Delete endpoint")).to_be_disabled()
    dialog.get_by_label(re.compile("to confirm")).fill(NAME)
    dialog.get_by_role("button", name="Delete endpoint").click()
    if "reauthenticate" in page.url:
        page.fill("input[name=password]", PASSWORD)
        page.get_by_role("button", name="Confirm").click()
    wait_for(lambda: httpx.post(f"{studio.gateway_url}/{NAME}/score", content="{}").status_code == 404)
    wait_for(lambda: page.request.get(f"/endpoints/{NAME}/").status == 410)


def servers(studio: RunningStudio) -> set[int]:
    """Inference servers that run now."""
    return {process.pid for process in studio.processes() if "--socket" in command_of(process)}


def next_step(page: Page) -> None:
    page.get_by_role("button", name="Next").click()


def succeeded(page: Page) -> None:
    expect(page.get_by_role("link", name="Test it")).to_be_visible(timeout=PATIENCE_MS)
