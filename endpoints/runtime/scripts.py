"""Azure's scoring scripts: `init()` once, `run(raw_data)` per request."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from . import aml_http
from .errors import FUNCTION_NOT_FOUND, IMPORT_ERROR, INIT_FAILED, LoadError, last_line
from .openapi import own_documents
from .request import Request
from .script_calls import call_of
from .streams import stream_of
from .tensors import Tensor

_PACKAGES = {
    "inference_schema": "Add inference-schema[numpy-support,pandas-support] to the packages of the environment.",
    "azureml_inference_server_http": "Choose the server azureml, or add azureml-inference-server-http to the packages.",
}


class ScriptModel:
    """Raises LoadError, with the traceback on stderr, when the script cannot be imported or `init()` fails."""

    def __init__(self, entry_script: str) -> None:
        aml_http.install()
        module = _import_script(Path(entry_script))
        for name in ("init", "run"):
            if not callable(getattr(module, name, None)):
                message = f"{Path(entry_script).name} has no {name}() function"
                raise LoadError(FUNCTION_NOT_FOUND, message)
        self._run = module.run
        self._call = call_of(module.run)
        self._documents = own_documents(Path(entry_script).parent)
        _initialise(module)

    def run(self, request: Request) -> Any:
        result = self._call.answer(request)
        return stream_of(result, self._run) or aml_http.completed(result)

    def infer(self, inputs: list[Tensor], parameters: dict[str, Any]) -> Any:
        """Each input under its name, and what parameters there are under theirs."""
        given = {tensor.name: tensor.nested() for tensor in inputs}
        return self._call.infer({**parameters, **given})

    def describe(self) -> dict[str, Any]:
        return {**self._call.describe(), "documents": self._documents}


def _import_script(path: Path) -> ModuleType:
    if not path.is_file():
        raise LoadError(IMPORT_ERROR, f"there is no scoring script {path.name} in {path.parent}")
    sys.path.insert(0, str(path.parent))
    name = path.stem if path.stem.isidentifier() and path.stem not in sys.modules else "entry_module"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise LoadError(IMPORT_ERROR, f"{path.name} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        print_user_traceback(error)
        raise LoadError(IMPORT_ERROR, _import_problem(error)) from error
    return module


def _initialise(module: ModuleType) -> None:
    try:
        module.init()
    except BaseException as error:
        print_user_traceback(error)
        code = IMPORT_ERROR if isinstance(error, (ImportError, SyntaxError)) else INIT_FAILED
        raise LoadError(code, _import_problem(error)) from error


def print_user_traceback(error: BaseException) -> None:
    """On stderr, without the frames that are ours or the import system's."""
    ours = str(Path(__file__).parent)
    frame = error.__traceback__
    while frame and frame.tb_frame.f_code.co_filename.startswith((ours, "<frozen importlib")):
        frame = frame.tb_next
    traceback.print_exception(type(error), error, frame)
    sys.stderr.flush()


def _import_problem(error: BaseException) -> str:
    """With the package to add, for what Azure's own images bring along."""
    missing = (getattr(error, "name", None) or "").partition(".")[0] if isinstance(error, ImportError) else ""
    hint = _PACKAGES.get(missing, "")
    return f"{last_line(error)}. {hint}" if hint else last_line(error)
