"""`/swagger.json`: OpenAPI 3 or Swagger 2, from what the model says of itself."""

from __future__ import annotations

from typing import Any

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


def document(version: int, description: dict[str, Any], title: str, base_path: str) -> dict[str, Any]:
    """`description` is what a model's describe() returned; `base_path` is where callers see the server's root."""
    schemas = {"ServiceInput": _input_schema(description), "ServiceOutput": _output_schema(description)}
    info = {"title": title, "version": "1.0"}
    if version == 3:
        return {
            "openapi": "3.0.3",
            "info": info,
            "servers": [{"url": base_path or "/"}],
            "security": [{"Bearer": []}],
            "paths": {"/score": {"post": _operation_3(description)}},
            "components": {
                "schemas": schemas,
                "securitySchemes": {"Bearer": {"type": "http", "scheme": "bearer"}},
            },
        }
    return {
        "swagger": "2.0",
        "info": info,
        "basePath": base_path or "/",
        "schemes": ["https", "http"],
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "securityDefinitions": {"Bearer": {"type": "apiKey", "name": "Authorization", "in": "header"}},
        "security": [{"Bearer": []}],
        "paths": {"/score": {"post": _operation_2()}},
        "definitions": schemas,
    }


def _operation_3(description: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": {"$ref": "#/components/schemas/ServiceInput"}}
    if description.get("example") is not None:
        content["example"] = description["example"]
    answer = {"application/json": {"schema": {"$ref": "#/components/schemas/ServiceOutput"}}}
    return {
        "operationId": "RunMLService",
        "summary": "Ask the model",
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": {"200": {"description": "The model's answer", "content": answer}, **_errors()},
    }


def _operation_2() -> dict[str, Any]:
    body = {"name": "serviceInputPayload", "in": "body", "required": True}
    answer = {"description": "The model's answer", "schema": {"$ref": "#/definitions/ServiceOutput"}}
    return {
        "operationId": "RunMLService",
        "summary": "Ask the model",
        "parameters": [{**body, "schema": {"$ref": "#/definitions/ServiceInput"}}],
        "responses": {"200": answer, **_errors()},
    }


def _errors() -> dict[str, Any]:
    return {"default": {"description": "An error: {'error': {'code', 'message'}}"}}


def _input_schema(description: dict[str, Any]) -> dict[str, Any]:
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
