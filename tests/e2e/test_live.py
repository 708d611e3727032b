"""Pages that follow what happens."""

import time

import pytest
from playwright.sync_api import Page, Request, Route, expect

pytestmark = pytest.mark.e2e

# A part that asks by itself, and a form that takes its time.
ASKS_AND_LEAVES = """() => {
  const main = document.querySelector("main");
  main.insertAdjacentHTML("beforeend", `
    <div hx-get="/gone/" hx-trigger="every 100ms" hx-swap="none"></div>
    <form method="post" action="/slow/"><button>Leave</button></form>`);
  htmx.process(main);
}"""


def looks_again(request: Request) -> bool:
    return request.url.endswith("/operations/") and "hx-request" in request.headers


def late(route: Route) -> None:
    time.sleep(2)
    route.continue_()


def test_a_page_that_begins_to_listen_late_looks_again(page: Page) -> None:
    """Nobody tells it of what has changed since it was made."""
    page.route("**/live/**", late, times=1)
    with page.expect_request(looks_again):
        page.goto("/operations/")


def test_a_refresh_that_nobody_asked_for_is_quiet_and_ends_when_the_page_is_left(page: Page) -> None:
    asked: list[float] = []

    def gone(route: Route) -> None:
        asked.append(time.monotonic())
        route.fulfill(status=410)

    def slow(route: Route) -> None:
        page.wait_for_timeout(1_000)
        route.fulfill(body="<h1>There</h1>")

    page = page.context.new_page()  # its console speaks of the errors that are provoked here
    page.route("**/gone/", gone)
    page.route("**/slow/", slow)
    page.goto("/operations/")
    page.evaluate(ASKS_AND_LEAVES)
    for _ in range(3):
        with page.expect_response("**/gone/"):
            pass
    expect(page.locator("#toasts .toast")).to_have_count(0)
    page.get_by_role("button", name="Leave").click(no_wait_after=True)
    left = time.monotonic()
    expect(page.get_by_role("heading", name="There")).to_be_visible()
    assert [moment for moment in asked if moment > left] == []
