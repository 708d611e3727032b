"""Loads this folder as the package `_studio_runtime`, takes it off `sys.path`, and hands over."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

PACKAGE = "_studio_runtime"


def main() -> int:
    folder = Path(__file__).resolve().parent
    _load_package(folder)
    sys.path[:] = [entry for entry in sys.path if not entry or Path(entry).resolve() != folder]
    if sys.argv[1:2] == ["--worker"]:
        return _entry_point("worker")(sys.argv[2])
    return _entry_point("starting")(sys.argv[1:])


def _load_package(folder: Path) -> None:
    spec = importlib.util.spec_from_file_location(
        PACKAGE, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} is not the runtime's folder")
    package = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = package
    spec.loader.exec_module(package)


def _entry_point(module: str) -> Callable[[Any], int]:
    entry_point: Callable[[Any], int] = importlib.import_module(f"{PACKAGE}.{module}").main
    return entry_point


if __name__ == "__main__":
    sys.exit(main())
