"""Requests and responses for scripts that read HTTP themselves: `azureml.contrib.services`, without Flask.

Scripts import it under Azure's names; see `install`. A script that was written for Azure's server finds what it uses
of Flask's request: method, path, args, headers, body, JSON, forms and files.
"""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import parse_qsl

from .errors import ScoringError
from .request import Request

_NAMES = ("azureml.contrib.services", "azureml_inference_server_http.api")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_HTML = "text/html; charset=utf-8"  # Flask's default, so Azure's
_JSON = "application/json"

Function = TypeVar("Function", bound=Callable[..., Any])


class _Wishes:
    """What the script asked for while it was imported."""

    raw = False


def install() -> None:
    """The leaves alone, as Azure's server does: `from azureml.contrib.services.aml_request import rawhttp` finds
    them, and whatever else is installed under `azureml` stays."""
    for parent in _NAMES:
        for leaf in ("aml_request", "aml_response"):
            sys.modules[f"{parent}.{leaf}"] = sys.modules[__name__]


def rawhttp(function: Function) -> Function:
    """Marks run(): it takes an AMLRequest, and answers what it likes, such as an AMLResponse."""
    _Wishes.raw = True
    return function


def raw_is_wanted() -> bool:
    return _Wishes.raw


class Headers(Mapping[str, str]):
    """Names in any case; written as `Content-Type`."""

    def __init__(self, pairs: Any = ()) -> None:
        self._values: dict[str, str] = {}
        for name, value in pairs:
            self.add_header(name, value)

    def add_header(self, name: str, value: str) -> None:
        written = _written(name)
        held = self._values.get(written)
        self._values[written] = f"{held}, {value}" if held else value

    def __getitem__(self, name: str) -> str:
        return self._values[_written(name)]

    def __setitem__(self, name: str, value: object) -> None:
        self._values[_written(name)] = str(value)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and _written(name) in self._values


def _written(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))


class Values(dict[str, Any]):
    """The first value of each name; `getlist` has them all."""

    def __init__(self, pairs: Any = ()) -> None:
        super().__init__()
        self._lists: dict[str, list[Any]] = {}
        for name, value in pairs:
            self.setdefault(name, value)
            self._lists.setdefault(name, []).append(value)

    def getlist(self, name: str) -> list[Any]:
        return self._lists.get(name, [])


class UploadedFile(io.BytesIO):
    """A file of a form: a stream with a name."""

    def __init__(self, content: bytes, name: str, filename: str, content_type: str) -> None:
        super().__init__(content)
        self.name, self.filename, self.content_type = name, filename, content_type
        self.mimetype = content_type.partition(";")[0].strip().lower()

    @property
    def stream(self) -> UploadedFile:
        return self

    def save(self, target: Any) -> None:
        """To a path, or into a file that is open for bytes."""
        if hasattr(target, "write"):
            target.write(self.getvalue())
        else:
            Path(target).write_bytes(self.getvalue())


class AMLRequest:
    """One request, as `run()` with `@rawhttp` sees it."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._form: tuple[Values, Values] | None = None
        self.method = request.method
        self.path = request.path
        self.query_string = request.query.encode("latin-1")
        self.full_path = f"{request.path}?{request.query}"
        self.args = Values(parse_qsl(request.query, keep_blank_values=True))
        self.headers = Headers(request.headers)
        self.content_type = request.content_type
        self.mimetype = request.media_type
        self.content_length = len(request.body)
        self.stream = io.BytesIO(request.body)

    @property
    def data(self) -> bytes:
        return self._request.body

    def get_data(self, cache: bool = True, as_text: bool = False, parse_form_data: bool = False) -> Any:
        return self._request.body.decode("utf-8", "replace") if as_text else self._request.body

    @property
    def is_json(self) -> bool:
        return self.mimetype == _JSON or self.mimetype.endswith("+json")

    @property
    def json(self) -> Any:
        return self.get_json()

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        if not (force or self.is_json):
            if silent:
                return None
            raise ScoringError(415, "UnsupportedMediaType", "The request's content type is not application/json.")
        try:
            return json.loads(self._request.body)
        except ValueError as error:
            if silent:
                return None
            raise ScoringError(400, "BadArgument", f"The body is not JSON: {error}.") from error

    @property
    def form(self) -> Values:
        return self._parts()[0]

    @property
    def files(self) -> Values:
        return self._parts()[1]

    def _parts(self) -> tuple[Values, Values]:
        if self._form is None:
            self._form = _read_form(self._request)
        return self._form


def _read_form(request: Request) -> tuple[Values, Values]:
    """The fields, and the files."""
    if request.media_type == "application/x-www-form-urlencoded":
        return Values(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)), Values()
    if request.media_type != "multipart/form-data":
        return Values(), Values()
    head = f"Content-Type: {request.content_type}\r\n\r\n".encode("latin-1")
    whole = BytesParser(policy=HTTP).parsebytes(head + request.body)
    fields, files = [], []
    for part in whole.iter_parts() if whole.is_multipart() else ():
        name = str(part.get_param("name", "", header="content-disposition"))
        content = part.get_payload(decode=True)
        content = content if isinstance(content, bytes) else b""
        filename = part.get_filename()
        if filename is None:
            fields.append((name, content.decode("utf-8", "replace")))
        else:
            files.append((name, UploadedFile(content, name, filename, _type_of(part))))
    return Values(fields), Values(files)


def _type_of(part: Message) -> str:
    return str(part.get("content-type", "application/octet-stream"))


class AMLResponse:
    """What `run()` answers with, when status or headers matter."""

    def __init__(
        self,
        message: Any,
        status_code: int = 200,
        response_headers: Mapping[str, str] | None = None,
        json_str: bool = False,
        run_function_failed: bool = False,
    ) -> None:
        self.status_code = int(status_code)
        as_json = json_str or message is None
        self.message = json.dumps({} if message is None else message) if as_json else message
        self.headers = Headers([("Content-Type", _JSON if as_json else _HTML)])
        self.headers["x-ms-run-function-failed"] = run_function_failed
        for name, value in (response_headers or {}).items():
            if name.lower() == "content-type":
                self.headers[name] = value
            else:
                self.headers.add_header(name, value)

    def get_data(self, as_text: bool = False) -> Any:
        message = self.message
        if not isinstance(message, (str, bytes, bytearray, memoryview)):
            message = b"".join(part.encode() if isinstance(part, str) else bytes(part) for part in message)
        content = message.encode() if isinstance(message, str) else bytes(message)
        return content.decode("utf-8", "replace") if as_text else content


class HttpAnswer(NamedTuple):
    """An answer that is complete: nothing of it is encoded any more."""

    body: bytes
    content_type: str
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


_OURS = frozenset(
    ("content-type", "content-length", "connection", "keep-alive", "transfer-encoding", "upgrade", "x-request-id")
)


def completed(result: Any) -> Any:
    """An AMLResponse, or Flask's or Werkzeug's own, as an HttpAnswer; anything else as it is."""
    if not (hasattr(result, "get_data") and hasattr(result, "status_code") and hasattr(result, "headers")):
        return result
    pairs = [(str(name), str(value)) for name, value in result.headers.items()]
    return http_answer(result.status_code, pairs, result.get_data())


def http_answer(status: int, headers: list[tuple[str, str]], body: bytes) -> HttpAnswer:
    """Headers that belong to the connection, or that the server itself writes, are left out. Raises ScoringError (500)
    for what HTTP cannot carry; a line break in a header would begin another one."""
    if not 200 <= status <= 599:
        raise ScoringError(500, "ResultNotSerializable", f"run() answered with the status {status}: use 200 to 599.")
    wrong = [name for name, value in headers if not (_NAME.fullmatch(name) and _VALUE.fullmatch(value))]
    if wrong:
        raise ScoringError(
            500, "ResultNotSerializable", f"run() answered with a header that HTTP cannot carry: {wrong[0]!r}."
        )
    content_type = next((value for name, value in headers if name.lower() == "content-type"), "")
    kept = tuple((name.lower(), value) for name, value in headers if name.lower() not in _OURS)
    return HttpAnswer(body, content_type, status, kept)
