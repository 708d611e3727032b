"""From errors at the gateway to a signed webhook: the collector looks, a worker sends, once."""

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import httpx
import psutil
import pytest
from playwright.sync_api import Page, expect

from tests.contracts.test_notifier import Receiver, receiver
from tests.e2e.running import RunningStudio, running, wait_for
from tests.e2e.scripts import api, deploy, settled

pytestmark = pytest.mark.e2e
SICK = "def init():\n    pass\n\n\ndef run(data):\n    raise ValueError('sick')\n"
RULE = {"name": "Errors of sick", "endpoint": "sick", "signal": "ErrorsPerMinute", "operator": "GreaterThan"}


@pytest.fixture(scope="module")
def hook() -> Iterator[Receiver]:
    with receiver() as got:
        yield got


@pytest.fixture(scope="module")
def watched(hook: Receiver) -> Iterator[RunningStudio]:
    with running(STUDIO_NOTIFY_NETWORKS="127.0.0.0/8") as studio:
        deploy(studio, "sick", "one", script=SICK, all_traffic=True)
        assert settled(studio, "sick", "one")["provisioning_state"] == "Succeeded"
        body = {"kind": "webhook", "target": hook.url}
        api(studio, "PUT", "workspaces/demo/notification-channels/Ops/", json=body)
        yield studio


def call_in_vain(studio: RunningStudio) -> None:
    key = api(studio, "POST", "endpoints/sick/keys/list/").json()["primaryKey"]
    for _ in range(20):
        answer = httpx.post(
            f"{studio.gateway_url}/sick/score", json={"data": 1}, headers={"Authorization": f"Bearer {key}"}, timeout=60
        )
        assert answer.status_code == 424


def kinds(hook: Receiver) -> list[str]:
    return [json.loads(body)["type"] for _, _, body in hook.requests]


def test_errors_are_told_once_although_the_workers_are_killed(watched: RunningStudio, hook: Receiver) -> None:
    made: dict[str, Any] = api(
        watched, "POST", "alert-rules/", json={**RULE, "threshold": 1, "window_seconds": 60, "channels": ["Ops"]}
    ).json()
    workers = [
        each for each in watched.processes() if "worker" in " ".join(each.cmdline()) and "celery" in str(each.cmdline())
    ]
    assert workers
    call_in_vain(watched)
    wait_for(lambda: api(watched, "GET", f"alert-rules/{made['id']}/").json()["state"] == "firing")
    for worker in workers:
        if psutil.pid_exists(worker.pid):
            os.kill(worker.pid, signal.SIGKILL)
    wait_for(lambda: "alert.firing" in kinds(hook), what=lambda: watched.log("worker")[-2000:])
    alert = api(watched, "GET", "alerts/?open=true").json()["value"][0]
    assert alert["subject"] == "sick"
    wait_for(lambda: "alert.resolved" in kinds(hook), what=lambda: watched.log("collector")[-2000:])
    assert kinds(hook) == ["alert.firing", "alert.resolved"]
    ids = [headers["webhook-id"] for _, headers, _ in hook.requests]
    assert len(set(ids)) == 2


def test_a_person_makes_a_rule_and_silences_it(browser: Any, watched: RunningStudio) -> None:
    from tests.e2e.conftest import sign_in

    context = browser.new_context(base_url=watched.url)
    page: Page = context.new_page()
    page.set_default_timeout(60_000)
    sign_in(page)
    page.goto("/alerts/")
    page.get_by_role("link", name="New rule").first.click()
    page.get_by_label("Name").fill("Slow answers")
    page.get_by_label("About").select_option("sick/one")
    page.get_by_label("Watch").select_option("RequestLatency_P95")
    page.get_by_label("Threshold", exact=True).fill("250")
    page.get_by_label("Ops (Webhook, signed)").check()
    page.get_by_role("button", name="Create rule").click()
    page.wait_for_url("**/alerts/rules/")
    page.get_by_role("link", name="Slow answers").click()
    page.get_by_placeholder("Why").fill("we are deploying")
    page.get_by_role("button", name="Silence").click()
    expect(page.get_by_text("we are deploying")).to_be_visible()
    context.close()
