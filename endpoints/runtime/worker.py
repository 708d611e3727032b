"""A worker process: loads the model once, then answers one request at a time until its socket closes."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import gc
import io
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any, Protocol

from . import cancelling, frames, inference_protocol, log, marks, results
from .aml_http import HttpAnswer
from .errors import LoadError, ScoringError, last_line
from .inference_protocol import INFER
from .request import Request
from .scripts import ScriptModel, print_user_traceback
from .streams import Stream, frames_of
from .tensors import Tensor

LOAD_FAILED = 3  # exit status

_PR_SET_PDEATHSIG = 1
_LOADING_THRESHOLD = 50_000  # objects


class Model(Protocol):
    """The seam at which kinds of models meet the server."""

    def run(self, request: Request) -> Any:
        """One prediction, of any type that `results.encode` takes. Raises ScoringError for the caller's mistakes."""

    def infer(self, inputs: list[Tensor], parameters: dict[str, Any]) -> Any:
        """The same, asked in the Open Inference Protocol."""

    def describe(self) -> dict[str, Any]:
        """JSON for the API's documents: `inputs`, `outputs` and `params` as MLflow writes schemas, `example`; or
        `schemas` of a script's decorators, or whole `documents` by version. `methods` that /score takes; `http`: it
        wants the request's headers."""


def main(arguments: str) -> int:
    """`arguments` is JSON: descriptor, parent (a pid), entry_script, model_dir, mlflow, azureml, service_name."""
    settings = json.loads(arguments)
    _die_with(settings["parent"])
    _prepare_streams()
    connection = socket.socket(fileno=settings["descriptor"])
    connection.set_inheritable(False)
    sys.argv[:] = [settings["entry_script"] or settings["model_dir"]]
    try:
        with _little_garbage():
            model = _load(settings)
    except LoadError as error:
        connection.sendall(frames.encode({"kind": "failed", "code": error.code, "message": error.message}))
        return LOAD_FAILED
    cancelling.listen()
    connection.sendall(frames.encode({"kind": "ready"}, json.dumps(model.describe()).encode()))
    gc.collect()  # before the first request gets here, as a rule: its route comes after our readiness
    gc.freeze()
    _serve(connection, model, settings["service_name"])
    return 0


def _die_with(parent: int) -> None:
    """A parent that was killed takes its workers along, busy ones too."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(LOAD_FAILED)


def _prepare_streams() -> None:
    """A print() shows in the log at once, and a segmentation fault leaves a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)
    faulthandler.enable()
    marks.mark_streams()


@contextlib.contextmanager
def _little_garbage() -> Iterator[None]:
    """Imports make hardly any, and a look for it after every 700 objects costs a tenth of their time."""
    usual = gc.get_threshold()
    gc.set_threshold(_LOADING_THRESHOLD, *usual[1:])
    try:
        yield
    finally:
        if gc.get_threshold()[0] == _LOADING_THRESHOLD:  # else the script has chosen its own
            gc.set_threshold(*usual)


def _load(settings: dict[str, Any]) -> Model:
    if settings["azureml"]:
        from .azureml_server import AzureMLModel

        return AzureMLModel(settings["entry_script"])
    if not settings["mlflow"]:
        return ScriptModel(settings["entry_script"])
    from .mlflow_models import MlflowModel

    return MlflowModel(settings["model_dir"])


def _serve(connection: socket.socket, model: Model, name: str) -> None:
    stream = connection.makefile("rb")  # buffered: one system call for a small frame
    while (frame := frames.read(stream)) is not None:
        cancelling.begin()
        marks.begin(frame.head["id"])
        for piece in _answer(model, _request(frame), name):
            connection.sendall(piece)
        marks.end()


def _request(frame: frames.Frame) -> Request:
    head = frame.head
    more = (head.get("method", "POST"), head.get("query", ""), tuple(head.get("headers", ())))
    return Request(head["id"], head["path"], head["type"], frame.body, *more, head.get("json_length", -1))


def _answer(model: Model, request: Request, name: str) -> Iterator[bytes]:
    """The frames of one answer. The last is `result`, `end` or `error`."""
    started = time.perf_counter_ns()
    try:
        with cancelling.interruptible():
            result = model.run(request) if request.path != INFER else inference_protocol.answer(model, request, name)
        if isinstance(result, Stream):
            yield from frames_of(result)
            yield frames.encode({"kind": "end", "ms": _milliseconds(started)})
            return
        head: dict[str, Any] = {"kind": "result", "ms": _milliseconds(started)}
        if isinstance(result, HttpAnswer):
            head |= {"type": result.content_type, "status": result.status, "headers": result.headers}
            yield frames.encode(head, result.body)
            return
        body, head["type"] = results.encode(result)
        yield frames.encode(head, body)
        return
    except GeneratorExit:  # the front is gone
        raise
    except BaseException as error:
        failure = _failure(error, request)
    head = {"kind": "error", "ms": _milliseconds(started), "status": failure.status, "code": failure.code}
    yield frames.encode({**head, "message": failure.message})


def _milliseconds(started: int) -> float:
    return (time.perf_counter_ns() - started) / 1e6


def _failure(error: BaseException, request: Request) -> ScoringError:
    """What the caller is told; the log is told more."""
    if isinstance(error, ScoringError):
        if error.status >= 500:
            log.error(error.message, request_id=request.id)
        return error
    if isinstance(error, cancelling.Cancelled):
        log.info(f"request {request.id}: run() was ended, for its caller went away")
        return ScoringError(499, "Cancelled", "The caller went away.")
    log.error(f"run() raised {last_line(error)}", request_id=request.id)
    print_user_traceback(error)
    return ScoringError(500, "UserScriptException", last_line(error))
