"""Tensors of the Open Inference Protocol, without a server."""

import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endpoints.runtime import inference_protocol, tensors
from endpoints.runtime.errors import ScoringError
from endpoints.runtime.request import Request
from endpoints.runtime.tensors import BYTES, DATATYPES, Tensor


def asked(document: Any, binary: bytes = b"") -> inference_protocol.Asked:
    head = json.dumps(document).encode()
    return inference_protocol.parse(Request("1", "/v2/infer", "", head + binary, json_length=len(head)))


def tensor(**changes: Any) -> dict[str, Any]:
    return {"name": "x", "datatype": "FP32", "shape": [2, 2], "data": [1, 2, 3, 4.5], **changes}


def test_flat_and_nested_data_are_the_same() -> None:
    flat = asked({"inputs": [tensor()]}).inputs[0]
    nested = asked({"inputs": [tensor(data=[[1, 2], [3, 4.5]])]}).inputs[0]
    assert flat == nested
    assert flat.nested() == [[1, 2], [3, 4.5]]


@pytest.mark.parametrize(
    ("datatype", "values"),
    [
        ("BOOL", [True, False]),
        *((name, [0, 3]) for name, kind in DATATYPES.items() if kind.is_whole),
        ("INT8", [-128, 127]),
        ("UINT64", [0, 2**64 - 1]),
        ("FP16", [0.5, -2.0]),
        ("FP32", [0.5, -2.0]),
        ("FP64", [0.1, 1e300]),
        ("BYTES", ["é", ""]),
    ],
)
def test_every_datatype_as_json_and_as_bytes(datatype: str, values: list[Any]) -> None:
    given = tensors.from_json("x", datatype, (2,), values)
    packed = given.packed()
    again = tensors.from_bytes("x", datatype, (2,), packed)
    assert again.flat() == given.flat() == values
    assert again.packed() == packed


@given(values=st.lists(st.binary(max_size=20), max_size=5))
def test_bytes_survive_the_binary_extension(values: list[bytes]) -> None:
    packed = Tensor("x", BYTES, (len(values),), values).packed()
    assert tensors.from_bytes("x", BYTES, (len(values),), packed).data == values


def test_two_inputs_with_bytes_after_the_json() -> None:
    first = {"name": "a", "datatype": "INT16", "shape": [2], "parameters": {"binary_data_size": 4}}
    last = {"name": "c", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": 6}}
    binary = struct.pack("<2h", 5, -6) + struct.pack("<I", 2) + b"hi"
    found = asked({"inputs": [first, tensor(), last], "parameters": {"binary_data_output": True, "p": 1}}, binary)
    assert [item.nested() for item in found.inputs] == [[5, -6], [[1, 2], [3, 4.5]], ["hi"]]
    assert (found.all_binary, found.parameters) == (True, {"p": 1})


@pytest.mark.parametrize(
    ("document", "binary", "said"),
    [
        ([], b"", "must be a JSON object with inputs"),
        ({"inputs": []}, b"", "at least one"),
        ({"inputs": [1]}, b"", "Each input must be"),
        ({"inputs": [tensor(datatype="FP8")]}, b"", "is none of BOOL"),
        ({"inputs": [tensor(shape=[2, -2])]}, b"", "array of whole numbers"),
        ({"inputs": [tensor(shape=[2**20, 2**20])]}, b"", "more than"),
        ({"inputs": [tensor(shape=[3])]}, b"", "has 4 values; its shape [3] has 3"),
        ({"inputs": [tensor(data="text")]}, b"", "must be an array"),
        ({"inputs": [tensor(data=[1, 2, 3, "4"])]}, b"", "'4' is no FP32"),
        ({"inputs": [tensor(data=[1, 2, 3, None])]}, b"", "None is no FP32"),
        ({"inputs": [tensor(data=[1, 2, 3, True])]}, b"", "True is no FP32"),
        ({"inputs": [tensor(datatype="UINT8", data=[1, 2, 3, 256])]}, b"", "256 is no UINT8"),
        ({"inputs": [tensor(datatype="INT32", data=[1, 2, 3, 4.5])]}, b"", "4.5 is no INT32"),
        ({"inputs": [tensor(), tensor()]}, b"", "the same name"),
        ({"inputs": [tensor()]}, b"more", "belong to no input"),
        ({"inputs": [tensor(parameters={"binary_data_size": 16})]}, b"short", "5 bytes are left"),
        ({"inputs": [tensor(parameters={"binary_data_size": 4})]}, b"1234", "has 4 bytes"),
        ({"inputs": [tensor(parameters=[])]}, b"", "must be a JSON object"),
        ({"inputs": [tensor(datatype="BYTES", parameters={"binary_data_size": 5})]}, b"\xff\0\0\0x", "in the middle"),
        ({"inputs": [tensor()], "outputs": ["y"]}, b"", "outputs must be"),
    ],
)
def test_what_is_wrong_is_told(document: Any, binary: bytes, said: str) -> None:
    with pytest.raises(ScoringError) as caught:
        asked(document, binary)
    assert (caught.value.status, said in caught.value.message) == (400, True), caught.value.message


def test_a_length_beyond_the_body() -> None:
    with pytest.raises(ScoringError, match="inference-header-content-length is 9; the body has 2"):
        inference_protocol.parse(Request("1", "/v2/infer", "", b"{}", json_length=9))


class Frame:
    """As much of a data frame as tensors look at."""

    columns = ("a", "b")

    def to_dict(self) -> None: ...

    def __getitem__(self, name: str) -> list[Any]:
        columns: dict[str, list[Any]] = {"a": [1, 2], "b": ["x", "y"]}
        return columns[name]


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (3, [("output-0", "INT64", (1,), [3])]),
        ([[1, 2.5], [3, 4]], [("output-0", "FP64", (2, 2), [1, 2.5, 3, 4])]),
        ({"p": [0.5], "label": "cat"}, [("p", "FP64", (1,), [0.5]), ("label", "BYTES", (1,), ["cat"])]),
        ([True], [("output-0", "BOOL", (1,), [True])]),
        ([], [("output-0", "INT64", (0,), [])]),
        (Frame(), [("a", "INT64", (2,), [1, 2]), ("b", "BYTES", (2,), ["x", "y"])]),
    ],
)
def test_results_become_tensors(result: Any, expected: list[Any]) -> None:
    found = inference_protocol.outputs_of(result)
    assert [(item.name, item.datatype, item.shape, item.flat()) for item in found] == expected


@pytest.mark.parametrize("result", [[[1], [1, 2]], None, {"a": {"b": 1}}, [1, "x"], 2**70, object()])
def test_results_that_no_tensor_can_hold(result: Any) -> None:
    with pytest.raises(ScoringError) as caught:
        inference_protocol.outputs_of(result)
    assert (caught.value.status, caught.value.code) == (500, "ResultNotSerializable")


def test_answers_as_asked_for() -> None:
    result = inference_protocol.outputs_of({"p": [0.5, float("nan")], "label": ["a", "b"]})
    question: dict[str, Any] = {"id": "7", "inputs": [tensor()]}
    plain = inference_protocol.encode(asked(question), result, "m")
    assert json.loads(plain.body) == {
        "model_name": "m",
        "id": "7",
        "outputs": [
            {"name": "p", "datatype": "FP64", "shape": [2], "data": [0.5, None]},
            {"name": "label", "datatype": "BYTES", "shape": [2], "data": ["a", "b"]},
        ],
    }
    question["outputs"] = [{"name": "label", "parameters": {"binary_data": True}}]
    binary = inference_protocol.encode(asked(question), result, "m")
    length = int(dict(binary.headers)["inference-header-content-length"])
    head = json.loads(binary.body[:length])
    assert head["outputs"] == [
        {"name": "label", "datatype": "BYTES", "shape": [2], "parameters": {"binary_data_size": 10}}
    ]
    assert binary.body[length:] == b"\x01\0\0\0a\x01\0\0\0b"
    question["outputs"] = [{"name": "other"}]
    with pytest.raises(ScoringError, match="There is: p, label"):
        inference_protocol.encode(asked(question), result, "m")


def test_metadata_of_signatures_and_decorators() -> None:
    columns = [{"name": "age", "type": "double"}, {"name": "at", "type": "datetime"}]
    matrix = [{"type": "float"}, {"type": "float"}]
    image = [{"name": "image", "type": "tensor", "tensor-spec": {"dtype": "uint8", "shape": [-1, 28, 28]}}]
    described = inference_protocol.model_metadata("m", {"inputs": columns, "outputs": matrix})
    assert described["inputs"] == [
        {"name": "age", "datatype": "FP64", "shape": [-1]},
        {"name": "at", "datatype": "BYTES", "shape": [-1]},
    ]
    assert described["outputs"] == [{"name": "output-0", "datatype": "FP32", "shape": [-1, 2]}]
    assert inference_protocol.model_metadata("m", {"inputs": image, "outputs": None})["inputs"] == [
        {"name": "image", "datatype": "UINT8", "shape": [-1, 28, 28]}
    ]
    decorated = {"properties": {"data": {"type": "array", "items": {"type": "number"}}, "n": {"type": "integer"}}}
    schemas = {"input": decorated, "output": {"type": "string"}}
    assert inference_protocol.model_metadata("m", {"schemas": schemas}) == {
        "name": "m",
        "platform": "python",
        "inputs": [
            {"name": "data", "datatype": "FP64", "shape": [-1]},
            {"name": "n", "datatype": "INT64", "shape": [1]},
        ],
        "outputs": [{"name": "output-0", "datatype": "BYTES", "shape": [1]}],
    }
    assert inference_protocol.model_metadata("m", {})["inputs"] == []
