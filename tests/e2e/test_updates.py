"""Updates in place and probes, on a real studio: callers call all the while, and no request fails."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.callers import callers
from tests.e2e.running import RunningStudio, command_of, wait_for
from tests.e2e.scripts import api, deploy, live_traffic, look, replicas, settled

pytestmark = pytest.mark.e2e

SCRIPT = """
import os, pathlib, sys, time

def init():
    global model
    folder = os.environ.get("AZUREML_MODEL_DIR")
    model = " ".join(path.name for path in pathlib.Path(folder).rglob("*.txt")) if folder else ""

def run(raw_data):
    time.sleep(2 if raw_data == "slow" else 0)
    return {"code": "CODE", "model": model, "colour": os.environ.get("COLOUR", ""), "python": sys.prefix}
"""
HANGS = "import time\n\ndef init():\n    time.sleep(3600)\n\ndef run(raw_data):\n    return 1\n"
BREAKS = "def init():\n    raise RuntimeError('the weights are missing')\n\ndef run(raw_data):\n    return 1\n"
QUICK = {"initial_delay": 1, "period": 1, "timeout": 2, "success_threshold": 1, "failure_threshold": 3}
ONE = "endpoints/rolls/deployments/one/"
CONCURRENT = {"max_concurrent_requests_per_instance": 20}
CONDITIONS = """
from endpoints.models import Deployment
print(Deployment.objects.get(endpoint__name="rolls", name="one", deleted_at=None).conditions)
"""


@pytest.fixture(scope="module")
def rolling(studio: RunningStudio) -> Iterator[tuple[RunningStudio, str]]:
    """Three replicas of `rolls/one` with all the traffic."""
    key = deploy(studio, "rolls", "one", SCRIPT, all_traffic=True, instance_count=3, request_settings=CONCURRENT)
    assert settled(studio, "rolls", "one")["provisioning_state"] == "Succeeded"
    wait_for(lambda: live_traffic(studio, "rolls") == {"one": 100})
    yield studio, key
    api(studio, "DELETE", "endpoints/rolls/")


def code(studio: RunningStudio, text: str) -> dict[str, str]:
    made = api(studio, "POST", "code/", data={"name": "rolls-one"}, files={"files": ("score.py", text)}).json()
    return {"code": f"azureml:rolls-one:{made['version']}", "scoring_script": "score.py"}


def model(studio: RunningStudio, name: str) -> str:
    packed = BytesIO()
    with ZipFile(packed, "w") as archive:
        archive.writestr(f"{name}.txt", name)
    files = {"files": ("model.zip", packed.getvalue())}
    made = api(studio, "POST", "models/", data={"name": "weights", "type": "custom_model"}, files=files).json()
    return f"azureml:weights:{made['version']}"


def environment(studio: RunningStudio, requirements: str) -> str:
    made = api(studio, "POST", "environments/", json={"name": "rolls-one", "requirements": requirements}).json()
    return f"azureml:rolls-one:{made['version']}"


def running(studio: RunningStudio) -> int:
    """Replicas that take up room."""
    return sum(seen["state"] != "Stopped" for seen in replicas(studio, "rolls", "one"))


def changed(studio: RunningStudio, *, most: int = 4, least: int = 3, **body: Any) -> dict[str, Any]:
    """The deployment once it has the change: it never had more replicas than `most`, nor fewer ready than `least`."""
    api(studio, "PATCH", ONE, json=body)

    def over() -> dict[str, Any] | None:
        seen = look(studio, "rolls", "one")
        assert running(studio) <= most
        assert seen["ready_replicas"] >= least, seen["conditions"]
        return None if seen["provisioning_state"] in ("Updating", "Scaling") else seen

    seen: dict[str, Any] = wait_for(over, what=lambda: str(look(studio, "rolls", "one")))
    return seen


def only(studio: RunningStudio, generation: int, count: int) -> Callable[[], bool]:
    """Whether that many replicas of that generation are all that is left."""
    return lambda: (
        [(seen["generation"], seen["state"]) for seen in replicas(studio, "rolls", "one")]
        == [(generation, "Ready")] * count
    )


def drains(studio: RunningStudio, generation: int, ordinal: int) -> Callable[[], bool]:
    """Whether that replica works off what it has."""
    return lambda: (
        (generation, ordinal, "Draining")
        in [(seen["generation"], seen["ordinal"], seen["state"]) for seen in replicas(studio, "rolls", "one")]
    )


def test_everything_rolls_without_a_failed_request(rolling: tuple[RunningStudio, str]) -> None:
    studio, key = rolling
    with callers(studio, "rolls", key) as calling:
        steps: list[tuple[dict[str, Any], str, str]] = [
            ({"code_configuration": code(studio, SCRIPT.replace("CODE", "second"))}, "code", "second"),
            ({"model": model(studio, "heavy")}, "model", "heavy.txt"),
            ({"environment_variables": {"COLOUR": "green"}}, "colour", "green"),
        ]
        for body, field, expected in steps:
            before = look(studio, "rolls", "one")["generation"]
            seen = changed(studio, **body)
            assert (seen["provisioning_state"], seen["serving_generation"]) == ("Succeeded", before + 1), seen["error"]
            wait_for(only(studio, before + 1, 3))
            assert {said[field] for said in calling.since(calling.mark())} == {expected}
        prefix = {said["python"] for said in calling.since(calling.mark())}
        changed(studio, environment=environment(studio, "idna==3.10"))
        changed(studio, request_settings={"request_timeout_ms": 7000})
        seen = look(studio, "rolls", "one")
        wait_for(only(studio, seen["generation"], 3))
        assert not prefix & {said["python"] for said in calling.since(calling.mark())}
        assert changed(studio, instance_count=5, most=6)["ready_replicas"] == 5
        changed(studio, instance_count=2, most=6, least=2)
        wait_for(only(studio, seen["generation"], 2))
        changed(studio, instance_count=3, least=2)
    assert calling.failures == {}
    assert len(calling.answers) > 200


def test_how_it_rolls_restarts_nothing(rolling: tuple[RunningStudio, str]) -> None:
    studio, _ = rolling
    before = look(studio, "rolls", "one")
    answer = api(studio, "PATCH", ONE, json={"max_surge": "2", "progress_deadline_seconds": 60})
    assert (answer.status_code, answer.json()["max_surge"]) == (200, "2")
    assert answer.json()["generation"] == before["generation"]
    api(studio, "PATCH", ONE, json={"max_surge": "25%", "progress_deadline_seconds": None})


@pytest.mark.parametrize(
    ("script", "failure", "told"),
    [
        (BREAKS, "UserScriptInitFailed", "the weights are missing"),
        (HANGS, "ResourceNotReady", "Not ready after"),
    ],
)
def test_a_bad_update_stops_by_itself(
    rolling: tuple[RunningStudio, str], page: Page, script: str, failure: str, told: str
) -> None:
    studio, key = rolling
    before = look(studio, "rolls", "one")
    with callers(studio, "rolls", key) as calling:
        colours = {said["colour"] for said in calling.since(calling.mark())}
        seen = changed(studio, code_configuration=code(studio, script), readiness_probe=QUICK)
        assert (seen["provisioning_state"], seen["error"]["code"]) == ("Failed", failure)
        assert told in seen["error"]["message"]
        assert seen["serving_generation"] == before["serving_generation"]
        wait_for(lambda: running(studio) == 3)
        lost = f"from endpoints import wiring\nwiring.compute().stop({_first(studio)!r})"
        mark = calling.mark()
        studio.shell(lost)  # one of what serves is gone
        wait_for(lambda: "replica.lost" in _verbs(studio))
        wait_for(lambda: _ready(studio) == 3)
        assert {said["colour"] for said in calling.since(mark)} == colours
    assert calling.failures == {}
    wait_for(lambda: "RolloutFailed" in studio.shell(CONDITIONS))
    page.goto("/endpoints/rolls/deployments/one/")
    expect(page.get_by_text(f"Generation {before['serving_generation']} goes on serving").first).to_be_visible()
    expect(page.get_by_role("row", name="Degraded").first).to_contain_text("RolloutFailed")
    back = api(studio, "POST", f"{ONE}revisions/{before['serving_generation']}/roll-back/")
    assert back.status_code == 202
    assert settled(studio, "rolls", "one")["provisioning_state"] == "Succeeded"


def _ready(studio: RunningStudio) -> int:
    return int(look(studio, "rolls", "one")["ready_replicas"])


def _first(studio: RunningStudio) -> str:
    """The id of a replica that serves."""
    seen = next(each for each in replicas(studio, "rolls", "one") if each["routed"])
    tail = f"-{seen['generation']}-{seen['ordinal']}"
    query = "from endpoints.models import Replica\nprint(Replica.objects.get(deployment__endpoint__name='rolls', "
    return studio.shell(f"{query}deployment__endpoint__deleted_at=None, pk__endswith={tail!r}).pk)").splitlines()[-1]


def _verbs(studio: RunningStudio) -> list[str]:
    found = api(studio, "GET", "events/", params={"endpoint": "rolls"}).json()["value"]
    return [event["verb"] for event in found]


def test_a_worker_that_is_killed_amid_an_update_leaves_nothing_undone(rolling: tuple[RunningStudio, str]) -> None:
    studio, key = rolling
    with callers(studio, "rolls", key) as calling:
        api(studio, "PATCH", ONE, json={"environment_variables": {"COLOUR": "blue"}})
        wait_for(lambda: running(studio) > 3)
        os.kill(studio.pid_of("celery", "worker"), signal.SIGKILL)
        seen = settled(studio, "rolls", "one")
        assert seen["provisioning_state"] == "Succeeded"
        wait_for(only(studio, seen["generation"], 3))
        assert {said["colour"] for said in calling.since(calling.mark())} == {"blue"}
    assert calling.failures == {}


def test_a_replica_that_dies_during_its_drain_is_no_matter(rolling: tuple[RunningStudio, str]) -> None:
    """The server of the first that drains, and the keeper of the second."""
    studio, key = rolling
    before = look(studio, "rolls", "one")["generation"]
    with callers(studio, "rolls", key) as calling:
        with callers(studio, "rolls", key, number=3, body="slow"):  # a drain lasts until it is seen
            api(studio, "PATCH", ONE, json={"environment_variables": {"COLOUR": "red"}})
            for ordinal, words in ((2, ("endpoints/runtime",)), (1, ("keeper.py",))):
                wait_for(drains(studio, before, ordinal), what=lambda: str(replicas(studio, "rolls", "one")))
                for process in studio.processes():
                    line = " ".join(command_of(process))
                    if f"-{before}-{ordinal}" in line and all(word in line for word in words):
                        process.kill()
        seen = settled(studio, "rolls", "one")
        assert seen["provisioning_state"] == "Succeeded"
        wait_for(only(studio, before + 1, 3))
        assert {said["colour"] for said in calling.since(calling.mark())} == {"red"}
    assert calling.failures == {}


def test_a_stale_update_is_told_what_changed(rolling: tuple[RunningStudio, str], page: Page) -> None:
    studio, _ = rolling
    page.goto("/endpoints/rolls/deployments/one/settings/")
    timeout = page.get_by_label("Request time-out (ms)").input_value()
    page.get_by_label("Request time-out (ms)").fill("9000")
    before = look(studio, "rolls", "one")["generation"]
    changed(studio, environment_variables={"COLOUR": "white"})
    token = api.__globals__["_token"](studio)
    headers = {"authorization": f"Bearer {token}", "if-match": f'"{before}"'}
    late = httpx.patch(f"{studio.url}/api/v1/{ONE}", json={"instance_count": 1}, headers=headers, timeout=60)
    assert late.status_code == 412
    (change,) = late.json()["changes"]
    assert (change["by"], [item["field"] for item in change["fields"]]) == (
        "ada@example.org",
        ["environment_variables"],
    )
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("heading", name="Changed meanwhile")).to_be_visible()
    notice = page.get_by_role("alert").filter(has_text="Changed meanwhile")
    for words in ("ada@example.org", "environment_variables"):
        expect(notice).to_contain_text(words)
    page.get_by_role("link", name="Reload").click()
    expect(page.get_by_label("Request time-out (ms)")).to_have_value(timeout)


SERVER = """
import http.server, json, os, pathlib

HOME = pathlib.Path(os.environ["HOME"])

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(503 if (HOME / ("not-" + self.path.strip("/"))).exists() else 200, "")

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.answer(200, json.dumps(HOME.name))

    def answer(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(text.encode())

http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
ROUTES = {
    "liveness_route": {"port": 8501, "path": "/live"},
    "readiness_route": {"port": 8501, "path": "/ready"},
    "scoring_route": {"port": 8501, "path": "/score"},
}
STEADY = {"initial_delay": 1, "period": 1, "timeout": 2, "success_threshold": 2, "failure_threshold": 2}


@pytest.fixture(scope="module")
def probed(studio: RunningStudio) -> Iterator[tuple[RunningStudio, str]]:
    """Two replicas of a server that is as ready and alive as files in its scratch folder say."""
    api(studio, "POST", "endpoints/", json={"name": "probed"})
    made = api(studio, "POST", "code/", data={"name": "probed"}, files={"files": ("server.py", SERVER)}).json()
    body = {
        "name": "one",
        "instance_type": "local-small",
        "instance_count": 2,
        "command": ["python3", "server.py"],
        "code_configuration": {"code": f"azureml:probed:{made['version']}"},
        "inference_config": ROUTES,
        "request_settings": CONCURRENT,
        "readiness_probe": STEADY,
        "liveness_probe": {**STEADY, "success_threshold": 1},
    }
    api(studio, "POST", "endpoints/probed/deployments/", json=body, params={"all_traffic": "true"})
    over = settled(studio, "probed", "one")
    assert over["provisioning_state"] == "Succeeded", over["error"]
    wait_for(lambda: live_traffic(studio, "probed") == {"one": 100})
    yield studio, str(api(studio, "POST", "endpoints/probed/keys/list/").json()["primaryKey"])
    api(studio, "DELETE", "endpoints/probed/")


def conditions(studio: RunningStudio, ordinal: int | None = None) -> dict[str, dict[str, str]]:
    """By their type: of the deployment, or of one replica."""
    shown = look(studio, "probed", "one") if ordinal is None else replicas(studio, "probed", "one")[ordinal]
    return {each["type"]: each for each in shown["conditions"]}


def held(condition: str, status: str, studio: RunningStudio, ordinal: int | None = None) -> Callable[[], Any]:
    return lambda: conditions(studio, ordinal).get(condition, {}).get("status") == status


def scratch_of(studio: RunningStudio, names: set[str], ordinal: str) -> Path:
    """The folder of the replica with that number, among those that answer by the folder's name."""
    (name,) = (each for each in names if each.endswith(f"-{ordinal}"))
    return studio.data_dir / "scratch" / name


def test_readiness_takes_out_of_rotation_and_back(probed: tuple[RunningStudio, str], page: Page) -> None:
    studio, key = probed
    page.goto("/endpoints/probed/deployments/one/")
    expect(page.get_by_role("row", name="Ready").first).to_contain_text("True")
    with callers(studio, "probed", key) as calling:
        both = set(calling.since(calling.mark(), least=200))
        assert len(both) == 2
        scratch = scratch_of(studio, both, "0")
        for _ in range(2):
            (scratch / "not-ready").touch()
            wait_for(held("Ready", "False", studio, 0))
            time.sleep(2)  # for the gateway, which asks the keeper every second
            assert set(calling.since(calling.mark(), least=200)) == both - {scratch.name}
            told = conditions(studio, 0)["Ready"]
            assert (told["reason"], "answered 503" in told["message"]) == ("ReadinessProbeFailed", True)
            wait_for(held("Degraded", "True", studio))
            assert "1 of 2 replicas answer." in conditions(studio)["Degraded"]["message"]
            assert conditions(studio)["Available"]["status"] == "True"
            (scratch / "not-ready").unlink()
            wait_for(held("Ready", "True", studio, 0))
            wait_for(held("Degraded", "False", studio))
            mark = calling.mark()
            wait_for(lambda: scratch.name in calling.since(mark))  # noqa: B023
    assert calling.failures == {}
    assert replicas(studio, "probed", "one")[0]["restarts"] == 0


def test_liveness_restarts(probed: tuple[RunningStudio, str], page: Page) -> None:
    studio, key = probed
    with callers(studio, "probed", key) as calling:
        scratch = scratch_of(studio, set(calling.since(calling.mark(), least=200)), "1")
        (scratch / "not-live").touch()
        wait_for(lambda: replicas(studio, "probed", "one")[1]["restarts"] > 0)
        (scratch / "not-live").unlink()
        wait_for(held("Live", "True", studio, 1))
        wait_for(held("Ready", "True", studio, 1))
        mark = calling.mark()
        wait_for(lambda: scratch.name in calling.since(mark))
    assert calling.failures == {}
    assert "Not alive after" in conditions(studio, 1)["Live"]["message"]
    page.goto("/endpoints/probed/deployments/one/")
    expect(page.get_by_text("Not alive after").first).to_be_visible()
