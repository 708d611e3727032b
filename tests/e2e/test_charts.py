"""The Metrics tab as it is used: a drag, a hover, a comparison, a table; by mouse, by keyboard, in both themes."""

import csv
import io
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.presentable import assert_accessible, assert_fits_a_phone
from tests.e2e.running import RunningStudio
from tests.e2e.scripts import api, deploy, settled

pytestmark = pytest.mark.e2e

METRICS = "/endpoints/charted/metrics/"
# Three hours of minutes and one of ten seconds for both deployments, up to a quarter of an hour ago, with a gap.
MEASURED = """
from datetime import timedelta
from django.utils import timezone
from endpoints.domain.packing import columns
from endpoints.domain.rollups import Gauge, SampleValues, aligned
from endpoints.models import Deployment, Sample
now = timezone.now()
for number, deployment in enumerate(Deployment.objects.filter(endpoint__name="charted").order_by("name")):
    for resolution, hours in ((60, 3), (10, 3)):
        for back in range(900 // resolution, hours * 3600 // resolution):
            if 1800 <= back * resolution < 2100:
                continue
            count = (3 + number + back % 4) * resolution
            values = SampleValues(
                covered_ms=resolution * 1000,
                counts={"2xx": count, "4xx": count // 10, "model_errors": count // 20},
                latency={5: count, 124: count // 10},
                active=Gauge.of(2),
            )
            at = aligned(now, resolution) - timedelta(seconds=resolution * back)
            row = Sample(deployment=deployment, resolution=resolution, at=at, **columns(values))
            Sample.objects.bulk_create([row], ignore_conflicts=True)
"""
RANGES = """() => [...document.querySelectorAll("[data-chart-body]")].filter((body) => body.layout)
    .map((body) => body.layout.xaxis.range.map((at) => at.slice(0, 19).replace(" ", "T")).join(" "))"""


@pytest.fixture(scope="module")
def charted(studio: RunningStudio) -> None:
    deploy(studio, "charted", "blue", all_traffic=True)
    deploy(studio, "charted", "green")
    for name in ("blue", "green"):
        assert settled(studio, "charted", name)["provisioning_state"] == "Succeeded"
    studio.shell(MEASURED)


def chart(page: Page, name: str) -> Any:
    """Drawn; its plot's box in the window."""
    page.locator(f"#chart-{name}.js-plotly-plot").wait_for()
    area = page.locator(f"#chart-{name} .nsewdrag").first
    area.scroll_into_view_if_needed()
    return area.bounding_box()


def drag(page: Page, box: dict[str, float], start: float, end: float) -> None:
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * start, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * (start + end) / 2, y, steps=4)
    page.mouse.move(box["x"] + box["width"] * end, y, steps=4)
    page.mouse.up()


def test_one_range_for_all_charts(page: Page, charted: None) -> None:
    page.goto(f"{METRICS}?range=1h&refresh=0")
    box = chart(page, "requests")
    chart(page, "latency")
    drag(page, box, 0.2, 0.5)
    page.wait_for_url("**from=*&to=*")
    assert "range=1h" in page.url
    expect(page.get_by_role("link", name="Back to 1h")).to_be_visible()
    page.wait_for_function(f"new Set(({RANGES})()).size === 1")
    (shown,) = set(page.evaluate(RANGES))
    start, end = shown.split()
    assert page.locator("#id_from").input_value()[:15] <= start[:15] < end <= page.locator("#id_to").input_value()
    hovered_everywhere(page, chart(page, "requests"))
    box = chart(page, "requests")
    page.mouse.dblclick(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_url(lambda url: "from=" not in url)
    expect(page.get_by_role("link", name="Back to 1h")).to_have_count(0)
    page.go_back()
    expect(page.get_by_role("link", name="Back to 1h")).to_be_visible()


def hovered_everywhere(page: Page, box: dict[str, float]) -> None:
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] / 2)
    page.mouse.move(box["x"] + box["width"] * 0.42, box["y"] + box["height"] / 2)
    expect(page.locator("#chart-requests .hoverlayer")).to_contain_text("blue")
    expect(page.locator("#chart-latency .hoverlayer")).to_contain_text("blue p95")


def test_comparison_by_keyboard_and_the_numbers_as_a_table(page: Page, charted: None) -> None:
    page.goto(f"{METRICS}?range=1h&refresh=0")
    chart(page, "latency")
    page.locator("#id_compare").select_option("before")
    page.wait_for_url("**compare=before*")
    expect(page.locator("#chart-latency .legend")).to_contain_text("period before")
    page.locator("#id_target").fill("50")
    page.keyboard.press("Enter")
    page.wait_for_url("**target=50*")
    expect(page.locator("#chart-latency .legend")).to_contain_text("target 50 ms")
    expect(page.locator("#chart-latency-figure [data-chart-summary]")).to_contain_text("within 50 ms")
    expect(page.locator("#id_target")).to_be_focused()
    page.get_by_label("green", exact=True).check()
    page.wait_for_url("**deployment=green*")
    figure = page.locator("#chart-latency-figure")
    figure.get_by_role("button", name="Table").click()
    expect(figure.get_by_role("columnheader", name="green p95, period before")).to_be_visible()
    assert_accessible(page)
    page.locator("#id_compare").select_option("")
    page.wait_for_url(lambda url: "compare" not in url)
    expect(figure.get_by_role("columnheader", name="green p95, period before")).to_have_count(0)
    expect(figure.get_by_role("columnheader")).to_have_count(4)
    link = figure.get_by_role("link", name="CSV").get_attribute("href")
    assert link is not None
    told = list(csv.reader(io.StringIO(page.request.get(link).text())))
    head = figure.get_by_role("columnheader").all_inner_texts()
    assert told[0] == head == ["time (UTC)", "green p50", "green p95", "green p99"]
    row = figure.locator("tbody tr", has_text=told[5][0].replace("T", " "))
    assert row.locator("td").all_inner_texts() == told[5][1:]


def test_charts_are_for_everybody_in_both_themes(page: Page, charted: None, studio: RunningStudio) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(f"{METRICS}?range=1h&compare=deployments&zone=Europe/Berlin&refresh=0")
    chart(page, "errors")
    figure = page.locator("#chart-errors-figure")
    expect(figure.locator("[data-chart-summary]")).to_contain_text("requests:")
    page.get_by_text("changes in this range").click()
    expect(page.get_by_text("Traffic live: blue 100 %")).to_be_visible()
    assert_accessible(page)
    page.emulate_media(color_scheme="dark")
    page.evaluate("new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted)))")
    assert_accessible(page, only=["color-contrast", "link-in-text-block"])
    assert_fits_a_phone(page)
    points = api(studio, "GET", "endpoints/charted/metrics/", params={"range": "1h"}).json()["deployments"][0]["points"]
    assert any(point["disk_percent"] for point in points)
