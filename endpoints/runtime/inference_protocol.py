"""The Open Inference Protocol v2 over REST, with its binary extension: documents, requests and answers.

A script gets one JSON object, each input under its name as nested lists; what it returns becomes tensors: of a dict
one for each key, of a data frame one for each column, of anything else `output-0`.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple, Protocol

from . import tensors
from .aml_http import HttpAnswer
from .mlflow_inputs import decode_json
from .request import Request
from .tensors import BYTES, DATATYPES, Tensor, bad

INFER = "/v2/infer"  # the path of a request to a worker, whatever the model is called
JSON_LENGTH = "inference-header-content-length"
OUTPUT = "output-0"
_LARGEST = 2**31  # elements of one tensor
_BINARY = "application/octet-stream"
_OF_MLFLOW = {
    "boolean": "BOOL",
    "integer": "INT32",
    "long": "INT64",
    "float": "FP32",
    "double": "FP64",
}
_OF_SWAGGER = {"boolean": "BOOL", "integer": "INT64", "number": "FP64", "string": BYTES}


class Inferring(Protocol):
    def infer(self, inputs: list[Tensor], parameters: dict[str, Any]) -> Any: ...


class Asked(NamedTuple):
    id: str
    inputs: list[Tensor]
    outputs: dict[str, bool]  # by name, whether its bytes are wanted; empty: all
    all_binary: bool
    parameters: dict[str, Any]


def answer(model: Inferring, request: Request, name: str) -> HttpAnswer:
    """Raises ScoringError: 400 for what is wrong with the request, 500 for what no tensor can hold."""
    asked = parse(request)
    result = model.infer(asked.inputs, asked.parameters)
    return encode(asked, outputs_of(result), name)


def parse(request: Request) -> Asked:
    length = request.json_length
    if length > len(request.body):
        raise bad(f"{JSON_LENGTH} is {length}; the body has {len(request.body)} bytes.")
    document = decode_json(request.body if length < 0 else request.body[:length])
    if not isinstance(document, dict) or not isinstance(document.get("inputs"), list) or not document["inputs"]:
        raise bad("The body must be a JSON object with inputs: an array of tensors, at least one.")
    inputs = _inputs(document["inputs"], memoryview(request.body)[length:] if length >= 0 else memoryview(b""))
    parameters = _object(document.get("parameters"), "parameters")
    return Asked(
        id=str(document.get("id", "")),
        inputs=inputs,
        outputs=_outputs(document.get("outputs")),
        all_binary=bool(parameters.pop("binary_data_output", False)),
        parameters=parameters,
    )


def _inputs(given: list[Any], binary: memoryview) -> list[Tensor]:
    found, position = [], 0
    for item in given:
        name, datatype, shape = _head(item)
        size = _object(item.get("parameters"), f"parameters of {name}").get("binary_data_size")
        if size is None:
            found.append(tensors.from_json(name, datatype, shape, item.get("data")))
            continue
        if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= len(binary) - position:
            raise bad(f"binary_data_size of {name} is {size}; {len(binary) - position} bytes are left in the body.")
        found.append(tensors.from_bytes(name, datatype, shape, bytes(binary[position : position + size])))
        position += size
    if position != len(binary):
        raise bad(f"The body has {len(binary) - position} bytes that belong to no input.")
    if len({tensor.name for tensor in found}) < len(found):
        raise bad("Two inputs have the same name.")
    return found


def _head(item: Any) -> tuple[str, str, tuple[int, ...]]:
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        raise bad("Each input must be a JSON object with name, shape, datatype and data.")
    name, shape, datatype = item["name"], item.get("shape"), item.get("datatype")
    if datatype != BYTES and datatype not in DATATYPES:
        raise bad(f"The datatype of {name} is none of {', '.join((*DATATYPES, BYTES))}.")
    if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
        raise bad(f"The shape of {name} must be an array of whole numbers.")
    product = 1
    for size in shape:
        product *= size
        if product > _LARGEST:
            raise bad(f"The shape of {name} has more than {_LARGEST} elements.")
    return name, datatype, tuple(shape)


def _object(value: Any, what: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise bad(f"The {what} must be a JSON object.")
    return dict(value)


def _outputs(given: Any) -> dict[str, bool]:
    if given is None:
        return {}
    if not isinstance(given, list) or not all(isinstance(item, dict) and "name" in item for item in given):
        raise bad("outputs must be an array of objects with a name.")
    return {
        str(item["name"]): bool(_object(item.get("parameters"), "parameters of an output").get("binary_data", False))
        for item in given
    }


def outputs_of(result: Any) -> list[Tensor]:
    if hasattr(result, "to_dict") and hasattr(result, "columns"):
        return [tensors.from_value(str(column), result[column]) for column in result.columns]
    if isinstance(result, dict):
        return [tensors.from_value(str(name), value) for name, value in result.items()]
    return [tensors.from_value(OUTPUT, result)]


def encode(asked: Asked, outputs: list[Tensor], name: str) -> HttpAnswer:
    known = {tensor.name: tensor for tensor in outputs}
    unknown = [wanted for wanted in asked.outputs if wanted not in known]
    if unknown:
        raise bad(f"There is no output {', '.join(unknown)}. There is: {', '.join(known)}.")
    entries, pieces = [], []
    for tensor in (known[wanted] for wanted in asked.outputs or known):
        entry: dict[str, Any] = {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.shape)}
        if asked.outputs.get(tensor.name, asked.all_binary):
            pieces.append(tensor.packed())
            entry["parameters"] = {"binary_data_size": len(pieces[-1])}
        else:
            entry["data"] = [_plain(value) for value in tensor.flat()]
        entries.append(entry)
    document = {"model_name": name, **({"id": asked.id} if asked.id else {}), "outputs": entries}
    head = json.dumps(document, ensure_ascii=False).encode()
    if not pieces:
        return HttpAnswer(head, "application/json")
    return HttpAnswer(b"".join((head, *pieces)), _BINARY, headers=((JSON_LENGTH, str(len(head))),))


def _plain(value: Any) -> Any:
    """JSON has neither NaN nor infinities, nor bytes that are no text."""
    if isinstance(value, float) and value - value != 0:
        return None
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def server_metadata() -> dict[str, Any]:
    return {"name": "endpoint-studio", "version": "2", "extensions": ["binary_tensor_data"]}


def model_metadata(name: str, description: dict[str, Any]) -> dict[str, Any]:
    """`description` is what a model's describe() returned."""
    schemas = description.get("schemas")
    if schemas:
        properties = schemas["input"].get("properties", {})
        inputs = [_of_schema(parameter, schema) for parameter, schema in properties.items()]
        outputs = [_of_schema(OUTPUT, schemas["output"])] if "type" in schemas["output"] else []
        return {"name": name, "platform": "python", "inputs": inputs, "outputs": outputs}
    inputs = _of_signature(description.get("inputs"), "input-0")
    outputs = _of_signature(description.get("outputs"), OUTPUT)
    platform = "mlflow" if "inputs" in description else "python"
    return {"name": name, "platform": platform, "inputs": inputs, "outputs": outputs}


def _of_signature(columns: list[dict[str, Any]] | None, unnamed: str) -> list[dict[str, Any]]:
    """A named column is a tensor of its own; unnamed ones are the columns of one."""
    if not columns:
        return []
    if columns[0].get("type") == "tensor":
        return [_of_tensor(column, unnamed) for column in columns]
    named = [column for column in columns if column.get("name")]
    if named:
        return [_entry(column["name"], _OF_MLFLOW.get(column["type"], BYTES), [-1]) for column in named]
    shape = [-1] if len(columns) == 1 else [-1, len(columns)]
    return [_entry(unnamed, _OF_MLFLOW.get(columns[0]["type"], BYTES), shape)]


def _of_tensor(column: dict[str, Any], unnamed: str) -> dict[str, Any]:
    spec = column["tensor-spec"]
    datatype = next((name for name, kind in DATATYPES.items() if kind.numpy == str(spec["dtype"])), BYTES)
    return _entry(column.get("name") or unnamed, datatype, list(spec["shape"]))


def _of_schema(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    shape = []
    while schema.get("type") == "array" and isinstance(schema.get("items"), dict):
        shape.append(-1)
        schema = schema["items"]
    return _entry(name, _OF_SWAGGER.get(schema.get("type", ""), BYTES), shape or [1])


def _entry(name: str, datatype: str, shape: list[int]) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape}
