"""One studio for the whole session; a browser that is signed in; models that are trained once."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.running import EMAIL, PASSWORD, ROOT, RunningStudio, running
from tests.runtime.environment import build

expect.set_options(timeout=60_000)
# An answer with an error, which a test looks for itself; and htmx of a request that leaving the page has cut off.
OF_NO_PAGE = ("Failed to load resource", "htmx:afterRequest", "htmx:sendError", "htmx:sendAbort")

CHROMIUM = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    return {"executable_path": "/usr/bin/chromium", "args": CHROMIUM}


@pytest.fixture(scope="session")
def studio() -> Iterator[RunningStudio]:
    with running() as studio:
        yield studio


@pytest.fixture
def page(browser: Browser, studio: RunningStudio) -> Iterator[Page]:
    """Signed in as the administrator. A page that complains in its console fails its test."""
    context = browser.new_context(viewport={"width": 1360, "height": 900}, base_url=studio.url)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.set_default_timeout(60_000)
    sign_in(page)
    yield page
    context.close()
    assert [text for text in complaints if not text.startswith(OF_NO_PAGE)] == []


def sign_in(page: Page, email: str = EMAIL, password: str = PASSWORD) -> None:
    page.goto("/accounts/login/")
    page.fill("input[name=login]", email)
    page.fill("input[name=password]", password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/endpoints/**")


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders `linear` (MLflow) and `boosted` (a pickle and its facts), made by the demo's own training."""
    shared = tmp_path_factory.getbasetemp().parent / "e2e-models"
    python = build(shared / "env", "scikit-learn==1.7.2", "mlflow-skinny==3.17.0", "pandas==2.3.3", with_runtime=False)
    for kind in ("linear", "boosted"):
        if not (shared / kind).exists():
            script = ROOT / "studio" / "demo" / "training" / f"{kind}.py"
            subprocess.run([python, script, shared / kind], check=True, capture_output=True)
    return shared
