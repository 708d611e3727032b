"""Shared by all tests. Adapters come from fakes unless a test asks for real ones."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from hypothesis import settings as properties

from endpoints import wiring
from endpoints.artifacts.store import LocalArtifactStore
from endpoints.enums import Role
from endpoints.gateway.fake import FakeGateway
from endpoints.models import Workspace
from endpoints.notifying.fake import FakeNotifier
from endpoints.telemetry.fake import FakeGatewayStatistics, FakeProcesses, FakeServers, FakeSiteParts
from endpoints.telemetry.traffic_log import TrafficLogFiles
from tests.factories import UserFactory, WorkspaceFactory, member
from tests.fakes import FakeBuilder, FakeCompute
from tests.hints import Hints
from tests.once import migrated
from tests.people import People
from tests.settings import data_dir

if TYPE_CHECKING:
    from tests.world import World


# No test asserts on the time that something took, an example of a property neither.
properties.register_profile("studio", deadline=None)
properties.load_profile("studio")


def pytest_unconfigure() -> None:
    """A worker of xdist ends without its exit handlers."""
    shutil.rmtree(data_dir, ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first, else one process works on it while the other has nothing left to do."""
    items.sort(key=lambda item: not item.get_closest_marker("postgres"))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes may be random or hold a time: parallel processes must give a test the same name."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> Iterator[None]:
    """Takes over the tables of the run instead of migrating in each of its processes."""
    if connection.vendor != "sqlite":
        yield
        return
    connection.settings_dict["TEST"]["MIGRATE"] = False
    name = connection.creation._get_test_db_name()  # type: ignore[attr-defined]
    with closing(sqlite3.connect(name, uri=True)) as memory:
        with closing(sqlite3.connect(migrated())) as file:
            file.backup(memory)
        yield


@pytest.fixture
def adapters(tmp_path: Path) -> Iterator[wiring.Adapters]:
    """Fakes behind every port, for as long as the test runs."""
    fakes = wiring.Adapters(
        compute=FakeCompute(),
        gateway=FakeGateway(),
        store=LocalArtifactStore(tmp_path / "store"),
        builder=FakeBuilder(),
        gateway_statistics=FakeGatewayStatistics(),
        process_statistics=FakeProcesses(),
        server_statistics=FakeServers(),
        notifier=FakeNotifier(),
        traffic_log=TrafficLogFiles(tmp_path / "traffic-log"),
        site_parts=FakeSiteParts(),
    )
    with wiring.using(fakes):
        yield fakes


@pytest.fixture
def hints(monkeypatch: pytest.MonkeyPatch) -> Hints:
    """Collects the wake-up calls instead of sending them: `hints.take()`."""
    collected = Hints()
    monkeypatch.setattr("endpoints.hints._send", collected.send)
    return collected


@pytest.fixture
def workspace(db: None) -> Workspace:
    made: Workspace = WorkspaceFactory(name="research")
    return made


@pytest.fixture
def people(workspace: Workspace) -> People:
    """One person of each role in `workspace`."""
    return People(
        owner=member(workspace, Role.OWNER, email="owner@example.com"),
        contributor=member(workspace, Role.CONTRIBUTOR, email="contributor@example.com"),
        reader=member(workspace, Role.READER, email="reader@example.com"),
        stranger=UserFactory(email="stranger@example.com"),
        staff=UserFactory(email="staff@example.com", staff=True),
    )


@pytest.fixture
def world(adapters: wiring.Adapters, hints: Hints, workspace: Workspace, people: People, tmp_path: Path) -> "World":
    """A studio in one process. `world.settle()` runs tasks and moves the fakes until nothing changes."""
    from tests.world import World

    compute, gateway, store, builder = adapters.compute, adapters.gateway, adapters.store, adapters.builder
    assert isinstance(compute, FakeCompute)
    assert isinstance(gateway, FakeGateway)
    assert isinstance(store, LocalArtifactStore)
    assert isinstance(builder, FakeBuilder)
    return World(
        compute=compute,
        gateway=gateway,
        store=store,
        builder=builder,
        hints=hints,
        scratch=tmp_path,
        workspace=workspace,
        people=people,
    )


@pytest.fixture(autouse=True, scope="session")
def emptied_tables() -> Iterator[None]:
    """Tests with transactions of their own empty all tables afterwards; the history's guards come back with that."""
    from django.test import TransactionTestCase

    from endpoints.models.guards import unguard

    name = "_fixture_teardown"
    tear_down = getattr(TransactionTestCase, name)

    def unguarded(case: TransactionTestCase) -> None:
        unguard(connection.alias)
        tear_down(case)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, name, unguarded)
        yield
