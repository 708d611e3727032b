from typing import Any

import pytest

from endpoints.domain.request_forms import MOST_FIELDS, FormField, form_fields


def seen(fields: tuple[FormField, ...]) -> list[tuple[tuple[str | int, ...], str, str]]:
    return [(each.path, each.label, each.kind) for each in fields]


def test_a_table_in_split_form_has_a_field_for_each_column() -> None:
    sample = {"input_data": {"columns": ["age", "name"], "index": [0], "data": [[59, "ada"], [60, "bob"]]}}
    assert seen(form_fields({}, sample)) == [
        (("input_data", "data", 0, 0), "age", "number"),
        (("input_data", "data", 0, 1), "name", "text"),
    ]


def test_an_object_follows_its_schema() -> None:
    schema = {
        "properties": {
            "n": {"type": "integer", "minimum": 1, "maximum": 9, "description": "How many"},
            "kind": {"type": "string", "enum": ["a", "b"]},
            "sure": {"type": ["boolean", "null"]},
            "options": {"properties": {"t": {"type": "number"}}},
        }
    }
    fields = form_fields(schema, {"n": 4, "kind": "a", "sure": None, "options": {"t": 1}})
    assert seen(fields) == [
        (("n",), "n", "integer"),
        (("kind",), "kind", "choice"),
        (("sure",), "sure", "boolean"),
        (("options", "t"), "t", "number"),
    ]
    assert (fields[0].minimum, fields[0].maximum, fields[0].help) == (1, 9, "How many")
    assert (fields[1].choices, fields[2].nullable) == (("a", "b"), True)


def test_of_a_list_of_records_the_first() -> None:
    assert seen(form_fields({}, {"data": [{"a": 1}, {"a": 2}]})) == [(("data", 0, "a"), "a", "number")]


def test_rows_without_names_are_numbered() -> None:
    schema = {"properties": {"data": {"items": {"items": {"type": "integer"}}}}}
    assert seen(form_fields(schema, {"data": [[1, 2]]})) == [
        (("data", 0, 0), "data[0]", "integer"),
        (("data", 0, 1), "data[1]", "integer"),
    ]


@pytest.mark.parametrize(
    "sample",
    [
        None,
        "text",
        7,
        {},
        {"input_data": []},
        {"a": None},
        {"input_data": {"columns": ["a"], "data": [[[1]]]}},
        {"a": {"a": {"a": {"a": {"a": {"a": {"a": 1}}}}}}},
        {"data": list(range(MOST_FIELDS + 1))},
    ],
)
def test_what_is_no_matter_for_a_form(sample: Any) -> None:
    assert form_fields({}, sample) == ()


def test_a_schema_of_rubbish_is_no_harm() -> None:
    for rubbish in ({"properties": 3}, {"properties": {"a": 3}}, {"properties": {"a": {"type": {}, "enum": "x"}}}):
        assert [each.kind for each in form_fields(rubbish, {"a": 1})] == ["number"]
