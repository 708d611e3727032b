"""What callers get from the gateway in front of real replicas, and what people are told when a script is bad."""

import httpx
import pytest

from tests.e2e.running import RunningStudio, wait_for
from tests.e2e.scripts import api, deploy, live_traffic, replicas, settled

pytestmark = pytest.mark.e2e

CHOOSY = """
import json, time

def init():
    pass

def run(raw_data):
    asked = json.loads(raw_data)
    if asked == "raise":
        raise ValueError("no such patient")
    if asked == "hang":
        time.sleep(600)
    if asked == "exit":
        import os
        os._exit(7)
    return {"asked": asked}
"""
QUICK_PROBE = {"initial_delay": 1, "period": 1, "timeout": 1, "success_threshold": 1, "failure_threshold": 2}


@pytest.fixture(scope="module")
def choosy(studio: RunningStudio) -> httpx.Client:
    limits = {"request_timeout_ms": 1500, "max_request_bytes": 2048}
    key = deploy(studio, "choosy", "one", CHOOSY, all_traffic=True, request_settings=limits)
    seen = settled(studio, "choosy", "one")
    assert seen["provisioning_state"] == "Succeeded", seen
    wait_for(lambda: live_traffic(studio, "choosy") == {"one": 100})
    base = f"{studio.gateway_url}/choosy"
    return httpx.Client(base_url=base, headers={"authorization": f"Bearer {key}"}, timeout=60)


def test_an_answer_names_its_deployment_and_its_request(choosy: httpx.Client) -> None:
    answer = choosy.post("/score", content='"hello"')
    assert (answer.status_code, answer.json()) == (200, {"asked": "hello"})
    assert answer.headers["azureml-model-deployment"] == "one"
    assert len(answer.headers["x-request-id"]) == 36


def test_an_error_of_the_model_is_424_and_shows_no_traceback(choosy: httpx.Client) -> None:
    answer = choosy.post("/score", content='"raise"')
    assert answer.status_code == 424
    assert answer.headers["ms-azureml-model-error-statuscode"] == "500"
    assert "no such patient" in answer.text
    assert "Traceback" not in answer.text


def test_a_run_that_hangs_is_408_and_frees_its_worker(choosy: httpx.Client) -> None:
    assert choosy.post("/score", content='"hang"').status_code == 408
    wait_for(lambda: choosy.post("/score", content='"after"').status_code == 200)


def test_a_run_that_ends_its_process_hurts_nobody_else(choosy: httpx.Client) -> None:
    assert choosy.post("/score", content='"exit"').status_code == 424
    wait_for(lambda: choosy.post("/score", content='"after"').status_code == 200)


def test_a_body_over_the_limit_is_413(choosy: httpx.Client) -> None:
    assert choosy.post("/score", content=b" " * 4096).status_code == 413


@pytest.mark.parametrize("headers", [{"authorization": "Bearer wrong"}, {"authorization": ""}])
def test_a_wrong_key_is_401(choosy: httpx.Client, headers: dict[str, str]) -> None:
    answer = choosy.post("/score", content='"x"', headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "Unauthorized")


def test_swagger_describes_it(choosy: httpx.Client) -> None:
    assert "/score" in choosy.get("/swagger.json").json()["paths"]


@pytest.mark.parametrize(
    ("deployment", "script", "requirements", "code", "quoted"),
    [
        ("syntax", "exec('def init(:')\n", "", "UserScriptImportError", "SyntaxError"),
        ("missing", "import notthere\ndef init(): pass\ndef run(x): pass\n", "", "UserScriptImportError", "notthere"),
        ("norun", "globals()['init'] = print\n", "", "UserScriptFunctionNotFound", "run"),
        ("badinit", "def init(): 1 / 0\ndef run(x): pass\n", "", "UserScriptInitFailed", "division by zero"),
        ("slow", "import time\ndef init(): time.sleep(600)\ndef run(x): pass\n", "", "ResourceNotReady", "/ready"),
        (
            "package",
            "def init(): pass\ndef run(x): pass\n",
            "surely-no-such-package-2951==1",
            "ImageBuildFailure",
            "2951",
        ),
    ],
)
def test_a_script_that_cannot_start_says_why(
    studio: RunningStudio, deployment: str, script: str, requirements: str, code: str, quoted: str
) -> None:
    deploy(studio, "broken", deployment, script, requirements=requirements, readiness_probe=QUICK_PROBE)
    seen = settled(studio, "broken", deployment)
    assert (seen["provisioning_state"], seen["error"]["code"]) == ("Failed", code), seen
    assert quoted in seen["error"]["message"]
    failed = api(studio, "GET", "operations/", params={"endpoint": "broken", "deployment": deployment}).json()["value"]
    causes = api(studio, "GET", f"operations/{failed[0]['id']}/causes/").json()["value"]
    assert causes, seen["error"]
    assert any(quoted in cause["evidence"] or quoted in cause["title"] for cause in causes), causes
    wait_for(lambda: {replica["state"] for replica in replicas(studio, "broken", deployment)} <= {"Stopped"})
