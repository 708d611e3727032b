"""A body to try a model with: the one saved with it, else one made from its signature."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_VALUES = {"boolean": True, "integer": 0, "long": 0, "float": 0.0, "double": 0.0, "string": "", "binary": ""}
_DATETIME = "2026-01-01T00:00:00"


def serving_example(folder: Path, inputs: list[dict[str, Any]] | None) -> dict[str, Any] | None:
    """In Azure's form, `{"input_data": ...}`; None when the model says nothing of its input."""
    saved = _saved(folder)
    if saved is not None:
        return saved
    return {"input_data": _from_signature(inputs)} if inputs else None


def _saved(folder: Path) -> dict[str, Any] | None:
    for name in ("serving_input_example.json", "input_example.json"):
        try:
            example = json.loads((folder / name).read_text())
        except (OSError, ValueError):
            continue
        return _as_azure(example)
    return None


def _as_azure(example: Any) -> dict[str, Any]:
    if not isinstance(example, dict):
        return {"input_data": example}
    for key in ("dataframe_split", "dataframe_records", "instances", "inputs"):
        if key in example:
            params = {"params": example["params"]} if example.get("params") else {}
            return {"input_data": example[key], **params}
    return {"input_data": example}


def _from_signature(inputs: list[dict[str, Any]]) -> Any:
    values = [_value(column) for column in inputs]
    names = [column.get("name") for column in inputs]
    if inputs[0].get("type") == "tensor":
        return {column["name"]: _value(column) for column in inputs} if all(names) else values[0]
    if not all(names):
        return [values]
    return {"columns": names, "index": [0], "data": [values]}


def _value(spec: dict[str, Any]) -> Any:
    kind = spec.get("type", "any")
    if kind == "tensor":
        return _tensor(spec["tensor-spec"])
    if kind == "array":
        return [_value(spec["items"])]
    if kind == "object":
        return {name: _value(item) for name, item in spec["properties"].items()}
    if kind == "map":
        return {"key": _value(spec["values"])}
    return _DATETIME if kind == "datetime" else _VALUES.get(kind)


def _tensor(spec: dict[str, Any]) -> Any:
    """One of everything along a dimension that may vary."""
    value: Any = "" if spec["dtype"] in ("str", "object") else 0
    for length in reversed(spec["shape"]):
        value = [value] * (length if length > 0 else 1)
    return value
