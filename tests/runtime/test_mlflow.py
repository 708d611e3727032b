"""MLflow models without code, in an environment of their own."""

import json
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate

from tests.runtime import environment
from tests.runtime.serving import Served, start

COLUMNS = ["age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"]
ROW = [0.038, 0.050, 0.061, 0.021, -0.044, -0.034, -0.043, -0.002, 0.019, -0.017]
RECORD = dict(zip(COLUMNS, ROW, strict=True))
SHOPPING = {"item": "tea", "count": 3, "at": "2026-01-31T12:00:00"}
CSV = {"content-type": "text/csv"}


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    shared = tmp_path_factory.getbasetemp()
    shared = shared if worker_id == "master" else shared.parent
    return environment.build(shared / "mlflow", "scikit-learn", "mlflow-skinny", "pandas")


@pytest.fixture(scope="module")
def servers(python: Path) -> Iterator[dict[str, Served]]:
    """One server per model, started together. `mean` is one folder further down, as an uploaded folder is."""
    folder = Path(tempfile.mkdtemp(prefix="es-"))
    training = Path(__file__).with_name("mlflow_training.py")
    subprocess.run([python, training, folder], check=True, capture_output=True)
    served = {}
    for name in ("diabetes", "shopping", "mean"):
        (folder / name / "run").mkdir()
        options = ("--mlflow", "--model-dir", str(folder / name))
        served[name] = start(folder / name / "run", *options, python=str(python))
    try:
        yield {name: one.wait_until_ready() for name, one in served.items()}
    finally:
        for one in served.values():
            one.close()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def diabetes(servers: dict[str, Served]) -> Served:
    return servers["diabetes"]


@pytest.fixture
def shopping(servers: dict[str, Served]) -> Served:
    return servers["shopping"]


@pytest.fixture
def expected(diabetes: Served) -> list[float]:
    body = {"dataframe_records": [RECORD, RECORD]}
    predictions: list[float] = diabetes.post(json.dumps(body), path="/invocations").json()["predictions"]
    assert predictions == pytest.approx([205.357, 205.357], abs=0.001)
    return predictions


@pytest.mark.parametrize(
    "body",
    [
        {"input_data": {"columns": COLUMNS, "index": [0, 1], "data": [ROW, ROW]}},
        {"input_data": {"columns": COLUMNS, "data": [ROW, ROW]}},
        {"input_data": {"columns": COLUMNS[::-1], "data": [ROW[::-1], ROW[::-1]]}},
        {"input_data": [RECORD, RECORD]},
        {"input_data": [ROW, ROW]},
        {"input_data": {name: [value, value] for name, value in RECORD.items()}},
        {"dataframe_split": {"columns": COLUMNS, "data": [ROW, ROW]}},
        {"dataframe_split": {"columns": [*COLUMNS, "more"], "data": [[*ROW, "x"], [*ROW, "y"]]}},
        {"dataframe_records": [RECORD, RECORD]},
        {"instances": [RECORD, RECORD]},
        {"inputs": {name: [value, value] for name, value in RECORD.items()}},
    ],
)
def test_every_form_of_input_gives_the_same(diabetes: Served, expected: list[float], body: Any) -> None:
    response = diabetes.post(json.dumps(body))
    assert response.status_code == 200, response.text
    assert response.json() == pytest.approx(expected)


def test_csv(diabetes: Served, expected: list[float]) -> None:
    lines = [",".join(COLUMNS), ",".join(map(str, ROW)), ",".join(map(str, ROW))]
    assert diabetes.post("\n".join(lines), headers=CSV).json() == pytest.approx(expected)


def test_whole_numbers_are_numbers_too(diabetes: Served) -> None:
    body = {"input_data": {"columns": COLUMNS, "data": [[0] * 10]}}
    assert diabetes.post(json.dumps(body)).json() == pytest.approx([152.13], abs=0.1)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"input_data": [1,\n 2,, 3]}', "The body is not JSON: Expecting value at line 2, column 4."),
        ("", "The body is not JSON: Expecting value at line 1, column 1."),
        ("[1, 2]", "with exactly one of input_data, dataframe_split"),
        ('{"data": [1]}', "it has data."),
        ('{"inputs": [1], "instances": [1]}', "it has instances, inputs."),
        ('{"input_data": [[1, 2, 3]]}', "10 columns passed, passed data had 3 columns"),
        (json.dumps({"input_data": [{**RECORD, "bmi": "much"}]}), "bmi"),
        (json.dumps({"dataframe_split": {"columns": COLUMNS, "data": [ROW[1:]]}}), "10 columns passed"),
        (json.dumps({"dataframe_split": {"columns": COLUMNS, "rows": [ROW]}}), "must have 'data' field"),
        (json.dumps({"dataframe_records": [{"age": 1.0}]}), "Model is missing inputs ['sex', 'bmi'"),
        (json.dumps({"input_data": [RECORD], "params": {"price": 1}}), "takes no params"),
        (json.dumps({"input_data": [RECORD], "params": 1}), "params must be a JSON object"),
    ],
)
def test_bad_input_is_the_callers_error(diabetes: Served, body: str, message: str) -> None:
    response = diabetes.post(body)
    assert response.status_code == 400, response.text
    assert response.json()["error"]["code"] == "BadArgument"
    assert message in response.json()["error"]["message"]


def test_content_type_that_no_model_reads(diabetes: Served) -> None:
    response = diabetes.post("x", headers={"content-type": "image/png"})
    assert (response.status_code, response.json()["error"]["code"]) == (415, "UnsupportedMediaType")


def test_swagger_describes_the_signature(diabetes: Served) -> None:
    second = diabetes.get("/swagger.json").json()
    data = second["definitions"]["ServiceInput"]["properties"]["input_data"]
    assert data["properties"]["columns"]["items"]["enum"] == COLUMNS
    assert data["properties"]["data"]["items"]["items"] == {"type": "number", "format": "double"}
    assert second["definitions"]["ServiceOutput"] == {"type": "array", "items": {"type": "number"}}


@pytest.mark.parametrize("name", ["diabetes", "shopping", "mean"])
def test_example_in_swagger_works(servers: dict[str, Served], name: str) -> None:
    document = servers[name].get("/swagger.json?version=3").json()
    example = document["components"]["schemas"]["ServiceInput"]["example"]
    assert document["paths"]["/score"]["post"]["requestBody"]["content"]["application/json"]["example"] == example
    response = servers[name].post(json.dumps(example))
    assert response.status_code == 200, response.text


def test_columns_get_the_types_of_the_signature(shopping: Served) -> None:
    assert shopping.post(json.dumps({"input_data": [SHOPPING]})).json() == [
        {"item": "tea", "type": "Timestamp", "total": 3.0}
    ]


def test_params(shopping: Served) -> None:
    body: dict[str, Any] = {"input_data": [SHOPPING], "params": {"price": 2.5}}
    assert shopping.post(json.dumps(body), path="/invocations").json()["predictions"][0]["total"] == 7.5
    wrong = shopping.post(json.dumps({**body, "params": {"price": "much"}}))
    assert wrong.status_code == 400
    assert "much" in wrong.json()["error"]["message"]


def test_model_that_raises(shopping: Served) -> None:
    response = shopping.post(json.dumps({"input_data": [{**SHOPPING, "item": "stone"}]}))
    assert response.status_code == 500
    assert response.json()["error"] == {
        "code": "UserScriptException",
        "message": "ValueError: nobody buys stones",
    }
    assert "in predict" in shopping.log


def test_tensors(servers: dict[str, Served]) -> None:
    mean = servers["mean"]
    assert mean.post('{"input_data": [[1, 2, 3], [4, 5, 6]]}').json() == [2.0, 5.0]
    assert mean.post('{"instances": [[1, 2, 3]]}').json() == [2.0]
    assert mean.post('{"inputs": [[1, 2]]}').status_code == 400


def test_folder_without_a_model(python: Path, folder: Path) -> None:
    served = start(folder, "--mlflow", "--model-dir", str(folder), python=str(python))
    assert served.wait_until_exit() == 3
    last = served.log.splitlines()[-1]
    assert last == f"studio-runtime: UserScriptInitFailed: there is no MLmodel file in {folder}"


def test_environment_without_mlflow(folder: Path) -> None:
    (folder / "MLmodel").write_text("flavors: {}")
    served = start(folder, "--mlflow", "--model-dir", str(folder), python=sys.executable)
    assert served.wait_until_exit() == 3
    last = served.log.splitlines()[-1]
    assert last == "studio-runtime: UserScriptImportError: ModuleNotFoundError: No module named 'mlflow'"


INFER = "/v2/models/model/infer"


def infer(served: Served, *inputs: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = served.post(json.dumps({"inputs": list(inputs), **more}), path=INFER)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_open_inference_protocol_says_what_there_is(diabetes: Served) -> None:
    assert diabetes.get("/v2/health/live").json() == {"live": True}
    assert diabetes.get("/v2/health/ready").status_code == 200
    assert diabetes.get("/v2/models/model/ready").json() == {"name": "model", "ready": True}
    assert diabetes.get("/v2").json()["extensions"] == ["binary_tensor_data"]
    described = diabetes.get("/v2/models/model").json()
    assert [item["name"] for item in described["inputs"]] == COLUMNS
    assert described["outputs"][0]["datatype"] == "FP64"
    missing = diabetes.get("/v2/models/other")
    assert (missing.status_code, "The model is called model" in missing.json()["error"]) == (404, True)


def test_columns_as_tensors_and_as_one_matrix(diabetes: Served) -> None:
    expected = diabetes.post(json.dumps({"input_data": [ROW, ROW]})).json()
    matrix = {"name": "input-0", "datatype": "FP64", "shape": [2, 10], "data": [ROW, ROW]}
    columns = [
        {"name": name, "datatype": "FP64", "shape": [2, 1], "data": [value, value]}
        for name, value in zip(COLUMNS, ROW, strict=True)
    ]
    for answer in (infer(diabetes, matrix), infer(diabetes, *columns)):
        (output,) = answer["outputs"]
        assert (output["shape"], output["datatype"], output["data"]) == ([2], "FP64", expected)


def test_tensors_that_the_model_does_not_take(diabetes: Served) -> None:
    for inputs, said in (
        ([{"name": "x", "datatype": "FP64", "shape": [1, 2], "data": [1, 2]}], "has 2 columns; the model takes 10"),
        ([{"name": "age", "datatype": "FP64", "shape": [1], "data": [1]}], "missing"),
        (
            [
                {"name": "age", "datatype": "FP64", "shape": [1], "data": [1]},
                {"name": "sex", "datatype": "FP64", "shape": [2], "data": [1, 2]},
            ],
            "columns of one table",
        ),
    ):
        answer = diabetes.post(json.dumps({"inputs": inputs}), path=INFER)
        assert (answer.status_code, said in answer.json()["error"]) == (400, True), answer.text


def test_texts_numbers_times_and_params(shopping: Served) -> None:
    answer = infer(
        shopping,
        {"name": "item", "datatype": "BYTES", "shape": [2], "data": ["tea", "milk"]},
        {"name": "count", "datatype": "INT32", "shape": [2], "data": [3, 4]},
        {"name": "at", "datatype": "BYTES", "shape": [2], "data": ["2026-01-31T12:00:00", "2026-02-01T00:00:00"]},
        parameters={"price": 2.0},
        outputs=[{"name": "total"}, {"name": "item"}],
    )
    assert [(item["name"], item["data"]) for item in answer["outputs"]] == [
        ("total", [6.0, 8.0]),
        ("item", ["tea", "milk"]),
    ]


def test_tensors_of_a_tensor_signature_in_bytes(servers: dict[str, Served]) -> None:
    head = {
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [2, 3], "parameters": {"binary_data_size": 24}}],
        "parameters": {"binary_data_output": True},
    }
    text = json.dumps(head).encode()
    body = text + struct.pack("<6f", 1, 2, 3, 4, 5, 6)
    length = {"inference-header-content-length": str(len(text)), "content-type": "application/octet-stream"}
    answer = servers["mean"].post(body, path=INFER, headers=length)
    assert answer.status_code == 200, answer.text
    size = int(answer.headers["inference-header-content-length"])
    (output,) = json.loads(answer.content[:size])["outputs"]
    assert (output["datatype"], output["shape"]) == ("FP32", [2])
    assert struct.unpack("<2f", answer.content[size:]) == (2.0, 5.0)


def test_documents_of_signatures_are_valid(servers: dict[str, Served]) -> None:
    for served in servers.values():
        for version in ("2.0", "3.0", "3.1"):
            validate(served.get(f"/swagger.json?version={version}").json())
