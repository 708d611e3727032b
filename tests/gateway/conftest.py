"""One Envoy for all tests of a worker; a test that stops or starves it takes its own."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.gateway.replica import Replicas, replicas
from tests.gateway.running import RunningGateway


@pytest.fixture(scope="session")
def shared_envoy() -> Iterator[RunningGateway]:
    yield from running_envoy()


@pytest.fixture
def own_envoy() -> Iterator[RunningGateway]:
    yield from running_envoy()


@pytest.fixture
def envoy(shared_envoy: RunningGateway) -> RunningGateway:
    """Serving nothing yet."""
    shared_envoy.put()
    return shared_envoy


@pytest.fixture
def servers() -> Iterator[Replicas]:
    folder = Path(tempfile.mkdtemp(prefix="es-"))
    with replicas(folder) as running:
        yield running
    shutil.rmtree(folder)


@pytest.fixture
def client(envoy: RunningGateway) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=envoy.url, timeout=60) as opened:
        yield opened


def running_envoy() -> Iterator[RunningGateway]:
    folder = Path(tempfile.mkdtemp(prefix="es-"))
    running = RunningGateway(folder)
    running.start()
    try:
        yield running
    finally:
        running.stop()
        shutil.rmtree(folder)
