"""From what `run()` returned to bytes. Knows numpy and pandas by what their objects can do, and imports neither."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

from .errors import ScoringError, one_line

JSON = "application/json"
BYTES = "application/octet-stream"


def encode(result: Any) -> tuple[bytes, str]:
    """The body and its content type. NaN and infinities become null, for JSON has neither.

    A str is a JSON string, as on Azure: a script that returns `json.dumps(x)` gives its caller a string.
    Raises ScoringError (500) when JSON cannot hold the result.
    """
    if isinstance(result, (bytes, bytearray, memoryview)):
        return bytes(result), BYTES
    try:
        return _encode(result).encode(), JSON
    except (TypeError, ValueError):
        pass
    try:
        return _encode(_cleaned(result)).encode(), JSON
    except (TypeError, ValueError, RecursionError) as error:
        message = f"run() returned what JSON cannot hold: {one_line(str(error))}"
        raise ScoringError(500, "ResultNotSerializable", message) from error


def _plain(value: Any) -> Any:
    """The nearest thing that JSON knows, for one object it does not."""
    if hasattr(value, "to_dict") and hasattr(value, "columns"):
        return value.to_dict(orient="records")
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, (set, frozenset)):
        return list(value)
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} is not a str, number, list, dict, array or data frame")


def _cleaned(value: Any) -> Any:
    """The slow way: a copy without NaN and with keys that JSON allows."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {_key(key): _cleaned(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_cleaned(item) for item in value]
    return _cleaned(_plain(value))


def _key(key: Any) -> str:
    plain = key.tolist() if hasattr(key, "tolist") else key
    return plain if isinstance(plain, str) else json.dumps(plain, default=str)


_encode = json.JSONEncoder(default=_plain, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode
