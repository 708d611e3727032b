"""The OpenAPI document, and what the documentation's page shows of it."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.urls import include, path
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.settings import patched_settings

from studio.api.routes import routes

PREFIX = "api/v1/"
_INLINE_CHOICES = {"POSTPROCESSING_HOOKS": [], "ENUM_GENERATE_CHOICE_DESCRIPTION": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A parameter, or a field of a body; `name` is its path with dots."""

    name: str
    where: str = ""  # path, query, header; empty for a body's
    type: str
    required: bool
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    id: str
    method: str
    path: str
    summary: str
    description: str
    parameters: list[Field]
    media_type: str
    body: list[Field]
    answers: list[tuple[str, str, list[Field]]]  # status, name or description, fields
    example: str  # a line of shell

    @property
    def tone(self) -> str:
        """Of its badge; red is for errors alone."""
        return {"GET": "info", "DELETE": "warn"}.get(self.method, "ok")


@cache
def document() -> dict[str, Any]:
    """OpenAPI 3.0; the same for everybody, and for as long as the process lives."""
    generator: Callable[..., Any] = SchemaGenerator
    with patched_settings(_INLINE_CHOICES):
        schema = generator(patterns=[path(PREFIX, include(routes))]).get_schema(public=True)
        made: dict[str, Any] = json.loads(OpenApiJsonRenderer().render(schema))
    return made


@cache
def sections(base_url: str) -> dict[str, list[Operation]]:
    """Operations by tag, in the order of the routes."""
    found: dict[str, list[Operation]] = {}
    order = [f"/{PREFIX}{_plain(str(route.pattern))}" for route in routes]
    for url in sorted(document()["paths"], key=order.index):
        for method, operation in document()["paths"][url].items():
            found.setdefault(operation["tags"][0], []).append(_operation(base_url, url, method, operation))
    return found


def _plain(pattern: str) -> str:
    """`<segment:name>` as OpenAPI writes it, `{name}`."""
    return "/".join(
        f"{{{part[1:-1].rpartition(':')[2]}}}" if part.startswith("<") else part for part in pattern.split("/")
    )


def _operation(base_url: str, url: str, method: str, operation: Mapping[str, Any]) -> Operation:
    media_type, schema = _content(operation.get("requestBody", {}))
    body = list(_fields(schema))
    return Operation(
        id=operation["operationId"],
        method=method.upper(),
        path=url,
        summary=operation["summary"],
        description=operation.get("description", "").replace("`", ""),
        parameters=sorted(map(_parameter, operation.get("parameters", [])), key=lambda item: item.where != "path"),
        media_type=media_type,
        body=body,
        answers=[_answer(status, answer) for status, answer in operation["responses"].items() if status != "default"],
        example=_curl(f"{base_url}{url}", method, media_type, body),
    )


def _parameter(given: Mapping[str, Any]) -> Field:
    return Field(
        name=given["name"],
        where=given["in"],
        type=_type(given["schema"]),
        required=given.get("required", False),
        description=given.get("description", ""),
    )


def _answer(status: str, answer: Mapping[str, Any]) -> tuple[str, str, list[Field]]:
    _, schema = _content(answer)
    name = schema.get("$ref", "").rpartition("/")[2]
    return status, name or answer.get("description", ""), list(_fields(schema))


def _content(part: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """The first media type of a body, and its schema; nothing where there is no body."""
    for media_type, given in part.get("content", {}).items():
        return media_type, given["schema"]
    return "", {}


def _fields(schema: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Iterator[Field]:
    """Of an object, with those of the objects in it."""
    schema = _resolved(schema)
    for name, inner in schema.get("properties", {}).items():
        yield Field(
            name=f"{prefix}{name}",
            type=_type(inner),
            required=name in schema.get("required", ()),
            description=inner.get("description", ""),
        )
        if depth < 2:
            many = _resolved(inner).get("type") == "array"
            within = _resolved(inner).get("items", {}) if many else inner
            yield from _fields(within, f"{prefix}{name}{'[]' if many else ''}.", depth + 1)


def _resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "allOf" in schema and len(schema["allOf"]) == 1:
        schema = schema["allOf"][0]
    if "$ref" in schema:
        found: Mapping[str, Any] = document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return found
    return schema


def _type(schema: Mapping[str, Any]) -> str:
    resolved = _resolved(schema)
    if "enum" in resolved:
        return " | ".join(str(value) for value in resolved["enum"] if value is not None)
    if resolved.get("type") == "array":
        return f"list of {_type(resolved['items'])}"
    name = str(resolved.get("type", "any"))
    if isinstance(resolved.get("additionalProperties"), dict) and resolved["additionalProperties"]:
        name = f"object of {_type(resolved['additionalProperties'])}"
    return f"{name} or null" if schema.get("nullable") or resolved.get("nullable") else name


def _curl(url: str, method: str, media_type: str, body: list[Field]) -> str:
    lines = [f'curl -X {method.upper()} "{url}"', '-H "Authorization: Bearer $STUDIO_TOKEN"']
    needed = [field for field in body if field.required and "." not in field.name]
    if media_type.startswith("multipart/"):
        lines += [f"-F {field.name}={'@FILE' if field.name == 'files' else '…'}" for field in needed]
    elif media_type:
        sample = json.dumps(
            {field.name: {} if field.type.startswith("object") else "…" for field in needed}, ensure_ascii=False
        )
        lines += [f"-H 'Content-Type: {media_type}'", f"-d '{sample}'"]
    return " \\\n  ".join(lines)
