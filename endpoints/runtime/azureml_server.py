"""The application of `azureml-inference-server-http`, in a worker of ours: the package itself, without its gunicorn."""

from __future__ import annotations

import importlib
import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from .aml_http import HttpAnswer, http_answer
from .errors import FUNCTION_NOT_FOUND, IMPORT_ERROR, INIT_FAILED, LoadError, ScoringError, last_line
from .openapi import VERSIONS
from .request import Request
from .streams import Stream
from .tensors import Tensor

_PACKAGE = "azureml-inference-server-http"
_ENTRY = "azureml_inference_server_http.server.entry"
_CODES = {"UserScriptImportException": IMPORT_ERROR, "UserScriptException": INIT_FAILED}

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class AzureMLModel:
    """Raises LoadError when the package is missing, or refuses the script."""

    def __init__(self, entry_script: str) -> None:
        _prepare(entry_script)
        try:
            self._application: Application = importlib.import_module(_ENTRY).app
        except BaseException as error:
            raise _refusal(error) from error

    def run(self, request: Request) -> HttpAnswer | Stream:
        """Whatever the status: an error of the script is an answer of the package. Without a length it is streamed."""
        status, headers, pieces = _ask(self._application, request)
        if any(name.lower() == "content-length" for name, _ in headers):
            return http_answer(status, headers, b"".join(pieces))
        head = http_answer(status, headers, b"")
        return Stream(pieces, head.content_type, status, head.headers)

    def infer(self, inputs: list[Tensor], parameters: dict[str, Any]) -> Any:
        raise ScoringError(404, "NotFound", "The azureml server does not speak the Open Inference Protocol.")

    def describe(self) -> dict[str, Any]:
        """Its own Swagger documents, as it gives them."""
        found = {name: self._document(name) for name in VERSIONS}
        documents = {name: document for name, document in found.items() if document is not None}
        return {"http": True, "methods": ["GET", "POST", "OPTIONS"], "documents": documents}

    def _document(self, name: str) -> Any:
        request = Request("describe", "/swagger.json", "", b"", method="GET", query=f"version={name}")
        status, _, pieces = _ask(self._application, request)
        body = b"".join(pieces)
        return json.loads(body) if status == 200 else None


def _prepare(entry_script: str) -> None:
    """What the package's own start does before gunicorn."""
    try:
        release = version(_PACKAGE)
    except PackageNotFoundError as error:
        raise LoadError(IMPORT_ERROR, f"{_PACKAGE} is not in the environment") from error
    os.environ["AZUREML_ENTRY_SCRIPT"] = entry_script
    os.environ.setdefault("AML_APP_ROOT", os.path.dirname(entry_script))  # noqa: PTH120
    os.environ.setdefault("AML_APP_INSIGHTS_ENABLED", "false")
    if os.environ.get("SERVER_VERSION_LOG_RESPONSE_ENABLED", "true").lower() == "true":
        os.environ.setdefault("HTTP_X_MS_SERVER_VERSION", f"azmlinfsrv/{release}")


def _refusal(error: BaseException) -> LoadError:
    """The package logs what went wrong and exits: the cause is in the exit's context."""
    cause: BaseException | None = error
    while cause is not None:
        kind = type(cause).__name__
        if kind in _CODES:
            theirs = getattr(cause, "user_ex", cause)
            imports = isinstance(theirs, (ImportError, SyntaxError))
            return LoadError(IMPORT_ERROR if imports else _CODES[kind], last_line(theirs))
        if kind == "UserScriptError":
            return LoadError(FUNCTION_NOT_FOUND, last_line(cause))
        cause = cause.__context__
    return LoadError(IMPORT_ERROR if isinstance(error, ImportError) else INIT_FAILED, last_line(error))


def _ask(application: Application, request: Request) -> tuple[int, list[tuple[str, str]], Iterator[bytes]]:
    """Status, headers, and the pieces of the body."""
    started: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
        started[:] = [int(status.split(" ", 1)[0]), headers]
        return lambda data: None

    pieces = application(_environ(request), start_response)
    return started[0], started[1], _until_closed(pieces)


def _until_closed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    try:
        yield from pieces
    finally:
        getattr(pieces, "close", lambda: None)()


def _environ(request: Request) -> dict[str, Any]:
    """PEP 3333."""
    headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers}
    return {
        **headers,
        "HTTP_X_REQUEST_ID": request.id,
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": request.path,
        "QUERY_STRING": request.query,
        "CONTENT_TYPE": request.content_type,
        "CONTENT_LENGTH": str(len(request.body)),
        "SERVER_NAME": "replica",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
