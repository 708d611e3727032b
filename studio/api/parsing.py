"""Bodies that are read strictly: what cannot be stored, or is not known, is refused by name."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any, ClassVar

from rest_framework import parsers, serializers
from rest_framework.exceptions import ParseError
from rest_framework.fields import empty

EDITOR_HINT = "$schema"  # which only tells editors how to complete


class JSONParser(parsers.JSONParser):
    """Strict JSON, of texts that every database can hold."""

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None) -> Any:
        try:
            value = super().parse(stream, media_type, parser_context)
            check_storable(value)
        except RecursionError:
            raise ParseError("The JSON is nested too deeply.") from None
        return value


def check_storable(value: Any) -> None:
    """ParseError for a text, at any depth, that not every database can hold."""
    for text in _texts(value):
        if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
            raise ParseError("The JSON holds a NUL character or half a surrogate pair; neither can be stored.")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for inner in (
        (*value.keys(), *value.values()) if isinstance(value, dict) else value if isinstance(value, list) else ()
    ):
        yield from _texts(inner)


@dataclass(frozen=True, slots=True)
class Only:
    """A field of Azure's that may be given with the one value that holds here anyway."""

    value: Any
    otherwise: str


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields that it does not know. `refused` says why for those that people may expect; `only` has
    those of which one value can be honoured."""

    refused: ClassVar[Mapping[str, str]] = {}
    only: ClassVar[Mapping[str, Only]] = {}

    def run_validation(self, data: Any = empty) -> Any:
        problems = self._unknown(data) if isinstance(data, Mapping) else {}
        try:
            values = super().run_validation(data)
        except serializers.ValidationError as error:
            if not isinstance(error.detail, dict):
                raise
            raise serializers.ValidationError({**error.detail, **problems}) from None
        if problems:
            raise serializers.ValidationError(problems)
        return values

    def _unknown(self, data: Mapping[str, Any]) -> dict[str, str]:
        found = {}
        for name in sorted(set(map(str, data)) - set(self.fields) - {EDITOR_HINT}):
            if (rule := self.only.get(name)) is None:
                found[name] = self.refused.get(name) or self._no_such_field()
            elif data[name] != rule.value:
                found[name] = rule.otherwise
        return found

    def _no_such_field(self) -> str:
        return f"There is no such field. There are: {', '.join(self.fields) or 'none'}."
