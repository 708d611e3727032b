"""Reads a document field by field, and notes everything that is wrong with it under the path that the writer used.

Names are taken in camelCase, as in Azure's JSON, and in snake_case, as in its YAML.
"""

import math
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from endpoints.domain.durations import parse_duration, told

Problems = dict[str, str]
Choice = TypeVar("Choice", bound=StrEnum)
MAX_TEXT = 300


def plain(name: str) -> str:
    """The same for timeGrain, time_grain and TimeGrain."""
    return name.replace("_", "").lower()


class Part:
    """One object of the document. What is wrong goes to `problems`, and a harmless value comes back: look at
    `problems` before the values are used. `names` are all fields that it may have, in Azure's camelCase."""

    def __init__(
        self,
        value: Any,
        path: str,
        problems: Problems,
        names: tuple[str, ...],
        refused: Mapping[str, str] | None = None,
        *,
        silent: bool = False,
    ) -> None:
        self.path, self.problems = path, problems
        self._silent = silent or not isinstance(value, Mapping)  # what is no object lacks no fields
        self._found: dict[str, tuple[str, Any]] = {}
        if isinstance(value, Mapping):
            self._take(value, names, {plain(name): reason for name, reason in (refused or {}).items()})
        elif not silent:
            problems[path] = f"An object with {', '.join(names)} is expected here."

    def _take(self, value: Mapping[Any, Any], names: tuple[str, ...], refused: Mapping[str, str]) -> None:
        known = {plain(name) for name in names}
        for written, inner in value.items():
            name = plain(str(written))
            where = self._inner(str(written)[:MAX_TEXT])
            if name in refused:
                self.problems[where] = refused[name]
            elif name not in known:
                self.problems[where] = f"There is no such field. There are: {', '.join(names)}."
            elif name in self._found:
                self.problems[where] = f"It is given twice: as {self._found[name][0]}, too."
            else:
                self._found[name] = (where, inner)

    def _inner(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def where(self, name: str) -> str:
        """The path as it was written."""
        return self._found.get(plain(name), (self._inner(name), None))[0]

    def get(self, name: str) -> Any:
        """None also for what is null."""
        return self._found.get(plain(name), ("", None))[1]

    def wrong(self, name: str, message: str) -> None:
        if not self._silent:
            self.problems.setdefault(self.where(name), message)

    def part(self, name: str, names: tuple[str, ...], refused: Mapping[str, str] | None = None) -> "Part":
        value = self.get(name)
        if value is None:
            self.wrong(name, f"Missing: an object with {', '.join(names)}.")
        return Part(value, self.where(name), self.problems, names, refused, silent=value is None)

    def items(self, name: str, *, least: int = 0, most: int, what: str) -> Iterator[tuple[str, Any]]:
        """Of a list: (path, value) of each."""
        value = self.get(name)
        if value is None:
            value = []
        if not isinstance(value, list | tuple):
            self.wrong(name, f"A list of {what} is expected here.")
        elif not least <= len(value) <= most:
            self.wrong(name, f"{least or 'Up'} to {most} {what}; there are {len(value)}.")
        else:
            yield from ((f"{self.where(name)}[{index}]", inner) for index, inner in enumerate(value))

    def text(self, name: str, *, most: int = MAX_TEXT, default: str | None = None) -> str:
        value = self.get(name)
        if value is None and default is not None:
            return default
        if isinstance(value, str) and value.strip() and len(value) <= most:
            return value.strip()
        self.wrong(name, f"A text of up to {most} characters is expected here.")
        return ""

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.get(name)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        if str(value).lower() in ("true", "false"):
            return str(value).lower() == "true"
        self.wrong(name, "true or false.")
        return default

    def whole(self, name: str, *, low: int, high: int, default: int | None = None) -> int:
        """Azure writes some of its numbers as text."""
        value = self.get(name)
        if value is None and default is not None:
            return default
        number = whole_of(value)
        if number is not None and low <= number <= high:
            return number
        self.wrong(name, f"A whole number from {low} to {high}.")
        return low

    def number(self, name: str) -> float:
        value = self.get(name)
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if math.isfinite(number):
            return number
        self.wrong(name, "A number.")
        return 0.0

    def choice(self, name: str, kind: type[Choice], *, default: Choice | None = None) -> Choice:
        value = self.get(name)
        if value is None and default is not None:
            return default
        found = next((item for item in kind if plain(item) == plain(str(value))), None)
        if found is None:
            self.wrong(name, f"One of {', '.join(kind)}.")
        return found or next(iter(kind))

    def duration(self, name: str, *, low: timedelta, high: timedelta, default: timedelta) -> timedelta:
        value = self.get(name)
        if value is None:
            return default
        try:
            found = parse_duration(str(value))
        except ValueError as error:
            self.wrong(name, str(error))
            return default
        if low <= found <= high:
            return found
        self.wrong(name, f"From {told(low)} to {told(high)}.")
        return default

    def moment(self, name: str) -> datetime:
        """A local time; YAML may have read it already."""
        value = self.get(name)
        try:
            found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        except ValueError:
            found = None
        if found is None or value is None:
            self.wrong(name, "A date and time such as 2026-12-24T00:00:00.")
        elif found.tzinfo is not None:
            self.wrong(name, "A local time of the timeZone, without an offset or Z.")
        return (found or datetime.min).replace(tzinfo=None)


def whole_of(value: Any) -> int | None:
    """Of 3, 3.0 and "3"; None for what is no whole number, or one of more than 9 digits."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e9:
        return int(value)
    text = str(value) if isinstance(value, int | str) else ""
    return int(text) if text.lstrip("-").isascii() and text.lstrip("-").isdigit() and len(text) <= 9 else None
