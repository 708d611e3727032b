"""The request's schema and a sample of it, from a model server's Swagger or OpenAPI document."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAX_DEPTH = 16
MAX_PARTS = 20_000
_VALUES = frozenset({"example", "examples", "default", "enum", "const"})  # keys whose values are no schemas
_SCALARS: Mapping[str, Any] = {"string": "", "integer": 0, "number": 0.0, "boolean": False, "null": None}
_FORMATS: Mapping[str, str] = {"date": "2026-01-31", "date-time": "2026-01-31T12:00:00Z", "time": "12:00:00"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSchema:
    """Of the body that POST …/score takes. `schema` is JSON Schema without references, {} when nothing is known."""

    schema: Mapping[str, Any]
    sample: Any  # None when nothing is known


NOTHING_KNOWN = RequestSchema(schema={}, sample=None)


def request_schema_of(document: Any) -> RequestSchema:
    """From Swagger 2.0 or OpenAPI 3, written by whoever wrote the model server: nothing in it is trusted."""
    operation = _scoring_operation(document)
    schema, example = _body_of(operation)
    if not isinstance(schema, Mapping):
        return NOTHING_KNOWN
    resolved = _References(document).resolved(schema)
    sample = example if example is not None else sample_of(resolved)
    known = bool(resolved.get("properties") or resolved.get("items") or sample not in (None, {}))
    return RequestSchema(schema=resolved, sample=sample) if known else NOTHING_KNOWN


def sample_of(schema: Any, depth: int = MAX_DEPTH) -> Any:
    """The schema's own example, else one value of everything; None where the schema says nothing."""
    if not isinstance(schema, Mapping) or depth == 0:
        return None
    for key in ("example", "default", "const"):
        if key in schema:
            return copy.deepcopy(schema[key])
    for key in ("examples", "enum"):
        if isinstance(schema.get(key), list) and schema[key]:
            return copy.deepcopy(schema[key][0])
    for key in ("oneOf", "anyOf", "allOf"):
        if isinstance(schema.get(key), list) and schema[key]:
            return _combined(key, schema[key], depth)
    return _of_type(schema, depth)


def _combined(key: str, schemas: list[Any], depth: int) -> Any:
    samples = [sample_of(each, depth - 1) for each in schemas]
    if key != "allOf":
        return samples[0]
    objects = [sample for sample in samples if isinstance(sample, dict)]
    return {name: value for sample in objects for name, value in sample.items()} if objects else samples[0]


def _of_type(schema: Mapping[str, Any], depth: int) -> Any:
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    if kind == "array" or "items" in schema:
        item = sample_of(schema.get("items"), depth - 1)
        return [] if item is None else [item]
    if kind == "object" or "properties" in schema:
        properties = schema.get("properties")
        items = properties.items() if isinstance(properties, Mapping) else ()
        return {name: sample_of(each, depth - 1) for name, each in items}
    if kind == "string":
        return _FORMATS.get(str(schema.get("format")), "")
    return _SCALARS.get(kind) if isinstance(kind, str) else None


def _scoring_operation(document: Any) -> Any:
    """POST on the path that ends in /score, else the first POST there is."""
    paths = document.get("paths") if isinstance(document, Mapping) else None
    found = [
        (str(path), item["post"])
        for path, item in (paths.items() if isinstance(paths, Mapping) else ())
        if isinstance(item, Mapping) and isinstance(item.get("post"), Mapping)
    ]
    scoring = [operation for path, operation in found if path.rstrip("/").endswith("/score")]
    return scoring[0] if scoring else found[0][1] if found else {}


def _body_of(operation: Mapping[str, Any]) -> tuple[Any, Any]:
    """The schema, and an example beside it."""
    parameters = operation.get("parameters")
    for parameter in parameters if isinstance(parameters, list) else ():
        if isinstance(parameter, Mapping) and parameter.get("in") == "body":
            return parameter.get("schema"), None
    body = operation.get("requestBody")
    content = body.get("content") if isinstance(body, Mapping) else None
    if not isinstance(content, Mapping) or not content:
        return None, None
    media = content.get("application/json", next(iter(content.values())))
    return (media.get("schema"), media.get("example")) if isinstance(media, Mapping) else (None, None)


class _References:
    """Puts in what local references point to. What goes too deep, or is too much, as a schema that holds itself is,
    becomes {}."""

    def __init__(self, document: Any) -> None:
        self._document = document
        self._left = MAX_PARTS

    def resolved(self, value: Any, depth: int = MAX_DEPTH) -> Any:
        self._left -= 1
        if isinstance(value, list):
            return [self.resolved(item, depth) for item in value[: max(self._left, 0)]]
        if not isinstance(value, Mapping):
            return value
        if depth == 0 or self._left <= 0:
            return {}
        reference = value.get("$ref")
        if isinstance(reference, str):
            return self.resolved(_target(reference, self._document), depth - 1)
        return {key: item if key in _VALUES else self.resolved(item, depth - 1) for key, item in value.items()}


def _target(reference: str, document: Any) -> Any:
    if not reference.startswith("#/"):
        return {}
    for step in reference[2:].split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        document = document.get(name, {}) if isinstance(document, Mapping) else {}
    return document
