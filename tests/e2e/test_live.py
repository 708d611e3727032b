"""Pages that follow what happens."""

import time

import pytest
from playwright.sync_api import Page, Request, Route

pytestmark = pytest.mark.e2e


def looks_again(request: Request) -> bool:
    return request.url.endswith("/operations/") and "hx-request" in request.headers


def test_a_page_that_begins_to_listen_late_looks_again(page: Page) -> None:
    """Nobody tells it of what has changed since it was made."""

    def late(route: Route) -> None:
        time.sleep(2)
        route.continue_()

    page.route("**/live/**", late, times=1)
    with page.expect_request(looks_again):
        page.goto("/operations/")
