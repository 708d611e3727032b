from typing import Any

import pytest

from endpoints.domain.request_schemas import MAX_PARTS, NOTHING_KNOWN, request_schema_of, sample_of

INPUT = {"type": "object", "properties": {"data": {"$ref": "#/definitions/Row"}}, "example": {"data": [1.5]}}
ROW = {"type": "array", "items": {"type": "number"}}
SWAGGER: dict[str, Any] = {
    "swagger": "2.0",
    "paths": {
        "/": {"get": {}},
        "/other": {"post": {"parameters": [{"in": "body", "schema": {"type": "string"}}]}},
        "/flats/score": {"post": {"parameters": [{"in": "body", "schema": {"$ref": "#/definitions/Input"}}]}},
    },
    "definitions": {"Input": INPUT, "Row": ROW},
}
OPENAPI: dict[str, Any] = {
    "openapi": "3.1.0",
    "paths": {
        "/score": {
            "post": {
                "requestBody": {
                    "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/a~1b"}, "example": {"n": 7}}
                    }
                }
            }
        }
    },
    "components": {"schemas": {"a/b": {"type": "object", "properties": {"n": {"type": "integer"}}}}},
}


def test_swagger() -> None:
    found = request_schema_of(SWAGGER)
    assert found.schema["properties"] == {"data": ROW}
    assert found.sample == {"data": [1.5]}


def test_openapi_and_its_example() -> None:
    found = request_schema_of(OPENAPI)
    assert found.schema == {"type": "object", "properties": {"n": {"type": "integer"}}}
    assert found.sample == {"n": 7}


@pytest.mark.parametrize(
    ("schema", "sample"),
    [
        ({"type": "integer"}, 0),
        ({"type": ["null", "string"]}, None),
        ({"type": "string", "format": "date"}, "2026-01-31"),
        ({"enum": ["a", "b"]}, "a"),
        ({"const": 3}, 3),
        ({"type": "array", "items": {"type": "boolean"}}, [False]),
        ({"type": "array"}, []),
        ({"properties": {"a": {"type": "string"}, "b": {}}}, {"a": "", "b": None}),
        ({"oneOf": [{"type": "number"}, {"type": "string"}]}, 0.0),
        ({"allOf": [{"properties": {"a": {"const": 1}}}, {"properties": {"b": {"const": 2}}}]}, {"a": 1, "b": 2}),
        ({"examples": [{"x": 1}]}, {"x": 1}),
        ({}, None),
        ("no schema", None),
    ],
)
def test_samples(schema: Any, sample: Any) -> None:
    assert sample_of(schema) == sample


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {"paths": []},
        {"paths": {"/score": {"post": {}}}},
        {"paths": {"/score": {"post": {"parameters": [{"in": "body", "schema": {"$ref": "#/definitions/None"}}]}}}},
        {"paths": {"/score": {"post": {"parameters": [{"in": "body", "schema": {"$ref": "https://elsewhere/x"}}]}}}},
        {"paths": {"/score": {"post": {"requestBody": {"content": {"text/csv": "none"}}}}}},
        {"paths": {"/score": {"post": {"parameters": [{"in": "body", "schema": {"type": "object"}}]}}}},
    ],
)
def test_documents_that_say_nothing(document: Any) -> None:
    assert request_schema_of(document) == NOTHING_KNOWN


def test_a_schema_that_holds_itself_many_times_comes_to_an_end() -> None:
    own = {"$ref": "#/definitions/Input"}
    properties = {f"p{number}": own for number in range(100)}
    document = {**SWAGGER, "definitions": {"Input": {"type": "object", "properties": properties}}}
    found = request_schema_of(document)
    assert len(str(found.schema)) < 200 * MAX_PARTS
    assert set(found.schema["properties"]) == set(properties)
