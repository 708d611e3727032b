import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.runtime import serving

HERE = Path(__file__).parent
SHARED = {"served", "servers"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Servers that a module's tests share are started in one of the parallel processes, and not in each."""
    for item in items:
        shared = isinstance(item, pytest.Function) and not SHARED.isdisjoint(item.fixturenames)
        if shared and item.path.parent == HERE:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


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
