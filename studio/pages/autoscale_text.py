"""Autoscale settings as people write them, YAML or JSON, and in which line what is wrong stands."""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from endpoints.domain.errors import Invalid
from endpoints.domain.scaling_schema import snake_case

MAX_CHARACTERS = 100_000


class Unreadable(Exception):
    """No YAML: in which line (from 1), and why."""

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        super().__init__(message)


def read_text(text: str) -> Any:
    """JSON is YAML, but for its tabs. Raises Unreadable."""
    if len(text) > MAX_CHARACTERS:
        raise Unreadable(1, f"At most {MAX_CHARACTERS} characters.")
    try:
        _refuse_aliases(text)
        return yaml.safe_load(text.replace("\t", "  "))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Unreadable(mark.line + 1 if mark else 1, f"{error.problem or error.context}.".capitalize()) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Unreadable(1, f"It cannot be read: {error}") from None


def _refuse_aliases(text: str) -> None:
    """A few lines of them can stand for millions."""
    for token in yaml.scan(text.replace("\t", "  ")):
        if isinstance(token, yaml.AliasToken):
            raise Unreadable(token.start_mark.line + 1, "Aliases are not read here. Write it out.")


def as_text(setting: Mapping[str, Any]) -> str:
    return yaml.safe_dump(snake_case(setting), sort_keys=False, allow_unicode=True)


def problems_in(text: str, error: Invalid) -> list[dict[str, Any]]:
    """{line, field, message} of each problem, from the top. What is missing has the line of where it should be."""
    lines = dict(_lines(yaml.compose(text.replace("\t", "  "), Loader=yaml.SafeLoader), ""))
    found = [
        {"line": _line(field, lines), "field": field, "message": message} for field, message in error.fields.items()
    ]
    return sorted(found, key=lambda item: item["line"])


def _lines(node: Any, path: str) -> Iterator[tuple[str, int]]:
    """By path, as domain.documents writes it."""
    if node is None:
        return
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, inner in node.value:
            where = f"{path}.{key.value}" if path else str(key.value)
            yield from _lines(inner, where)
            yield where, key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, inner in enumerate(node.value):
            yield from _lines(inner, f"{path}[{index}]")


def _line(field: str, lines: Mapping[str, int]) -> int:
    while field and field not in lines:
        field = field[: max(field.rfind("."), field.rfind("["), 0)]
    return lines.get(field, 1)
