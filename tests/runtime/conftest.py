import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.runtime import serving


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short, for a unix socket's path has to be."""
    path = Path(tempfile.mkdtemp(prefix="es-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[..., serving.Served]]:
    """Starts servers that are gone when the test is over."""
    started: list[serving.Served] = []

    def start_one(*options: str, **more: str) -> serving.Served:
        served = serving.start(folder, *options, **more)  # type: ignore[arg-type]
        started.append(served)
        return served

    yield start_one
    for served in started:
        served.close()
