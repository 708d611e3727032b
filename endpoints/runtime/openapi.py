"""`/swagger.json`: Swagger 2.0, OpenAPI 3.0 or 3.1, from what the model says of itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .errors import INIT_FAILED, LoadError, one_line

VERSIONS = ("2.0", "3.0", "3.1")
ALIASES = {"2": "2.0", "3": "3.0", **{version: version for version in VERSIONS}}  # what ?version= may be

_FILES = {
    "2.0": ("swagger.json", "swagger2.json"),
    "3.0": ("swagger3.json",),
    "3.1": ("swagger3.1.json",),
}
_ERRORS = {
    "401": "No key or token, or one that does not open this endpoint",
    "404": "The endpoint has no deployment that answers here",
    "408": "The model did not answer within the deployment's request_timeout_ms",
    "413": "The body is larger than the deployment's max_request_bytes",
    "424": "The model refused the request, or failed",
    "429": "More requests are pending than the deployment takes",
    "503": "No replica can answer now",
}
_WAIT = ("429", "503")
_RETRY_AFTER = "Seconds to wait"
_BEARER = "A key or token of the endpoint."
_ERROR: dict[str, Any] = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
        }
    },
}

_SCALARS: dict[str, dict[str, Any]] = {
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer", "format": "int32"},
    "long": {"type": "integer", "format": "int64"},
    "float": {"type": "number", "format": "float"},
    "double": {"type": "number", "format": "double"},
    "string": {"type": "string"},
    "binary": {"type": "string", "format": "byte"},
    "datetime": {"type": "string", "format": "date-time"},
}


def document(version: str, description: dict[str, Any], title: str, base_path: str) -> dict[str, Any]:
    """One of VERSIONS. `description` is what a model's describe() returned; `base_path` is where callers see the
    server's root. A document that the model brings is given as it is."""
    own = description.get("documents", {}).get(version)
    if own is not None:
        return dict(own)
    schemas = {
        "ServiceInput": _input_schema(description),
        "ServiceOutput": _output_schema(description),
        "ErrorResponse": _ERROR,
    }
    info = {"title": title, "version": "1.0", "description": f"The scoring service {title}."}
    if version == "2.0":
        return _swagger(info, schemas, base_path)
    return _openapi(version, info, schemas, base_path, description.get("example"))


def own_documents(folder: Path) -> dict[str, Any]:
    """What lies beside the scoring script, under the names that Azure's server reads. Raises LoadError."""
    found = {}
    for version, names in _FILES.items():
        path = next((folder / name for name in names if (folder / name).is_file()), None)
        if path is None:
            continue
        try:
            found[version] = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise LoadError(INIT_FAILED, f"{path.name} is not JSON: {one_line(str(error))}") from error
    return found


def _openapi(
    version: str, info: dict[str, Any], schemas: dict[str, Any], base_path: str, example: Any
) -> dict[str, Any]:
    body: dict[str, Any] = {"schema": {"$ref": "#/components/schemas/ServiceInput"}}
    if example is not None:
        body["example"] = example
    refused = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorResponse"}}}
    answer = {"application/json": {"schema": {"$ref": "#/components/schemas/ServiceOutput"}}}
    wait = {"Retry-After": {"description": _RETRY_AFTER, "schema": {"type": "integer"}}}
    operation = {
        "operationId": "RunMLService",
        "summary": "Ask the model",
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": {
            "200": {"description": "The model's answer", "content": answer},
            **{
                status: {"description": text, "content": refused, **({"headers": wait} if status in _WAIT else {})}
                for status, text in _ERRORS.items()
            },
        },
    }
    bearer = {"type": "http", "scheme": "bearer", "description": _BEARER}
    return {
        "openapi": {"3.0": "3.0.3", "3.1": "3.1.0"}[version],
        "info": info,
        "servers": [{"url": base_path or "/"}],
        "security": [{"Bearer": []}],
        "paths": {"/score": {"post": operation}},
        "components": {"schemas": schemas, "securitySchemes": {"Bearer": bearer}},
    }


def _swagger(info: dict[str, Any], schemas: dict[str, Any], base_path: str) -> dict[str, Any]:
    body = {"name": "serviceInputPayload", "in": "body", "required": True}
    refused = {"schema": {"$ref": "#/definitions/ErrorResponse"}}
    wait = {"Retry-After": {"description": _RETRY_AFTER, "type": "integer"}}
    operation = {
        "operationId": "RunMLService",
        "summary": "Ask the model",
        "parameters": [{**body, "schema": {"$ref": "#/definitions/ServiceInput"}}],
        "responses": {
            "200": {"description": "The model's answer", "schema": {"$ref": "#/definitions/ServiceOutput"}},
            **{
                status: {"description": text, **refused, **({"headers": wait} if status in _WAIT else {})}
                for status, text in _ERRORS.items()
            },
        },
    }
    bearer = {"type": "apiKey", "name": "Authorization", "in": "header", "description": _BEARER}
    return {
        "swagger": "2.0",
        "info": info,
        "basePath": base_path or "/",
        "schemes": ["https", "http"],
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "securityDefinitions": {"Bearer": bearer},
        "security": [{"Bearer": []}],
        "paths": {"/score": {"post": operation}},
        "definitions": schemas,
    }


def _input_schema(description: dict[str, Any]) -> dict[str, Any]:
    if "schemas" in description:
        return dict(description["schemas"]["input"])
    example = {"example": description["example"]} if description.get("example") is not None else {}
    inputs = description.get("inputs")
    if not inputs:
        return {"type": "object", **example}
    properties: dict[str, Any] = {"input_data": _input_data(inputs)}
    if description.get("params"):
        properties["params"] = {
            "type": "object",
            "properties": {param["name"]: _scalar(param.get("type", "")) for param in description["params"]},
        }
    return {"type": "object", "required": ["input_data"], "properties": properties, **example}


def _input_data(inputs: list[dict[str, Any]]) -> dict[str, Any]:
    """A data frame in pandas' split form for named columns, else nested lists."""
    if inputs[0].get("type") == "tensor":
        if not all("name" in tensor for tensor in inputs):
            return _schema(inputs[0])
        return {"type": "object", "properties": {tensor["name"]: _schema(tensor) for tensor in inputs}}
    names = [column["name"] for column in inputs if "name" in column]
    row = {"type": "array", "items": _common([_schema(column) for column in inputs])}
    data = {"type": "array", "items": row}
    if not names:
        return data
    columns = {"type": "array", "items": {"type": "string", "enum": names}}
    index = {"type": "array", "items": {"type": "integer"}}
    return {
        "type": "object",
        "required": ["columns", "data"],
        "properties": {"columns": columns, "index": index, "data": data},
    }


def _common(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    return schemas[0] if all(schema == schemas[0] for schema in schemas) else {}


def _output_schema(description: dict[str, Any]) -> dict[str, Any]:
    if "schemas" in description:
        return dict(description["schemas"]["output"])
    outputs = description.get("outputs")
    if not outputs:
        return {}
    if outputs[0].get("type") == "tensor":
        return _schema(outputs[0])
    named = {column["name"]: _schema(column) for column in outputs if "name" in column}
    return {"type": "array", "items": {"type": "object", "properties": named} if named else _schema(outputs[0])}


def _schema(spec: dict[str, Any]) -> dict[str, Any]:
    kind = spec.get("type", "any")
    if kind == "tensor":
        return _tensor(spec["tensor-spec"])
    if kind == "array":
        return {"type": "array", "items": _schema(spec["items"])}
    if kind == "object":
        properties = {name: _schema(item) for name, item in spec["properties"].items()}
        return {"type": "object", "properties": properties}
    if kind == "map":
        return {"type": "object", "additionalProperties": _schema(spec["values"])}
    return _scalar(kind)


def _tensor(spec: dict[str, Any]) -> dict[str, Any]:
    dtype = str(spec["dtype"])
    kind = "number" if dtype.startswith("float") else "integer" if "int" in dtype else "string"
    schema: dict[str, Any] = {"type": "boolean"} if dtype == "bool" else {"type": kind}
    for _ in spec["shape"]:
        schema = {"type": "array", "items": schema}
    return schema


def _scalar(kind: str) -> dict[str, Any]:
    return dict(_SCALARS.get(kind, {}))
