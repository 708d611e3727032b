"""Every page in both themes: nothing for axe to complain of, nothing that the content security policy stops, and no
sideways scrolling on a phone."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, ViewportSize

from tests.e2e.conftest import sign_in
from tests.e2e.presentable import assert_accessible, assert_fits_a_phone
from tests.e2e.running import RunningStudio
from tests.e2e.scripts import api, deploy, settled

pytestmark = pytest.mark.e2e

# Colours fade into those of the other theme.
PAINTED = """new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted)))
    .then(() => document.getAnimations().filter((each) => each instanceof CSSTransition))
    .then((fading) => Promise.allSettled(fading.map(({finished}) => finished)))
    .then(() => true)"""

PAGES = [
    "/endpoints/",
    "/endpoints/create/",
    "/endpoints/shown/",
    "/endpoints/shown/traffic/",
    "/endpoints/shown/test/",
    "/endpoints/shown/consume/",
    "/endpoints/shown/metrics/",
    "/endpoints/shown/cost/",
    "/endpoints/shown/logs/",
    "/endpoints/shown/logs/traffic/",
    "/endpoints/shown/activity/",
    "/endpoints/shown/settings/",
    "/endpoints/shown/access/",
    "/endpoints/shown/deployments/create/",
    "/endpoints/shown/deployments/one/",
    "/endpoints/shown/deployments/one/autoscale/",
    "/endpoints/shown/deployments/one/autoscale/?mode=advanced",
    "/endpoints/shown/deployments/one/metrics/",
    "/endpoints/shown/deployments/one/logs/",
    "/endpoints/shown/deployments/one/spec/?from=1",
    "/endpoints/shown/deployments/one/settings/",
    "/endpoints/nobody/",
    "/operations/",
    "/models/",
    "/models/create/",
    "/environments/",
    "/environments/create/",
    "/environments/shown-one/1/",
    "/usage/",
    "/usage/?range=month",
    "/usage/statement/",
    "/usage/budgets/",
    "/usage/budgets/create/",
    "/quota/",
    "/activity/",
    "/alerts/",
    "/alerts/rules/",
    "/alerts/rules/create/",
    "/alerts/channels/",
    "/profile/tokens/",
    "/workspace/members/",
    "/workspace/service-accounts/",
    "/it/",
    "/workspace/registries/",
    "/it/quota/",
    "/it/quota/site/",
    "/it/quota/limits/",
    "/it/quota/workspaces/demo/",
    "/it/budgets/",
    "/it/prices/",
    "/it/prices/online/local-small/",
    "/it/prices/output_tokens/",
    "/it/statement/",
    "/it/audit/",
    "/it/capacity/",
    "/it/retention/",
    "/it/runbook/",
    "/it/security/",
    "/it/spend/",
    "/it/versions/",
    "/it/backups/",
    "/it/operations/",
    "/it/identity/",
    "/it/identity/add/",
    "/it/identity/test/",
    "/it/identity/providers/studio/",
    "/api/v1/docs/",
    "/accounts/password/change/",
    "/profile/security/",
    "/profile/sessions/",
]


@pytest.fixture(scope="module", autouse=True)
def shown(studio: RunningStudio) -> None:
    deploy(studio, "shown", "one", all_traffic=True)
    assert settled(studio, "shown", "one")["provisioning_state"] == "Succeeded"
    api(studio, "PATCH", "endpoints/shown/deployments/one/", json={"environment_variables": {"MODE": "shown"}})
    assert settled(studio, "shown", "one")["provisioning_state"] == "Succeeded"


@pytest.fixture(scope="module")
def visitor(browser: Browser, studio: RunningStudio) -> Iterator[Page]:
    screen: ViewportSize = {"width": 1360, "height": 900}
    context = browser.new_context(viewport=screen, base_url=studio.url, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(60_000)
    sign_in(page)
    yield page
    context.close()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_for_everybody_on_every_screen(visitor: Page, path: str) -> None:
    complaints: list[str] = []
    visitor.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    visitor.emulate_media(color_scheme="light")
    visitor.goto(path)
    visitor.wait_for_load_state("load")
    assert visitor.locator("h1").count() == 1
    assert_accessible(visitor)
    visitor.emulate_media(color_scheme="dark")
    visitor.evaluate(PAINTED)
    assert_accessible(visitor, only=["color-contrast", "link-in-text-block"])
    assert [text for text in complaints if "404" not in text] == []
    assert_fits_a_phone(visitor)
