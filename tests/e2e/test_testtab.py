"""The Test tab in a browser, before real deployments behind the real gateway."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.conftest import sign_in
from tests.e2e.running import RunningStudio, wait_for
from tests.e2e.scripts import api, deploy, settled

pytestmark = pytest.mark.e2e

OBLIGING = """
import json
import time
from azureml.contrib.services.aml_request import AMLRequest, rawhttp
from azureml.contrib.services.aml_response import AMLResponse

def init():
    pass

def counted(last):
    try:
        for number in range(last):
            yield "data: number %d\\n\\n" % number
            time.sleep(0.1)
    finally:
        print("the generator was closed", flush=True)

def spoken(words):
    for word in words:
        yield "data: %s\\n\\n" % json.dumps({"choices": [{"delta": {"content": word}}]})
    yield "data: [DONE]\\n\\n"

@rawhttp
def run(request):
    body = request.get_data(False)
    text = body.decode("utf-8", "replace")
    if "fail" in text:
        raise ValueError("no such customer")
    if "messages" in text:
        heard = [each["content"] for each in json.loads(text)["messages"]]
        said = spoken(["I heard ", str(len(heard)), ", last: ", heard[-1]])
        return AMLResponse(said, 200, {"Content-Type": "text/event-stream"})
    if "count" in text:
        return AMLResponse(counted(3 if "short" in text else 3000), 200, {"Content-Type": "text/event-stream"})
    told = {"bytes": len(body), "type": request.headers.get("Content-Type"), "mark": request.headers.get("X-Mark")}
    return AMLResponse({**told, "text": text[:200]}, 200, json_str=True)
"""
SWAGGER = json.dumps(
    {
        "openapi": "3.1.0",
        "info": {"title": "obliging", "version": "1"},
        "paths": {
            "/score": {
                "post": {
                    "requestBody": {
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "properties": {
                                        "age": {"type": "integer", "example": 40},
                                        "city": {"type": "string", "enum": ["Rome", "Oslo"]},
                                        "member": {"type": "boolean", "example": True},
                                    },
                                }
                            }
                        }
                    },
                    "responses": {},
                }
            }
        },
    }
)

ANSWERS = """
def init():
    pass

def run(raw_data):
    return {answer}
"""


@pytest.fixture(scope="module", autouse=True)
def pair(studio: RunningStudio) -> Iterator[None]:
    deploy(studio, "paired", "before", ANSWERS.format(answer={"score": 0.25, "old": 1}), all_traffic=True)
    deploy(studio, "paired", "after", ANSWERS.format(answer={"score": 0.75, "new": 2}))
    deploy(
        studio,
        "obliging",
        "only",
        OBLIGING,
        beside={"swagger3.1.json": SWAGGER},
        all_traffic=True,
        request_settings={"request_timeout_ms": 180_000},
    )
    for endpoint, name in (("paired", "before"), ("paired", "after"), ("obliging", "only")):
        assert settled(studio, endpoint, name)["provisioning_state"] == "Succeeded"
    yield
    for endpoint in ("paired", "obliging"):
        api(studio, "PUT", f"endpoints/{endpoint}/traffic/", json={"traffic": {}})
        api(studio, "DELETE", f"endpoints/{endpoint}/")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_two_deployments_answer_side_by_side(page: Page, theme: str) -> None:
    page.emulate_media(color_scheme="light" if theme == "light" else "dark")
    page.goto("/endpoints/paired/test/?deployment=before")
    page.get_by_text("Side by side", exact=True).click()
    page.get_by_label("Compare with").select_option("after")
    page.get_by_label("Runs").select_option("10")
    page.get_by_role("button", name="Send").click()
    found = page.get_by_role("region", name="Side by side")
    expect(found.get_by_text("0 of 10 failed")).to_have_count(2)
    rows = found.get_by_role("region", name="Differences").get_by_role("row")
    expect(rows.filter(has_text="$.score")).to_contain_text("changed")
    expect(rows.filter(has_text="$.old")).to_contain_text("removed")
    expect(rows.filter(has_text="$.new")).to_contain_text("added")
    _check(page)
    _shoot(page, f"side-by-side-{theme}-wide")
    page.set_viewport_size({"width": 390, "height": 800})
    wait_for(lambda: page.evaluate("document.documentElement.scrollWidth") <= 390)
    _shoot(page, f"side-by-side-{theme}-narrow")


def _check(page: Page) -> None:
    """Once nothing moves any more, axe has nothing to say."""
    expect(page.locator("form[data-test] .button-primary")).to_be_enabled()
    wait_for(lambda: page.evaluate("document.getAnimations().every((each) => each.playState === 'finished')"))
    violations = [each for each in Axe().run(page).response["violations"] if each["impact"] != "minor"]
    assert [(each["id"], [node["html"][:200] for node in each["nodes"][:3]]) for each in violations] == []


def _open(page: Page, query: str = "?sample=1") -> None:
    page.goto(f"/endpoints/obliging/test/{query}")
    expect(page.locator("code-editor .cm-content")).to_be_visible()


def _write(page: Page, text: str) -> None:
    page.locator("code-editor").evaluate("(editor, text) => (editor.value = text)", text)


def _send(page: Page) -> Locator:
    page.get_by_role("button", name="Send").click()
    return page.get_by_role("region", name="Response")


def _written(page: Page) -> Any:
    return json.loads(page.locator("textarea[name=body]").input_value())


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_form_and_the_text_follow_each_other(page: Page, theme: str) -> None:
    page.emulate_media(color_scheme="light" if theme == "light" else "dark")
    _open(page)
    assert _written(page) == {"age": 40, "city": "Rome", "member": True}
    page.get_by_role("tab", name="Form").click()
    page.get_by_label("age", exact=True).fill("41")
    page.get_by_label("city", exact=True).select_option(label="Oslo")
    page.get_by_label("member", exact=True).select_option("false")
    assert _written(page) == {"age": 41, "city": "Oslo", "member": False}
    page.get_by_label("age", exact=True).fill("")
    assert _written(page)["age"] == 41  # an empty field is no number
    page.get_by_label("city", exact=True).focus()
    _write(page, '{"age": 7, "city": "Rome", "member": true}')
    expect(page.get_by_label("age", exact=True)).to_have_value("7")
    expect(_send(page)).to_contain_text("200")
    _check(page)
    _shoot(page, f"form-{theme}-wide")
    page.set_viewport_size({"width": 390, "height": 800})
    wait_for(lambda: page.evaluate("document.documentElement.scrollWidth") <= 390)
    _shoot(page, f"form-{theme}-narrow")


def test_a_file_is_dropped(page: Page, tmp_path: Path) -> None:
    _open(page)
    page.get_by_role("tab", name="File").click()
    _drop(page, "new.json", "application/json", [*b'{"age": 9}'])
    assert _written(page) == {"age": 9}
    expect(page.get_by_role("tab", name="Text")).to_have_attribute("aria-selected", "true")
    page.get_by_role("tab", name="File").click()
    _drop(page, "cat.png", "image/png", [0x89, 0x50, 0xFF, 0x00])
    expect(page.locator("[data-test-file-note]")).to_contain_text("cat.png is the body")
    answer = _send(page)
    expect(answer).to_contain_text('"bytes": 4')
    expect(answer).to_contain_text("image/png")
    page.get_by_role("button", name="Remove").click()
    page.locator("[data-test-file]").evaluate("(input) => (input.dataset.maxBytes = 3)")
    _drop(page, "cat.png", "image/png", [0x89, 0x50, 0xFF, 0x00])
    expect(page.get_by_text("cat.png has 4 B; at most 3 B can be sent.")).to_be_visible()
    expect(page.locator("[data-test-file-note]")).to_be_hidden()


def _drop(page: Page, name: str, kind: str, content: list[int]) -> None:
    page.evaluate(
        """([name, type, content]) => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([new Uint8Array(content)], name, { type }));
          const drop = document.querySelector("[data-test-drop]");
          drop.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer }));
        }""",
        [name, kind, content],
    )
    wait_for(lambda: page.evaluate("document.querySelector('[data-test-file]').files.length") in (0, 1))
    page.wait_for_timeout(200)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_an_answer_is_shown_as_it_comes_and_cancel_reaches_the_replica(
    page: Page, studio: RunningStudio, theme: str
) -> None:
    page.emulate_media(color_scheme="light" if theme == "light" else "dark")
    _open(page)
    _write(page, '"count short"')
    expect(_send(page)).to_contain_text("number 2")
    closed = _closed(studio)
    _write(page, '"count"')
    answer = _send(page)
    expect(answer).to_contain_text("receiving")
    expect(answer).to_contain_text("number 5")
    assert _closed(studio) == closed
    page.get_by_role("button", name="Cancel").click()
    expect(answer).to_contain_text("Cancelled")
    wait_for(lambda: _closed(studio) > closed)
    expect(page.locator("#history")).to_contain_text(re.compile(r"Cancelled when \d+ bytes had come"))
    _check(page)
    _shoot(page, f"cancelled-{theme}")


def test_a_browser_that_goes_away_ends_the_request(page: Page, studio: RunningStudio) -> None:
    _open(page)
    _write(page, '"count"')
    closed = _closed(studio)
    expect(_send(page)).to_contain_text("number 1")
    page.goto("/endpoints/")
    wait_for(lambda: _closed(studio) > closed)


def _closed(studio: RunningStudio) -> int:
    """How many of the replica's generators have been closed."""
    found = api(studio, "GET", "endpoints/obliging/deployments/only/logs/").json()
    return str(found).count("the generator was closed")


def test_saved_shared_and_replayed(page: Page, studio: RunningStudio) -> None:
    _open(page)
    page.get_by_text("POST /score", exact=True).first.click()
    page.get_by_label("Headers, one in a line").fill("X-Mark: seven")
    _write(page, '{"age": 77}')
    expect(_send(page)).to_contain_text('"mark": "seven"')
    page.get_by_text("Save this request").click()
    page.get_by_label("Name").fill("the usual")
    page.locator("select[name=save_shared]").select_option("1")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/?saved=*")
    saved = page.locator("#saved")
    expect(saved).to_contain_text("yours, shared")
    assert _written(page) == {"age": 77}
    expect(page.get_by_label("Headers, one in a line")).to_have_value("X-Mark: seven")
    _check(page)
    _shoot(page, "saved")
    saved.get_by_label("Name").fill("renamed")
    saved.get_by_role("button", name="Change").click()
    expect(saved.get_by_role("link", name="renamed")).to_be_visible()
    saved.get_by_role("button", name="Delete").click()
    expect(saved.get_by_role("link", name="renamed")).to_have_count(0)
    page.locator("#history").get_by_role("link", name="Replay").first.click()
    page.wait_for_url("**/?call=*")
    assert _written(page) == {"age": 77}
    page.locator("#history").get_by_role("button", name="Share").first.click()
    page.wait_for_url("**/test/shared/**")
    expect(page.get_by_text('"age": 77').first).to_be_visible()
    violations = [each for each in Axe().run(page).response["violations"] if each["impact"] != "minor"]
    assert violations == []
    _shoot(page, "shared")
    page.get_by_role("button", name="Take the link back").click()
    page.wait_for_url("**/endpoints/obliging/test/")


def test_what_the_model_wrote_of_its_failure_and_where_its_log_is(page: Page) -> None:
    _open(page)
    _write(page, '"fail"')
    answer = _send(page)
    expect(answer).to_contain_text("424")
    expect(answer).to_contain_text("ValueError: no such customer")
    expect(answer).to_contain_text("Traceback")
    expect(answer).to_contain_text("replica 0")
    _shoot(page, "failed")
    answer.get_by_role("link", name="Log", exact=True).click()
    page.wait_for_url("**/logs/**")
    expect(page.get_by_text("no such customer").first).to_be_visible()


def test_what_must_not_be_sent_is_said_at_its_field(page: Page) -> None:
    _open(page)
    page.get_by_text("POST /score", exact=True).first.click()
    page.get_by_label("Path under the endpoint").fill("/../paired/score")
    page.get_by_label("Headers, one in a line").fill("Host: elsewhere")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("[data-problem-of=path]")).to_contain_text("stays within the endpoint")
    expect(page.locator("[data-problem-of=headers]")).to_contain_text("Host belongs to the connection")
    page.get_by_text("The same from your code").click()
    page.get_by_label("Path under the endpoint").fill("/other")
    page.get_by_label("Headers, one in a line").fill("X-Mark: eight")
    expect(page.locator("[data-test-code]").get_by_text("/obliging/other").first).to_be_visible()
    expect(page.locator("[data-test-code]").get_by_text("X-Mark: eight").first).to_be_visible()


def test_a_chat_grows_word_by_word(page: Page) -> None:
    _open(page)
    expect(page.get_by_role("tab", name="Chat")).to_be_hidden()
    page.get_by_text("POST /score", exact=True).first.click()
    page.get_by_label("Path under the endpoint").fill("/score?/chat/completions")
    page.get_by_role("tab", name="Chat").click()
    _write(page, '{"model": "m"}')
    for number, text in enumerate(("hello", "and again")):
        page.get_by_label("Message").fill(text)
        page.get_by_label("Message").press("Enter")
        expect(page.locator(".chat-assistant").nth(number)).to_contain_text(f"I heard {1 + 2 * number}, last: {text}")
    wait_for(lambda: len(_written(page)["messages"]) == 4)
    assert _written(page)["model"] == "m"
    _check(page)
    _shoot(page, "chat")


def test_without_javascript_it_is_a_form(browser: Browser, studio: RunningStudio) -> None:
    context = browser.new_context(base_url=studio.url, java_script_enabled=False)
    page = context.new_page()
    sign_in(page)
    page.goto("/endpoints/obliging/test/?sample=1")
    page.locator("textarea[name=body]").fill('{"age": 5}')
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("region", name="Response")).to_contain_text("200")
    expect(page.get_by_role("region", name="Response")).to_contain_text('"bytes": 10')
    assert _written(page) == {"age": 5}
    page.locator("input[name=file]").set_input_files({"name": "a.bin", "mimeType": "image/png", "buffer": b"\xff\x00"})
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("region", name="Response")).to_contain_text('"bytes": 2')
    context.close()


def _shoot(page: Page, name: str) -> None:
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
