"""The runtime's parts that need no process."""

import ast
import datetime
import json
import socket
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endpoints.runtime import examples, frames, openapi, results
from endpoints.runtime.errors import ScoringError, last_line, one_line
from endpoints.runtime.metrics import Metrics
from endpoints.runtime.options import parse
from endpoints.runtime.pool import pause_before_replacement
from tests.runtime.serving import RUNTIME

FRAMES = st.lists(st.tuples(st.dictionaries(st.text(), st.integers() | st.text()), st.binary()), max_size=4)


@given(sent=FRAMES, size=st.integers(min_value=1, max_value=40))
def test_frames_survive_any_cutting(sent: list[tuple[dict[str, Any], bytes]], size: int) -> None:
    stream = b"".join(frames.encode(head, body) for head, body in sent)
    parser = frames.Parser()
    received = [frame for at in range(0, len(stream), size) for frame in parser.feed(stream[at : at + size])]
    assert received == sent


def test_frames_are_read_from_a_socket_until_it_closes() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, theirs.makefile("rb") as stream:
        ours.sendall(frames.encode({"a": 1}, b"body") + frames.encode({}) + frames.encode({"cut": 1}, b"off")[:-1])
        ours.close()
        assert frames.read(stream) == ({"a": 1}, b"body")
        assert frames.read(stream) == ({}, b"")
        assert frames.read(stream) is None


class Table:
    """As much of a data frame as results look at."""

    columns = ["a"]

    def to_dict(self, orient: str) -> list[dict[str, object]]:
        return [{"a": float("inf"), "orient": orient}]


class Number:
    """As much of a numpy scalar as results look at."""

    def tolist(self) -> int:
        return 7


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ({"b": 1, "a": [True, None]}, '{"b":1,"a":[true,null]}'),
        ("ä\u2028", '"ä\u2028"'),
        (float("nan"), "null"),
        ([float("-inf"), 1.0], "[null,1.0]"),
        ((1, 2), "[1,2]"),
        (Table(), '[{"a":null,"orient":"records"}]'),
        ({Number(): Number()}, '{"7":7}'),
        ({1: 2}, '{"1":2}'),
        (Decimal("1.5"), "1.5"),
        (datetime.datetime(2026, 1, 31, 12), '"2026-01-31T12:00:00"'),
        (frozenset({3}), "[3]"),
    ],
)
def test_results(result: object, text: str) -> None:
    assert results.encode(result) == (text.encode(), "application/json")


@pytest.mark.parametrize("result", [b"raw", bytearray(b"raw"), memoryview(b"raw")])
def test_bytes_are_no_json(result: object) -> None:
    assert results.encode(result) == (b"raw", "application/octet-stream")


@pytest.mark.parametrize("result", [object(), {"a": [object()]}])
def test_results_that_json_cannot_hold(result: object) -> None:
    with pytest.raises(ScoringError, match="object is not a str"):
        results.encode(result)


def test_a_result_that_holds_itself() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(ScoringError) as caught:
        results.encode(endless)
    assert (caught.value.status, caught.value.code) == (500, "ResultNotSerializable")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("a\n  b"), "ValueError: a b"),
        (ValueError(), "ValueError"),
        (KeyError("x"), "KeyError: 'x'"),
        (
            RuntimeError("in a worker:\nTraceback (most recent call last):\n  File x\nOSError: full\n"),
            "RuntimeError: OSError: full",
        ),
    ],
)
def test_last_line(error: Exception, line: str) -> None:
    assert last_line(error) == line


def test_long_messages_are_cut() -> None:
    assert len(one_line("x" * 5000)) == 1000


def test_metrics_are_prometheus_text() -> None:
    metrics = Metrics()
    metrics.observe("/score", 200, 0.003, 2.0)
    metrics.observe("/score", 200, 700.0, None)
    text = metrics.render({"studio_workers_ready": 1}, Counter(timeout=2))
    lines = text.splitlines()
    assert text.endswith("\n")
    assert 'studio_requests_total{route="/score",code="200"} 2' in lines
    assert 'studio_request_duration_seconds_bucket{le="0.0025"} 0' in lines
    assert 'studio_request_duration_seconds_bucket{le="0.005"} 1' in lines
    assert 'studio_request_duration_seconds_bucket{le="180.0"} 1' in lines
    assert 'studio_request_duration_seconds_bucket{le="+Inf"} 2' in lines
    assert "studio_request_duration_seconds_count 2" in lines
    assert "studio_model_duration_seconds_sum 0.002000" in lines
    assert 'studio_worker_restarts_total{reason="timeout"} 2' in lines
    assert "studio_workers_ready 1" in lines


def test_pauses_grow_and_have_an_end() -> None:
    pauses = [pause_before_replacement(fruitless) for fruitless in (0, 1, 2, 3, 4, 50)]
    assert pauses == [0, 0, 0.25, 0.5, 1.0, 30.0]


def test_options_have_azures_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WORKER_COUNT", "AZUREML_MODEL_DIR", "AZUREML_ENTRY_SCRIPT"):
        monkeypatch.delenv(name, raising=False)
    options = parse(["--entry-script", "/code/score.py"])
    assert (options.workers, options.port, options.request_timeout, options.max_pending) == (1, 5001, 5.0, 2)
    assert parse(["--entry-script", "x.py", "--workers", "3"]).max_pending == 6
    assert parse(["--entry-script", "x.py", "--max-concurrent", "4"]).max_pending == 8


COLUMNS: list[dict[str, Any]] = [
    {"name": "age", "type": "double", "required": True},
    {"name": "tags", "type": "array", "items": {"type": "string"}},
    {"name": "home", "type": "object", "properties": {"zip": {"type": "long"}}},
    {"name": "scores", "type": "map", "values": {"type": "float"}},
    {"name": "at", "type": "datetime"},
]
TENSOR: dict[str, Any] = {"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 2]}}


def test_example_from_a_signature(tmp_path: Path) -> None:
    example = examples.serving_example(tmp_path, COLUMNS)
    data = [0.0, [""], {"zip": 0}, {"key": 0.0}, "2026-01-01T00:00:00"]
    names = ["age", "tags", "home", "scores", "at"]
    assert example == {"input_data": {"columns": names, "index": [0], "data": [data]}}
    assert examples.serving_example(tmp_path, [TENSOR]) == {"input_data": [[0, 0]]}
    assert examples.serving_example(tmp_path, [{**TENSOR, "name": "x"}]) == {"input_data": {"x": [[0, 0]]}}
    assert examples.serving_example(tmp_path, [{"type": "long"}]) == {"input_data": [[0]]}
    assert examples.serving_example(tmp_path, None) is None


@pytest.mark.parametrize(
    ("name", "saved", "example"),
    [
        ("serving_input_example.json", {"dataframe_split": {"data": [[1]]}}, {"input_data": {"data": [[1]]}}),
        ("serving_input_example.json", {"inputs": [1], "params": {"p": 2}}, {"input_data": [1], "params": {"p": 2}}),
        ("input_example.json", {"columns": ["a"], "data": [[1]]}, {"input_data": {"columns": ["a"], "data": [[1]]}}),
        ("input_example.json", [[1, 2]], {"input_data": [[1, 2]]}),
    ],
)
def test_example_saved_with_the_model(tmp_path: Path, name: str, saved: object, example: object) -> None:
    (tmp_path / name).write_text(json.dumps(saved))
    assert examples.serving_example(tmp_path, COLUMNS) == example


def test_documents_describe_every_type() -> None:
    description = {
        "inputs": COLUMNS,
        "outputs": [TENSOR],
        "params": [{"name": "p", "type": "boolean"}],
        "example": None,
    }
    schemas = openapi.document("3.0", description, "Title", "/e")["components"]["schemas"]
    properties = schemas["ServiceInput"]["properties"]
    assert properties["input_data"]["properties"]["columns"]["items"]["enum"] == [c["name"] for c in COLUMNS]
    assert properties["input_data"]["properties"]["data"]["items"] == {"type": "array", "items": {}}
    assert properties["params"]["properties"] == {"p": {"type": "boolean"}}
    number = {"type": "array", "items": {"type": "array", "items": {"type": "number"}}}
    assert schemas["ServiceOutput"] == number
    named = openapi.document("2.0", {"inputs": [{**TENSOR, "name": "x"}], "outputs": COLUMNS}, "Title", "")
    assert named["basePath"] == "/"
    assert named["definitions"]["ServiceInput"]["properties"]["input_data"]["properties"] == {"x": number}
    row = named["definitions"]["ServiceOutput"]["items"]["properties"]
    assert row["home"] == {"type": "object", "properties": {"zip": {"type": "integer", "format": "int64"}}}
    assert row["scores"]["additionalProperties"] == {"type": "number", "format": "float"}


@pytest.mark.parametrize("path", sorted(RUNTIME.glob("*.py")), ids=lambda path: path.name)
def test_source_is_python_3_9_and_stands_alone(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 9))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom) and node.level == 0
            else []
        )
    }
    assert not imported & {"endpoints", "studio", "django"}
