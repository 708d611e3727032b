"""Azure's scoring scripts: `init()` once, `run(raw_data)` per request."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from .errors import FUNCTION_NOT_FOUND, IMPORT_ERROR, INIT_FAILED, LoadError, ScoringError, last_line
from .request import Request


class ScriptModel:
    """Raises LoadError, with the traceback on stderr, when the script cannot be imported or `init()` fails."""

    def __init__(self, entry_script: str) -> None:
        module = _import_script(Path(entry_script))
        for name in ("init", "run"):
            if not callable(getattr(module, name, None)):
                message = f"{Path(entry_script).name} has no {name}() function"
                raise LoadError(FUNCTION_NOT_FOUND, message)
        _initialise(module)
        self._run = module.run

    def run(self, request: Request) -> Any:
        return self._run(_raw_data(request))

    def describe(self) -> dict[str, Any]:
        return {}


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
        raise LoadError(IMPORT_ERROR, last_line(error)) from error
    return module


def _initialise(module: ModuleType) -> None:
    try:
        module.init()
    except BaseException as error:
        print_user_traceback(error)
        code = IMPORT_ERROR if isinstance(error, (ImportError, SyntaxError)) else INIT_FAILED
        raise LoadError(code, last_line(error)) from error


def print_user_traceback(error: BaseException) -> None:
    """On stderr, without the frames that are ours or the import system's."""
    ours = str(Path(__file__).parent)
    frame = error.__traceback__
    while frame and frame.tb_frame.f_code.co_filename.startswith((ours, "<frozen importlib")):
        frame = frame.tb_next
    traceback.print_exception(type(error), error, frame)
    sys.stderr.flush()


def _raw_data(request: Request) -> str | bytes:
    """Text for JSON and other text, bytes for the rest."""
    if not request.is_text:
        return request.body
    try:
        return request.body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ScoringError(400, "BadArgument", f"The body is not UTF-8: {error}.") from error
