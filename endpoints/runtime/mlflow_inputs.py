"""Request bodies of MLflow models: Azure's `input_data`, MLflow's four keys, and CSV."""

from __future__ import annotations

import io
import json
from typing import Any

from .errors import ScoringError, one_line
from .request import Request

FORMATS = ("input_data", "dataframe_split", "dataframe_records", "instances", "inputs")

_SPLIT_KEYS = {"columns", "index", "data"}
_JSON_TYPES = ("", "application/json", "application/x-www-form-urlencoded", "text/plain")


def parse(request: Request, schema: Any) -> tuple[Any, dict[str, Any] | None]:
    """What `predict` takes, and its params. `schema` is MLflow's input schema, or None.

    Raises ScoringError: 400 with what is wrong, 415 for a content type that is neither JSON nor CSV.
    """
    media_type = request.media_type
    if media_type == "text/csv":
        return _guarded(_read_csv, request.body, schema), None
    if media_type not in _JSON_TYPES and not media_type.endswith("+json"):
        message = f"The content type {media_type} is not served: send application/json or text/csv."
        raise ScoringError(415, "UnsupportedMediaType", message)
    body = decode_json(request.body)
    kind, value = _only_format(body)
    params = body.get("params")
    if params is not None and not isinstance(params, dict):
        raise _bad("params must be a JSON object of names and values.")
    return _guarded(_convert, kind, value, schema), params


def decode_json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except json.JSONDecodeError as error:
        raise _bad(f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from error
    except UnicodeDecodeError as error:
        raise _bad(f"The body is not JSON: it is not UTF-8 ({error.reason} at byte {error.start}).") from error
    except RecursionError as error:
        raise _bad("The body is not JSON that can be read: it is nested too deeply.") from error


def _only_format(body: Any) -> tuple[str, Any]:
    allowed = "The body must be a JSON object with exactly one of " + ", ".join(FORMATS)
    if not isinstance(body, dict):
        raise _bad(f"{allowed}; it is a JSON {type(body).__name__}.")
    found = [name for name in FORMATS if name in body]
    if len(found) != 1:
        held = ", ".join(found or body) or "nothing"
        raise _bad(f"{allowed}; it has {one_line(held)}.")
    return found[0], body[found[0]]


def _convert(kind: str, value: Any, schema: Any) -> Any:
    if kind == "input_data":
        kind, value = _from_azure(value, schema)
    if kind in ("inputs", "instances"):
        from mlflow.utils.proto_json_utils import parse_tf_serving_input

        return parse_tf_serving_input({kind: value}, schema=schema)
    if kind == "dataframe_split":
        return _frame(value, schema)
    from mlflow.utils.proto_json_utils import dataframe_from_parsed_json

    return dataframe_from_parsed_json(value, pandas_orient="records", schema=schema)


def _from_azure(value: Any, schema: Any) -> tuple[str, Any]:
    """Azure's one key, as the one of MLflow's keys that means the same."""
    if isinstance(value, dict) and "data" in value and _SPLIT_KEYS.issuperset(value):
        return "dataframe_split", value
    if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
        return "dataframe_records", value
    if isinstance(value, list) and schema is not None and not schema.is_tensor_spec() and schema.has_input_names():
        rows = [row if isinstance(row, list) else [row] for row in value]
        return "dataframe_split", {"columns": schema.input_names(), "data": rows}
    return "inputs", value


def _frame(split: Any, schema: Any) -> Any:
    if schema is not None and isinstance(split, dict) and _only_doubles(schema):
        frame = _frame_of_doubles(split, schema.input_names())
        if frame is not None:
            return frame
    from mlflow.utils.proto_json_utils import dataframe_from_parsed_json

    return dataframe_from_parsed_json(split, pandas_orient="split", schema=schema)


def _only_doubles(schema: Any) -> bool:
    return bool(schema.has_input_names()) and all(
        getattr(kind, "name", "") == "double" for kind in schema.input_types()
    )


def _frame_of_doubles(split: dict[str, Any], names: list[str]) -> Any:
    """The frame that MLflow would make, in one step for all columns: ten times as fast. None: ask MLflow."""
    import numpy
    import pandas

    columns = split.get("columns")
    if not isinstance(columns, list) or sorted(map(str, columns)) != sorted(names):
        return None
    if not _SPLIT_KEYS.issuperset(split):
        return None
    try:
        values = numpy.array(split["data"], dtype=numpy.float64)
        return pandas.DataFrame(values, columns=columns, index=split.get("index"))
    except (KeyError, TypeError, ValueError):
        return None


def _read_csv(body: bytes, schema: Any) -> Any:
    import pandas

    frame = pandas.read_csv(io.BytesIO(body))
    return _frame(frame.to_dict(orient="split"), schema)


def _guarded(convert: Any, *arguments: Any) -> Any:
    try:
        return convert(*arguments)
    except Exception as error:
        raise _bad(one_line(str(error)) or "The input could not be read.") from error


def _bad(message: str) -> ScoringError:
    return ScoringError(400, "BadArgument", message)
