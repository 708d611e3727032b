"""A page that is for everybody on every screen. With SHOTS set to a folder, each is kept there as a picture."""

import os
from itertools import count
from pathlib import Path
from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SETTLED = "document.getAnimations().every((each) => each.effect.getComputedTiming().iterations === Infinity)"
_number = count(1)


def assert_presentable(page: Page) -> None:
    """As it stands, in both themes: nothing for axe to complain of, and no sideways scrolling on a phone."""
    number = next(_number)
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(SETTLED)  # halfway between two colours nothing has contrast
        assert_accessible(page)
        shoot(page, f"{number:02}-{scheme}")
    page.emulate_media(color_scheme="light")
    assert_fits_a_phone(page, f"{number:02}-narrow")


def assert_accessible(page: Page) -> None:
    violations = [each for each in Axe().run(page).response["violations"] if each["impact"] != "minor"]
    told = [(each["id"], [node["html"][:200] for node in each["nodes"][:3]]) for each in violations]
    assert told == [], told


def assert_fits_a_phone(page: Page, name: str = "") -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.wait_for_function("document.documentElement.scrollWidth <= 390")
    if name:
        shoot(page, name)
    page.set_viewport_size({"width": 1360, "height": 900})


def shoot(page: Page, name: str) -> None:
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
