"""One supervisord for all tests of a worker; a test that kills it takes its own."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compute.running import RunningSupervisor


@pytest.fixture(scope="session")
def supervisor() -> Iterator[RunningSupervisor]:
    yield from running_supervisor()


@pytest.fixture
def own_supervisor() -> Iterator[RunningSupervisor]:
    yield from running_supervisor()


def running_supervisor() -> Iterator[RunningSupervisor]:
    folder = Path(tempfile.mkdtemp(prefix="es-"))
    running = RunningSupervisor(folder)
    running.start()
    try:
        yield running
    finally:
        running.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose path leaves room for a unix socket's."""
    folder = Path(tempfile.mkdtemp(prefix="es-"))
    yield folder
    shutil.rmtree(folder)
