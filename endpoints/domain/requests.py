"""A request that a person puts together by hand, and what such a request must not say."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

from endpoints.domain.limits import METHODS, TOKEN

WITHOUT_BODY = ("GET", "HEAD", "OPTIONS")
MOST_HEADERS = 30
PATH = re.compile(r"/[!-\"$-~]{0,199}")
VALUE = re.compile(r"[\t -~\xa0-\xff]{0,4000}")
CREDENTIAL = re.compile(r"[!-~]{1,8000}")
CONTENT_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+(\s*;[\t -~]*)?")

_INSTEAD = {
    "authorization": "Choose under Authentication who the request comes from.",
    "content-type": "It has a field of its own.",
    "azureml-model-deployment": "Choose the deployment as the target.",
}
_CONNECTION = frozenset(
    "connection content-length cookie expect forwarded host http2-settings keep-alive te trailer transfer-encoding "
    "upgrade via x-real-ip".split()
)
_PREFIXES = ("proxy-", "sec-", "x-envoy-", "x-forwarded-", "x-original-", "x-studio-")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringRequest:
    """`path` lies under the endpoint's prefix; `deployment` pins. `credential` is never kept: None is the person's
    own, empty is none at all."""

    body: bytes = b""
    method: str = "POST"
    path: str = "/score"
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "application/json"
    deployment: str = ""
    credential: str | None = field(default=None, repr=False)


def request_faults(request: ScoringRequest) -> Iterator[tuple[str, str]]:
    """(field, what is wrong with it)."""
    if request.method not in METHODS:
        yield "method", f"Use one of {', '.join(METHODS)}."
    if not _stays_inside(request.path):
        yield "path", "A path starts with / and stays within the endpoint, such as /score."
    if not CONTENT_TYPE.fullmatch(request.content_type) or len(request.content_type) > 100:
        yield "content_type", "A content type is two words with a slash, such as application/json."
    if request.credential and not CREDENTIAL.fullmatch(request.credential):
        yield "credential", "A key or token is one word of printable ASCII characters."
    if fault := next(header_faults(request.headers), ""):
        yield "headers", fault


def _stays_inside(path: str) -> bool:
    before = unquote(path.partition("?")[0])
    return bool(PATH.fullmatch(path)) and not any(trick in before for trick in ("..", "//", "\\"))


def header_faults(headers: tuple[tuple[str, str], ...]) -> Iterator[str]:
    if len(headers) > MOST_HEADERS:
        yield f"Send {MOST_HEADERS} headers at most."
    for name, value in headers:
        lower = name.lower()
        if not TOKEN.fullmatch(name):
            yield f"“{name[:100]}” is no name of a header. Write Name: value, one in a line."
        elif lower in _INSTEAD:
            yield f"{name} is not set here. {_INSTEAD[lower]}"
        elif lower in _CONNECTION or lower.startswith(_PREFIXES):
            yield f"{name} belongs to the connection or the gateway, and cannot be set."
        elif not VALUE.fullmatch(value):
            yield f"The value of {name} has characters that a header cannot carry, or more than 4000 of them."


def headers_in(text: str) -> tuple[tuple[str, str], ...]:
    """Lines of `Name: value`. One without a colon becomes a name that header_faults() refuses."""
    pairs = (line.partition(":") for line in text.splitlines() if line.strip())
    return tuple((name.strip() if colon else f"{name} ", value.strip()) for name, colon, value in pairs)


def headers_as_text(headers: tuple[tuple[str, str], ...]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in headers)
