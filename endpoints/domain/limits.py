"""What an endpoint lets through: how much of it, and from which web pages."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

LARGEST_LIMIT = 2**31 - 1
LONGEST_MAX_AGE = 86_400  # seconds: no browser keeps an answer to a preflight for longer
ORIGIN = re.compile(r"https?://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?")
TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")  # of HTTP: methods and names of headers
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
MOST_ENTRIES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Of an endpoint, over all its deployments; None: no limit."""

    requests_per_second: int | None = None
    kilobytes_per_second: int | None = None  # of 1024 bytes, in each direction; more is delayed, not refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Cors:
    """Which pages of other origins a browser lets call the endpoint. Without an origin: none."""

    origins: tuple[str, ...] = ()  # such as https://app.example.org, or * alone
    methods: tuple[str, ...] = ("POST", "GET")
    headers: tuple[str, ...] = ("authorization", "content-type", "azureml-model-deployment", "x-ms-client-request-id")
    max_age_seconds: int = 600


def limit_faults(limits: Mapping[str, int | None]) -> Iterator[tuple[str, str]]:
    """(name, what is wrong with it)."""
    for name, value in limits.items():
        if value is not None and not 1 <= value <= LARGEST_LIMIT:
            yield name, f"Use a whole number from 1 to {LARGEST_LIMIT}, or none for the site's default."


def cors_faults(cors: Cors) -> Iterator[tuple[str, str]]:
    """(field, what is wrong with it)."""
    if bad := next((origin for origin in cors.origins if origin != "*" and not _is_origin(origin)), None):
        yield "origins", f"“{bad}” is no origin. Use a scheme and a host, such as https://app.example.org, or *."
    elif "*" in cors.origins and len(cors.origins) > 1:
        yield "origins", "* stands for every origin. Use it alone, or leave it out."
    if bad := next((method for method in cors.methods if method not in METHODS), None):
        yield "methods", f"“{bad}” is no method. Use {', '.join(METHODS)}."
    elif not cors.methods:
        yield "methods", "Name at least one method, such as POST."
    if bad := next((header for header in cors.headers if not TOKEN.fullmatch(header)), None):
        yield "headers", f"“{bad}” is no name of a header."
    if not 0 <= cors.max_age_seconds <= LONGEST_MAX_AGE:
        yield "max_age_seconds", f"Use 0 to {LONGEST_MAX_AGE} seconds."
    yield from _too_many({"origins": cors.origins, "methods": cors.methods, "headers": cors.headers})


def _is_origin(text: str) -> bool:
    return bool(ORIGIN.fullmatch(text)) and len(text) <= 253 and ".." not in text


def _too_many(lists: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    for name, entries in lists.items():
        if len(entries) > MOST_ENTRIES:
            yield name, f"At most {MOST_ENTRIES} can be named."


def most_pending(*, max_concurrent: int, instances: int) -> int:
    """Requests that may be worked on or wait at once; one more is refused with 429 (azure-semantics 2.5)."""
    return 2 * max_concurrent * max(1, instances)
