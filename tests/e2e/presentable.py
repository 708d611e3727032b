"""A page that is for everybody on every screen."""

from collections.abc import Sequence

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page


def assert_accessible(page: Page, *, only: Sequence[str] = ()) -> None:
    """By the rules of axe, or `only` by these. What was just being swapped or was fading is looked at again."""
    told = _violations(page, only) and _violations(page, only)
    assert told == [], told


def _violations(page: Page, only: Sequence[str]) -> list[tuple[str, list[str]]]:
    options = {"resultTypes": ["violations"], **({"runOnly": list(only)} if only else {})}
    found = Axe().run(page, options=options).response["violations"]
    return [
        (each["id"], [node["html"][:200] for node in each["nodes"][:3]]) for each in found if each["impact"] != "minor"
    ]


def assert_fits_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.wait_for_function("document.documentElement.scrollWidth <= 390")
    page.set_viewport_size({"width": 1360, "height": 900})
