"""A request body as a form: one field for each value of a flat one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from endpoints.domain.request_schemas import sample_of

MOST_FIELDS = 60
MOST_CHOICES = 100
_MOST_STEPS = 6  # from the body down to a value


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """`path` leads from the body to the value. `kind` is number, integer, boolean, choice or text."""

    path: tuple[str | int, ...]
    label: str
    kind: str
    choices: tuple[Any, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    nullable: bool = False
    help: str = ""


class _NotFlat(Exception):
    pass


def form_fields(schema: Mapping[str, Any], sample: Any) -> tuple[FormField, ...]:
    """Of the sample's values, of a list of records or rows the first alone; () for what is no matter for a form."""
    found: list[FormField] = []
    try:
        for each in _fields(schema, sample, ()):
            found.append(each)
            if len(found) > MOST_FIELDS:
                return ()
    except _NotFlat:
        return ()
    return tuple(found)


def _fields(schema: Any, sample: Any, path: tuple[str | int, ...]) -> Iterator[FormField]:
    schema = schema if isinstance(schema, Mapping) else {}
    if len(path) > _MOST_STEPS:
        raise _NotFlat
    if isinstance(sample, Mapping):
        yield from _of_frame(sample, path) if _is_frame(sample) else _of_object(schema, sample, path)
    elif isinstance(sample, list):
        yield from _of_list(schema, sample, path)
    elif path:
        yield _field(schema, sample, path, _label(path))
    else:
        raise _NotFlat


def _is_frame(sample: Mapping[str, Any]) -> bool:
    """A table in pandas' split form."""
    columns, data = sample.get("columns"), sample.get("data")
    if not (isinstance(columns, list) and isinstance(data, list) and data and isinstance(data[0], list)):
        return False
    return len(data[0]) == len(columns)


def _of_frame(sample: Mapping[str, Any], path: tuple[str | int, ...]) -> Iterator[FormField]:
    for position, (name, value) in enumerate(zip(sample["columns"], sample["data"][0], strict=True)):
        if isinstance(value, Mapping | list):
            raise _NotFlat
        yield _field({}, value, (*path, "data", 0, position), str(name))


def _of_object(
    schema: Mapping[str, Any], sample: Mapping[str, Any], path: tuple[str | int, ...]
) -> Iterator[FormField]:
    properties = schema.get("properties")
    known = properties if isinstance(properties, Mapping) else {}
    for name in [*known, *(name for name in sample if name not in known)]:
        value = sample[name] if name in sample else sample_of(known[name])
        yield from _fields(known.get(name), value, (*path, str(name)))


def _of_list(schema: Mapping[str, Any], sample: list[Any], path: tuple[str | int, ...]) -> Iterator[FormField]:
    items = schema.get("items")
    values = sample or [sample_of(items)]
    if any(isinstance(value, Mapping | list) for value in values):
        yield from _fields(items, values[0], (*path, 0))
        return
    for position, value in enumerate(values[: MOST_FIELDS + 1]):
        yield from _fields(items, value, (*path, position))


def _label(path: tuple[str | int, ...]) -> str:
    """The last name, with the position where it is one of a list."""
    name = next((step for step in reversed(path) if isinstance(step, str)), "")
    return name if isinstance(path[-1], str) else f"{name}[{path[-1]}]"


def _field(schema: Mapping[str, Any], sample: Any, path: tuple[str | int, ...], label: str) -> FormField:
    kinds = schema.get("type")
    kinds = [kind for kind in (kinds if isinstance(kinds, list) else [kinds]) if isinstance(kind, str)]
    choices = schema.get("enum")
    plain = isinstance(choices, list) and all(isinstance(item, str | int | float) for item in choices)
    return FormField(
        path=path,
        label=label,
        kind="choice" if plain and choices else _kind([kind for kind in kinds if kind != "null"], sample),
        choices=tuple(choices[:MOST_CHOICES]) if plain and choices else (),
        minimum=_number(schema.get("minimum")),
        maximum=_number(schema.get("maximum")),
        nullable="null" in kinds or schema.get("nullable") is True or sample is None,
        help=str(schema.get("description") or "")[:200],
    )


def _kind(kinds: list[str], sample: Any) -> str:
    declared = {"integer": "integer", "number": "number", "boolean": "boolean", "string": "text"}
    if len(kinds) == 1 and kinds[0] in declared:
        return declared[kinds[0]]
    if isinstance(sample, bool):
        return "boolean"
    if isinstance(sample, int | float):
        return "number"
    if isinstance(sample, str):
        return "text"
    raise _NotFlat


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
