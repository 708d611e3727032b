"""Scripts written for Azure's server, on ours and on Azure's own package: the same answers."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate

from tests.runtime import environment
from tests.runtime.azure_scripts import DECORATED, DECORATED_ANSWER, DECORATED_BODY, HEADERS, RAW
from tests.runtime.serving import Served, start, wait_for

SERVERS = ("studio", "azureml")
SCRIPTS = {"decorated": DECORATED, "raw": RAW, "headers": HEADERS}
PICTURE = {"content-type": "image/png", "x-picture": "cat"}


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    shared = tmp_path_factory.getbasetemp()
    shared = shared if worker_id == "master" else shared.parent
    return environment.build(shared / "azureml", "azureml-inference-server-http==1.5.1", "numpy", "pandas")


@pytest.fixture(scope="module")
def served(python: Path) -> Iterator[dict[tuple[str, str], Served]]:
    """Each script on each server, started together."""
    folder = Path(tempfile.mkdtemp(prefix="es-"))
    found = {}
    for server in SERVERS:
        for name, script in SCRIPTS.items():
            found[server, name] = started(folder / f"{server[0]}{name[0]}", server, script, python)
    try:
        yield {key: one.wait_until_ready() for key, one in found.items()}
    finally:
        for one in found.values():
            one.close()
        shutil.rmtree(folder, ignore_errors=True)


def started(folder: Path, server: str, script: str, python: Path, **variables: str) -> Served:
    """As the plan of the server does it."""
    folder.mkdir()
    options = ("--azureml",) if server == "azureml" else ()
    variables = {"AML_APP_ROOT": str(folder), "SERVICE_NAME": "flats", "SERVICE_PATH_PREFIX": "flats", **variables}
    return start(folder, *options, "--model-dir", str(folder), script=script, environment=variables, python=str(python))


@pytest.fixture(params=SERVERS)
def ask(request: pytest.FixtureRequest, served: dict[tuple[str, str], Served]) -> Callable[[str], Served]:
    return lambda script: served[request.param, script]


def test_decorated(ask: Callable[[str], Served]) -> None:
    answer = ask("decorated").post(json.dumps(DECORATED_BODY))
    assert (answer.status_code, answer.json()) == (200, DECORATED_ANSWER)
    assert float(answer.headers["x-ms-run-fn-exec-ms"]) > 0
    assert float(answer.headers["x-studio-model-ms"]) > 0


def test_a_default_of_a_decorated_run(ask: Callable[[str], Served]) -> None:
    body = {key: value for key, value in DECORATED_BODY.items() if key != "factor"}
    assert ask("decorated").post(json.dumps(body)).json() == [15.0, 33.0]


@pytest.mark.parametrize("body", ['{"data": [[1, 2, 3]]}', "[1]", "{", ""])
def test_bodies_that_are_no_parameters(ask: Callable[[str], Served], body: str) -> None:
    assert ask("decorated").post(body).status_code == 400


def test_the_query_is_parameters_too(ask: Callable[[str], Served]) -> None:
    query = {"data": "[[1,2,3]]", "visits": '[{"city":"Rome","days":1}]'}
    answer = ask("decorated").client.get("/score", params=query)
    assert (answer.status_code, answer.json()) == (200, [13.0])


def test_raw_bytes_there_and_back(ask: Callable[[str], Served]) -> None:
    answer = ask("raw").post(b"\x89PNG\xff", headers=PICTURE)
    assert (answer.status_code, answer.content) == (201, b"\xffGNP\x89")
    assert (answer.headers["content-type"], answer.headers["x-seen"]) == ("image/png", "cat")
    assert len(answer.headers.get_list("x-request-id")) == 1


def test_a_raw_get(ask: Callable[[str], Served]) -> None:
    answer = ask("raw").get("/score?a=1&b=%20")
    assert (answer.status_code, answer.text) == (200, "/score?a=1&b=%20")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


def test_a_form_with_a_file(ask: Callable[[str], Served]) -> None:
    files = {"image": ("cat.png", b"\x00\r\n--\xff", "image/png")}
    answer = ask("raw").client.post("/score", files=files, data={"title": "Kätzchen"})
    assert (answer.status_code, answer.json()) == (200, {"name": "cat.png", "size": 6, "title": "Kätzchen"})


def test_keys_are_not_shown_to_the_script(ask: Callable[[str], Served]) -> None:
    answer = ask("raw").post('{"a": 1}', headers={"authorization": "Bearer secret"})
    assert answer.json() == {"asked": {"a": 1}, "token": None}


def test_a_raw_answer_in_pieces(ask: Callable[[str], Served]) -> None:
    with ask("raw").client.stream("POST", "/score?stream=1") as answer:
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream")
        assert "content-length" not in answer.headers
        assert "".join(answer.iter_text()) == "piece 0\npiece 1\npiece 2\n"


def test_a_raw_script_that_fails(ask: Callable[[str], Served]) -> None:
    served = ask("raw")
    assert served.post("x", path="/score?fail=1").status_code == 500
    assert "no such picture" in served.log
    assert served.get("/score").status_code == 200


def test_request_headers(ask: Callable[[str], Served]) -> None:
    answer = ask("headers").post('{"a": 1}', headers={"accept-language": "nb"})
    assert answer.json() == {"data": {"a": 1}, "language": "nb"}


@pytest.mark.parametrize("version", ["2", "2.0", "3", "3.0", "3.1"])
def test_documents_of_the_decorators(ask: Callable[[str], Served], version: str) -> None:
    document = ask("decorated").get(f"/swagger.json?version={version}").json()
    assert document.get("swagger", document.get("openapi")).startswith(version)
    schemas = document["definitions"] if version.startswith("2") else document["components"]["schemas"]
    assert schemas["ServiceInput"]["example"]["visits"] == [{"city": "Oslo", "days": 3}]
    assert set(schemas["ServiceInput"]["properties"]) == {"data", "visits", "factor"}
    assert schemas["ServiceOutput"]["type"] == "array"


def test_ours_are_valid(served: dict[tuple[str, str], Served]) -> None:
    for script in SCRIPTS:
        for version in ("2.0", "3.0", "3.1"):
            validate(served["studio", script].get(f"/swagger.json?version={version}").json())


def test_azures_is_passed_on(served: dict[tuple[str, str], Served]) -> None:
    document = served["azureml", "decorated"].get("/swagger.json").json()
    assert document["info"]["description"] == "API specification for the Azure Machine Learning service flats"
    assert "/flats/score" in document["paths"]


def test_azures_server_says_its_version(served: dict[tuple[str, str], Served]) -> None:
    assert served["azureml", "raw"].get("/score").headers["x-ms-server-version"] == "azmlinfsrv/1.5.1"


def test_tensors_for_a_decorated_script(served: dict[tuple[str, str], Served]) -> None:
    """The inputs' names are the parameters'."""
    data = {"name": "data", "datatype": "FP64", "shape": [2, 3], "data": [1, 2, 3, 4, 5, 6]}
    visits = {"name": "visits", "datatype": "INT64", "shape": [0], "data": []}
    ours = served["studio", "decorated"]
    wrong = ours.post(json.dumps({"inputs": [data]}), path="/v2/models/flats/infer")
    assert (wrong.status_code, "missing for visits" in wrong.json()["error"]) == (400, True)
    assert [item["name"] for item in ours.get("/v2/models/flats").json()["inputs"]] == ["data", "visits", "factor"]
    refused = ours.post(json.dumps({"inputs": [data, visits]}), path="/v2/models/flats/infer")
    assert refused.status_code == 500  # a tensor is no table
    azures = served["azureml", "decorated"].post(json.dumps({"inputs": [data]}), path="/v2/models/flats/infer")
    assert (azures.status_code, "does not speak" in azures.json()["error"]) == (404, True)


def test_a_raw_script_takes_no_tensors(served: dict[tuple[str, str], Served]) -> None:
    body: dict[str, Any] = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": [1]}]}
    answer = served["studio", "raw"].post(json.dumps(body), path="/v2/models/flats/infer")
    assert (answer.status_code, "@rawhttp" in answer.json()["error"]) == (404, True)


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize(
    ("script", "code", "said"),
    [
        ("import nothere", "UserScriptImportError", "nothere"),
        ("def run(x): pass", "UserScriptFunctionNotFound", "init"),
        ("def init(): 1 / 0\ndef run(x): pass", "UserScriptInitFailed", "ZeroDivisionError: division by zero"),
        ("def init(): pass\ndef run(): pass", "UserScriptFunctionNotFound", "argument"),
    ],
)
def test_scripts_that_cannot_be_served(
    python: Path, folder: Path, server: str, script: str, code: str, said: str
) -> None:
    one = started(folder / "x", server, script, python)
    assert one.wait_until_exit() == 3
    last = one.log.splitlines()[-1]
    assert last.startswith(f"studio-runtime: {code}: ")
    assert said in last


def test_time_outs_end_the_work_on_azures_server_too(python: Path, folder: Path) -> None:
    script = "import time\ndef init(): pass\ndef run(x): time.sleep(600)"
    folder = folder / "x"
    folder.mkdir()
    options = ("--azureml", "--request-timeout-ms", "300")
    one = start(folder, *options, script=script, environment={"AML_APP_ROOT": str(folder)}, python=str(python))
    try:
        one.wait_until_ready()
        first = one.workers()[0].pid
        assert one.post().status_code == 408
        wait_for(lambda: [worker.pid for worker in one.workers()] not in ([], [first]), "the worker is another")
    finally:
        one.close()


def test_packages_that_azures_images_bring_are_named(start: Callable[..., Served]) -> None:
    """In an environment that has neither."""
    one = start(script="from inference_schema.schema_decorators import input_schema\n")
    assert one.wait_until_exit() == 3
    assert "Add inference-schema[numpy-support,pandas-support] to the packages" in one.log.splitlines()[-1]


REPLY = """
import json
from azureml.contrib.services.aml_request import rawhttp
from azureml_inference_server_http.api.aml_response import AMLResponse

def init(): pass

@rawhttp
def run(request):
    asked = request.get_json(force=True)
    return AMLResponse(asked.get("body"), asked["status"], asked.get("headers", {}), asked.get("json", False))
"""


def test_answers_that_http_cannot_carry(start: Callable[..., Served]) -> None:
    one = start(script=REPLY).wait_until_ready()
    for wrong in (
        {"status": 200, "headers": {"x-a": "b\r\nx-injected: 1"}},
        {"status": 200, "headers": {"x a": "b"}},
        {"status": 200, "headers": {"x-a": "\u2028"}},
        {"status": 100},
        {"status": 900},
    ):
        answer = one.post(json.dumps(wrong))
        assert (answer.status_code, answer.json()["error"]["code"]) == (500, "ResultNotSerializable"), wrong
        assert "x-injected" not in answer.headers
    empty = one.post(json.dumps({"status": 204, "body": ""}))
    assert (empty.status_code, empty.content) == (204, b"")
    told = one.post(json.dumps({"status": 418, "body": {"a": 1}, "json": True, "headers": {"X-A": "1,2"}}))
    assert (told.status_code, told.json(), told.headers["x-a"]) == (418, {"a": 1}, "1,2")
    assert one.post(json.dumps({"status": 200, "body": None})).json() == {}
    assert one.post("{").status_code == 400
    assert len(one.workers()) == 1


def test_both_kinds_of_decorators_are_refused(python: Path, folder: Path) -> None:
    script = "from azureml.contrib.services.aml_request import rawhttp\n" + DECORATED.replace(
        "@input", "@rawhttp\n@input", 1
    )
    one = started(folder / "x", "studio", script, python)
    assert one.wait_until_exit() == 3
    assert "both @rawhttp and @input_schema" in one.log.splitlines()[-1]


def test_a_document_beside_the_script_is_given_as_it_is(start: Callable[..., Served], folder: Path) -> None:
    own = {"openapi": "3.1.0", "info": {"title": "Mine", "version": "7"}, "paths": {}}
    (folder / "swagger3.1.json").write_text(json.dumps(own))
    one = start(script="def init(): pass\ndef run(x): return x").wait_until_ready()
    assert one.get("/swagger.json?version=3.1").json() == own
    assert one.get("/swagger.json").json()["swagger"] == "2.0"


def test_a_document_beside_the_script_that_is_no_json(start: Callable[..., Served], folder: Path) -> None:
    (folder / "swagger.json").write_text("{")
    one = start(script="def init(): pass\ndef run(x): return x")
    assert one.wait_until_exit() == 3
    assert "swagger.json is not JSON" in one.log.splitlines()[-1]
