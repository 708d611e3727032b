"""Scoring scripts, over HTTP, one server for all cases that leave it as it was."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.runtime.serving import RUNTIME, Served, serving, wait_for

SCRIPT = """
import datetime, json, os, sys
import errors, log, server

class Array:
    def tolist(self):
        return [1.5, float("nan")]

def init():
    global loads
    loads = globals().get("loads", 0) + 1
    print("init was called")

def echo(raw): return {"type": type(raw).__name__, "text": str(raw), "length": len(raw)}
def fail(raw): raise ValueError("age must be\\n a number: x")
def fail_deep(raw):
    raise RuntimeError("Remote\\nTraceback (most recent call last):\\n  File \\"secret.py\\"\\nOSError: disk")

RESULTS = {
    "dict": {"a": [1, 2.5, None, "é"]},
    "list": [1, 2],
    "str": "plain",
    "number": 3,
    "none": None,
    "bytes": b"\\x89PNG",
    "array": Array(),
    "nested": {"values": Array(), "when": datetime.date(2026, 1, 31), 7: {1}},
    "object": object(),
}

def run(raw):
    asked = json.loads(raw) if isinstance(raw, str) and raw.startswith("{") else {}
    if "result" in asked:
        return RESULTS[asked["result"]]
    if asked.get("do") == "facts":
        return {
            "loads": loads, "model_dir": os.environ["AZUREML_MODEL_DIR"], "argv": sys.argv, "cwd": os.getcwd(),
            "theirs": [errors.MINE, log.MINE, server.MINE], "path": sys.path, "name": __name__,
        }
    if "do" in asked:
        return globals()[asked["do"]](raw)
    return echo(raw)
"""


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    folder = Path(tempfile.mkdtemp(prefix="es-"))
    for name in ("errors", "log", "server"):
        (folder / f"{name}.py").write_text(f"MINE = 'my {name}'")
    options = ("--model-dir", str(folder / "model"), "--max-request-bytes", "1000")
    with serving(folder, *options, script=SCRIPT) as server:
        yield server
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ("dict", {"a": [1, 2.5, None, "é"]}),
        ("list", [1, 2]),
        ("str", "plain"),
        ("number", 3),
        ("none", None),
        ("array", [1.5, None]),
        ("nested", {"values": [1.5, None], "when": "2026-01-31", "7": [1]}),
    ],
)
def test_result_is_json(served: Served, result: str, expected: object) -> None:
    response = served.post(json.dumps({"result": result}))
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    assert response.json() == expected


def test_bytes_are_passed_on_as_they_are(served: Served) -> None:
    response = served.post('{"result": "bytes"}')
    assert (response.content, response.headers["content-type"]) == (b"\x89PNG", "application/octet-stream")


def test_result_that_json_cannot_hold(served: Served) -> None:
    response = served.post('{"result": "object"}', headers={"x-request-id": "abc-2"})
    assert response.status_code == 500
    assert "ERROR request abc-2: run() returned what JSON cannot hold" in served.log
    assert response.json()["error"]["code"] == "ResultNotSerializable"
    assert "object is not a str, number, list" in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/json", "str"),
        ("application/json; charset=utf-8", "str"),
        ("application/vnd.mine+json", "str"),
        ("text/csv", "str"),
        ("application/x-www-form-urlencoded", "str"),
        ("application/octet-stream", "bytes"),
        ("image/png", "bytes"),
    ],
)
def test_text_is_str_and_the_rest_bytes(served: Served, content_type: str, expected: str) -> None:
    answer = served.post("é", headers={"content-type": content_type}).json()
    assert answer["type"] == expected
    assert answer["length"] == (1 if expected == "str" else 2)


def test_text_that_is_not_utf8(served: Served) -> None:
    response = served.post(b"\xff\xfe")
    assert (response.status_code, response.json()["error"]["code"]) == (400, "BadArgument")


def test_script_finds_its_own_modules_and_environment(served: Served) -> None:
    facts = served.post('{"do": "facts"}').json()
    assert facts["loads"] == 1
    assert facts["model_dir"] == str(served.folder / "model")
    assert facts["theirs"] == ["my errors", "my log", "my server"]
    assert facts["argv"] == [str(served.folder / "score.py")]
    assert facts["cwd"] == str(served.folder)
    assert facts["name"] == "score"
    assert not [entry for entry in facts["path"] if entry.endswith("endpoints/runtime")]


def test_error_shows_its_last_line_and_the_log_its_traceback(served: Served) -> None:
    response = served.post('{"do": "fail"}', headers={"x-request-id": "abc-1"})
    assert response.status_code == 500
    error = {"code": "UserScriptException", "message": "ValueError: age must be a number: x"}
    assert response.json() == {"error": error}
    assert "ERROR request abc-1: run() raised ValueError: age must be a number: x" in served.log
    assert "Traceback (most recent call last):" in served.log
    assert "in fail" in served.log
    assert "endpoints/runtime" not in served.log


def test_traceback_inside_a_message_is_not_told(served: Served) -> None:
    message = served.post('{"do": "fail_deep"}').json()["error"]["message"]
    assert message == "RuntimeError: OSError: disk"


def test_print_is_in_the_log(served: Served) -> None:
    assert "init was called" in served.log.splitlines()


def test_ids_come_back(served: Served) -> None:
    sent = {"x-request-id": "r-1", "x-ms-request-id": "m-1", "x-ms-client-request-id": "c-1"}
    headers = served.post(headers=sent).headers
    assert {name: headers[name] for name in sent} == sent
    assert len(served.post().headers["x-request-id"]) == 32


def test_time_in_run_is_told(served: Served) -> None:
    headers = served.post().headers
    assert 0 <= float(headers["x-studio-model-ms"]) < 60_000
    assert headers["x-ms-run-fn-exec-ms"] == headers["x-studio-model-ms"]


def test_body_over_the_limit(served: Served) -> None:
    assert served.post("x" * 1000).status_code == 200
    announced = served.post("x" * 1001)
    assert announced.status_code == 413
    assert announced.json()["error"]["code"] == "RequestTooLarge"
    chunked = served.client.post("/score", content=iter([b"x" * 600, b"x" * 600]))
    assert chunked.status_code == 413
    assert served.post().status_code == 200


def test_chunked_body_is_put_together(served: Served) -> None:
    answer = served.client.post("/score", content=iter([b"ab", b"cd"])).json()
    assert answer["text"] == "abcd"


def test_wrong_path_and_wrong_method(served: Served) -> None:
    missing = served.post(path="/predict")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "NotFound")
    wrong = served.client.put("/score")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, POST")
    assert wrong.json()["error"]["code"] == "MethodNotAllowed"


def test_the_query_of_a_get_is_a_json_object(served: Served) -> None:
    """As on Azure's server."""
    assert served.get("/score?result=list").json() == [1, 2]
    text = served.get("/score?a=1&b=[2]&c=x&c=null").json()["text"]
    assert json.loads(text) == {"a": 1, "b": [2], "c": ["x", None]}


def test_invocations_is_another_name_of_score(served: Served) -> None:
    assert served.post('{"result": "list"}', path="/invocations").json() == [1, 2]


def test_probes(served: Served) -> None:
    assert served.get("/").text == "Healthy"
    assert served.client.head("/").status_code == 200
    assert served.get("/live").status_code == 200
    assert served.get("/ready").json() == {"status": "ready", "workers": 1}


def test_swagger_of_a_script(served: Served) -> None:
    second = served.get("/swagger.json").json()
    assert second["swagger"] == "2.0"
    assert "post" in second["paths"]["/score"]
    third = served.get("/swagger.json?version=3").json()
    assert third["openapi"].startswith("3.")
    assert third["components"]["schemas"]["ServiceInput"] == {"type": "object"}
    assert served.get("/swagger.json?version=4").status_code == 404


def test_swagger_knows_the_path_before_the_gateway(served: Served) -> None:
    path = {"x-envoy-original-path": "/my-endpoint/swagger.json?version=3"}
    document = served.client.get("/swagger.json?version=3", headers=path).json()
    assert document["servers"] == [{"url": "/my-endpoint"}]


def test_metrics_count(served: Served) -> None:
    ok, failed = 'studio_requests_total{route="/score",code="200"}', 'studio_requests_total{route="/score",code="500"}'
    before = served.gauge(ok), served.gauge(failed), served.gauge("studio_model_duration_seconds_count")
    served.post()
    served.post('{"do": "fail"}')
    after = served.gauge(ok), served.gauge(failed), served.gauge("studio_model_duration_seconds_count")
    assert [new - old for new, old in zip(after, before, strict=True)] == [1, 1, 2]
    assert served.gauge("studio_workers_ready") == 1
    assert served.gauge('studio_request_duration_seconds_bucket{le="+Inf"}') > 0


def test_worker_count_comes_from_azures_variable(start: Callable[..., Served]) -> None:
    script = "def init(): pass\ndef run(raw): return 1"
    served = start(script=script, environment={"WORKER_COUNT": "2"}).wait_until_ready()
    assert len(served.workers()) == 2


def test_serves_on_a_port_too(folder: Path) -> None:
    (folder / "score.py").write_text("def init(): pass\ndef run(raw): return raw")
    command = [sys.executable, str(RUNTIME), "--port", "0", "--entry-script", "score.py"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        wait_for(lambda: " ready" in (folder / "log").read_text(), "the server is ready")
        address = re.search(r"listening on (http://127.0.0.1:\d+)", (folder / "log").read_text())
        assert address
        assert httpx.post(f"{address[1]}/score", content="hello").json() == "hello"
    finally:
        process.terminate()
    assert process.wait(60) == 0
