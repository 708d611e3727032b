"""What is told to others of requests and replicas, in the terms of OpenTelemetry."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
SAMPLED = 1
REQUEST = re.compile(r"\[request ([0-9A-Za-z_-]{1,128})\]")
ERROR = re.compile(r"\b(ERROR|CRITICAL|FATAL|Traceback|\w+(?:Error|Exception):)")
WARNING = re.compile(r"\bWARN(?:ING)?\b")
Attributes = Mapping[str, str | int | float | bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A place in a trace: whose child something is."""

    trace_id: int
    span_id: int


def trace_of(traceparent: str) -> Trace | None:
    """None for what is no W3C trace context, or one that nobody keeps."""
    found = TRACEPARENT.fullmatch(traceparent)
    if not found or not int(found[3], 16) & SAMPLED or not int(found[1], 16) or not int(found[2], 16):
        return None
    return Trace(trace_id=int(found[1], 16), span_id=int(found[2], 16))


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRecord:
    at: datetime
    body: str
    severity: str = "INFO"  # or WARN, ERROR
    trace: Trace | None = None
    attributes: Attributes


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpan:
    """The time in a model's run(), within the gateway's call of the replica."""

    parent: Trace
    request_id: str
    start: datetime
    end: datetime
    failed: bool
    attributes: Attributes

    @property
    def span_id(self) -> int:
        """The same whenever it is told."""
        seed = f"{self.parent.trace_id}-{self.parent.span_id}-{self.request_id}"
        return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8]) or 1


def run_span(
    *, traceparent: str, at: datetime, response_ms: int | None, model_ms: float | None, **told: object
) -> RunSpan | None:
    """None where there is no trace, or nothing is known of run(). `told`: request_id, failed, attributes."""
    parent = trace_of(traceparent)
    if parent is None or model_ms is None or response_ms is None:
        return None
    end = at + timedelta(milliseconds=response_ms)
    start = max(at, end - timedelta(milliseconds=model_ms))
    return RunSpan(parent=parent, start=start, end=end, **told)  # type: ignore[arg-type]


def severity_of(line: str) -> str:
    if ERROR.search(line):
        return "ERROR"
    return "WARN" if WARNING.search(line) else "INFO"


def request_of(line: str) -> str:
    """Whose id the line names; empty: none's."""
    found = REQUEST.search(line)
    return found[1] if found else ""
