"""A backup of a studio that is at work, put back somewhere else: its endpoint answers there with the same key."""

import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.backups.test_commands import Folder
from tests.e2e.running import RunningStudio, environment, free_port, running, start, stop, wait_for
from tests.e2e.scripts import api, deploy, live_traffic, settled

pytestmark = pytest.mark.e2e


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="es-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def ask(studio: RunningStudio, key: str) -> int:
    try:
        headers = {"authorization": f"Bearer {key}"}
        return httpx.post(f"{studio.gateway_url}/echo/score", content="{}", headers=headers, timeout=10).status_code
    except httpx.HTTPError:
        return 0


def test_a_studio_at_work_comes_back_elsewhere(elsewhere: Path) -> None:
    file = elsewhere / "studio.backup"
    with running() as studio:
        key = deploy(studio, "echo", "one", all_traffic=True)
        seen = settled(studio, "echo", "one")
        assert seen["provisioning_state"] == "Succeeded", seen
        wait_for(lambda: live_traffic(studio, "echo") == {"one": 100})
        over, answers = threading.Event(), []

        def send() -> None:
            number = 0
            while not over.is_set():
                answers.append(ask(studio, key))
                api(studio, "PATCH", "endpoints/echo/", json={"description": f"turn {number}"})
                number += 1

        sending = threading.Thread(target=send)
        sending.start()
        try:
            studio.manage("backup", str(file))
        finally:
            over.set()
            sending.join(60)
        assert answers
        assert set(answers) == {200}
    data = elsewhere / "data"
    ports = (free_port(), free_port())
    Folder(data, environment(data, *ports)).manage("restore", str(file))
    restored = start(data, *ports)
    try:
        wait_for(lambda: ask(restored, key) == 200, what=lambda: restored.log("worker")[-3000:])
        assert ask(restored, "another key") == 401
        wait_for(lambda: live_traffic(restored, "echo") == {"one": 100})
        verbs = [event["verb"] for event in api(restored, "GET", "site/events/", params={"limit": 200}).json()["value"]]
        assert {"site.restored", "deployment.create_succeeded"} <= set(verbs)
        assert "Verified to event" in restored.manage("verify_audit")
    finally:
        assert stop(restored) == []
