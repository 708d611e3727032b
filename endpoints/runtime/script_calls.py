"""How a script's `run()` is called: with the body, with the parameters of its decorators, or with the request."""

from __future__ import annotations

import importlib
import inspect
import json
import sys
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import parse_qsl

from . import aml_http
from .errors import FUNCTION_NOT_FOUND, LoadError, ScoringError
from .mlflow_inputs import decode_json
from .request import Request

_HEADERS = "request_headers"  # Azure's name for a parameter that gets them
_METHODS = ("GET", "POST")


class Call(Protocol):
    def answer(self, request: Request) -> Any:
        """What run() returned. Raises ScoringError for the caller's mistakes."""

    def infer(self, inputs: dict[str, Any]) -> Any:
        """The same for tensors, by name, as nested lists."""

    def describe(self) -> dict[str, Any]: ...


def call_of(run: Callable[..., Any]) -> Call:
    """Raises LoadError where Azure's server would refuse the script."""
    parameters = _parameters(run)
    decorated = _schemas(run)
    if aml_http.raw_is_wanted():
        if decorated is not None:
            raise LoadError(FUNCTION_NOT_FOUND, "run() has both @rawhttp and @input_schema; it can have only one")
        return RawCall(run)
    if not [name for name in parameters if name != _HEADERS]:
        raise LoadError(FUNCTION_NOT_FOUND, "run() takes no argument for the input data")
    if decorated is not None:
        return DecoratedCall(run, parameters, decorated)
    return BodyCall(run, parameters)


class RawCall:
    def __init__(self, run: Callable[..., Any]) -> None:
        self._run = run

    def answer(self, request: Request) -> Any:
        return self._run(aml_http.AMLRequest(request))

    def infer(self, inputs: dict[str, Any]) -> Any:
        message = "This script reads HTTP itself (@rawhttp): it answers on /score, and takes no tensors."
        raise ScoringError(404, "NotFound", message)

    def describe(self) -> dict[str, Any]:
        return {"http": True, "methods": [*_METHODS, "OPTIONS"]}


class BodyCall:
    """Text for JSON and other text, bytes for the rest; the query of a GET as a JSON object."""

    def __init__(self, run: Callable[..., Any], parameters: dict[str, Any]) -> None:
        self._run = run
        self._with_headers = _HEADERS in parameters

    def answer(self, request: Request) -> Any:
        data = json.dumps(_from_query(request.query)) if request.method == "GET" else _body(request)
        return self._run(data, request_headers=_plain_headers(request)) if self._with_headers else self._run(data)

    def infer(self, inputs: dict[str, Any]) -> Any:
        data = json.dumps(inputs)
        return self._run(data, request_headers={}) if self._with_headers else self._run(data)

    def describe(self) -> dict[str, Any]:
        return {"http": self._with_headers, "methods": list(_METHODS)}


class DecoratedCall:
    """Each key of the body's JSON object is the parameter of that name; inference-schema converts them."""

    def __init__(self, run: Callable[..., Any], parameters: dict[str, Any], schemas: dict[str, Any]) -> None:
        self._run = run
        self._schemas = schemas
        self._with_headers = _HEADERS in parameters
        self._defaults = {name: default for name, default in parameters.items() if name != _HEADERS}

    def answer(self, request: Request) -> Any:
        given = _from_query(request.query) if request.method == "GET" else _json_object(request)
        headers = {_HEADERS: _plain_headers(request)} if self._with_headers else {}
        return self._run(**self._arguments(given), **headers)

    def infer(self, inputs: dict[str, Any]) -> Any:
        return self._run(**self._arguments(inputs), **({_HEADERS: {}} if self._with_headers else {}))

    def _arguments(self, given: dict[str, Any]) -> dict[str, Any]:
        arguments = {name: given.get(name, default) for name, default in self._defaults.items()}
        missing = [name for name, value in arguments.items() if value is inspect.Parameter.empty]
        if missing:
            known = ", ".join(self._defaults)
            raise ScoringError(400, "BadArgument", f"A value is missing for {', '.join(missing)}. There is: {known}.")
        return arguments

    def describe(self) -> dict[str, Any]:
        return {
            "http": self._with_headers,
            "methods": list(_METHODS),
            "schemas": self._schemas,
            "example": self._schemas["input"].get("example"),
        }


def _parameters(run: Callable[..., Any]) -> dict[str, Any]:
    """Names and defaults. What cannot be inspected takes one argument, we hope."""
    try:
        found = inspect.signature(run).parameters
    except (TypeError, ValueError):
        return {"data": inspect.Parameter.empty}
    return {name: parameter.default for name, parameter in found.items()}


def _schemas(run: Callable[..., Any]) -> dict[str, Any] | None:
    """Of inference-schema's decorators; None where there are none."""
    if "inference_schema.schema_decorators" not in sys.modules:
        return None
    schema_util = importlib.import_module("inference_schema.schema_util")
    if not schema_util.is_schema_decorated(run):
        return None
    return {"input": schema_util.get_input_schema(run), "output": schema_util.get_output_schema(run)}


def _from_query(query: str) -> dict[str, Any]:
    """As Azure's server reads it: values are JSON where they can be; a name that comes twice is a list."""
    found: dict[str, list[Any]] = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        found.setdefault(name, []).append(_value(text))
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _json_object(request: Request) -> dict[str, Any]:
    body = decode_json(request.body)
    if not isinstance(body, dict):
        raise ScoringError(400, "BadArgument", "The body must be a JSON object: a value for each parameter of run().")
    return body


def _plain_headers(request: Request) -> dict[str, str]:
    return dict(aml_http.Headers(request.headers))


def _body(request: Request) -> str | bytes:
    if not request.is_text:
        return request.body
    try:
        return request.body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ScoringError(400, "BadArgument", f"The body is not UTF-8: {error}.") from error
