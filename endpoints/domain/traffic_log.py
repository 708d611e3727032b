"""The traffic log: which requests are kept, and what one line of the gateway tells of a request.

A request is chosen by its own id, which the gateway makes at random: one below the endpoint's threshold is kept. So
the gateway needs one comparison, and a request is kept whole or not at all wherever it is looked for.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from endpoints.domain.printable import printable
from endpoints.enums import AuthMode, TrafficLogMode

LEAST_PERCENT, MOST_PERCENT = 1, 100
NONE_BELOW, ALL_BELOW = "", "g"  # no id is below the one; every id, which is hexadecimal, is below the other
IDS = 2**32  # of the first eight digits
PERCENT = 10  # of a new endpoint
ERRORS_FROM = 400
LARGEST = 2**63 - 1
LONGEST_MS = 2**31 - 1
LONGEST = {
    "deployment": 32,
    "method": 20,
    "path": 500,
    "protocol": 10,
    "status_reason": 100,
    "flags": 40,
    "model_reason": 200,
    "user_agent": 70,
    "x_request_id": 40,
    "x_ms_client_request_id": 40,
    "traceparent": 55,
}
LONGEST_CALLER = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficLogging:
    """Of an endpoint: what of its requests is kept."""

    mode: TrafficLogMode = TrafficLogMode.OFF
    percent: int = PERCENT  # of a sample

    @property
    def below(self) -> str | None:
        """Request ids below it are kept, errors besides; None: nothing is."""
        if self.mode == TrafficLogMode.OFF:
            return None
        if self.mode == TrafficLogMode.ERRORS:
            return NONE_BELOW
        return ALL_BELOW if self.mode == TrafficLogMode.FULL or self.percent >= 100 else threshold(self.percent)


def threshold(percent: float) -> str:
    return f"{math.ceil(IDS * percent / 100):08x}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far the gateway's log was read: in one of its files, by what the file is and not by its name."""

    file: str = ""
    offset: int = 0
    lines: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What was read at once, and where to go on."""

    position: Position
    lines: tuple[bytes, ...] = ()
    done: tuple[str, ...] = ()  # files that were read to their end
    lost: int = 0  # lines that were dropped before they were read
    behind: int = 0  # bytes that are still to be read

    def go_on(self, lines: tuple[bytes, ...], position: Position) -> "Part":
        return replace(self, lines=lines, position=position)

    def finish(self, name: str) -> "Part":
        return replace(self, done=(*self.done, name), position=Position())

    def lose(self, name: str, lines: int) -> "Part":
        return replace(self.finish(name), lost=self.lost + lines)

    def behind_by(self, size: int) -> "Part":
        """`size` bytes from the beginning of the file that the position is in."""
        return replace(self, behind=max(size - self.position.offset, 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One request. Durations are milliseconds, sizes bytes; None is what the gateway did not come to know."""

    endpoint: UUID
    at: datetime
    status: int
    deployment: str = ""
    method: str = ""
    path: str = ""  # without its query
    protocol: str = ""
    status_reason: str = ""
    flags: str = ""
    model_status: int | None = None
    model_reason: str = ""
    pinned: bool = False
    attempts: int = 0
    request_bytes: int = 0
    response_bytes: int = 0
    total_ms: int | None = None
    request_ms: int | None = None
    response_ms: int | None = None  # until the first byte
    model_ms: float | None = None  # in run(), as the server told
    request_throttling_delay_ms: int | None = None
    response_throttling_delay_ms: int | None = None
    auth_mode: str = ""
    caller: str = ""  # the name of the key, or the subject of the token
    user_agent: str = ""
    x_request_id: str = ""
    x_ms_client_request_id: str = ""
    traceparent: str = ""


class NoEntry(ValueError):
    """The line is none of ours, or not whole."""


def entry_of(line: bytes) -> Entry:
    """Raises NoEntry. A line that was torn off by the gateway's end goes on with the next one's: that one is read."""
    told = _object(line)
    try:
        endpoint, at = UUID(hex=told["endpoint_id"]), datetime.fromisoformat(told["time"])
    except (KeyError, ValueError, TypeError, AttributeError):
        raise NoEntry("It names no endpoint, or no time.") from None
    if at.tzinfo is None:
        raise NoEntry("Its time has no zone.")
    parts: dict[str, Any] = {name: _text(told.get(name), longest) for name, longest in LONGEST.items()}
    parts |= {name: _number(told.get(name), most=LONGEST_MS) for name in DURATIONS}
    return Entry(
        endpoint=endpoint,
        at=at,
        status=_number(told.get("status"), most=999) or 0,
        **parts,
        caller=_text(told.get("key") or told.get("subject") or told.get("object_id"), LONGEST_CALLER),
        model_status=_number(told.get("model_status"), most=999),
        pinned="pinned" in told,
        attempts=_number(told.get("attempts"), most=999) or 0,
        request_bytes=_number(told.get("request_bytes"), most=LARGEST) or 0,
        response_bytes=_number(told.get("response_bytes"), most=LARGEST) or 0,
        model_ms=_milliseconds(told.get("model_ms")),
        auth_mode=_one_of(told.get("auth_mode")),
    )


DURATIONS = (
    "total_ms",
    "request_ms",
    "response_ms",
    "request_throttling_delay_ms",
    "response_throttling_delay_ms",
)


def _object(line: bytes) -> Mapping[str, Any]:
    """In a text of JSON a quote is escaped, so `{"` is where the last object of the line begins."""
    try:
        found = json.loads(line[max(line.rfind(b'{"'), 0) :].decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise NoEntry("It is no JSON.") from None
    if not isinstance(found, dict):
        raise NoEntry("It is no object.")
    return found


def _text(value: Any, longest: int) -> str:
    if value is None:
        return ""
    return printable(" ".join(str(value)[: 4 * longest].split()))[:longest]


def _number(value: Any, *, most: int) -> int | None:
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdigit()) or len(text) > 20:
        return None
    return min(int(text), most)


def _milliseconds(value: Any) -> float | None:
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if 0 <= found <= LONGEST_MS else None


def _one_of(value: Any) -> str:
    return value if value in AuthMode.values else ""
