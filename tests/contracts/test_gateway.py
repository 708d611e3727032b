"""What everyone who uses the gateway port may rely on, asked of each adapter."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from endpoints.domain.routing import Mirror, RouteTable, route_table
from endpoints.gateway.fake import FakeGateway
from endpoints.gateway.port import Gateway, RouteTableRefused
from tests.gateway.replica import Replica, replicas
from tests.gateway.running import RunningGateway, deployment, endpoint, eventually


@dataclass
class Subject:
    gateway: Gateway
    replica: Replica
    go_down: Callable[[], None]
    come_back: Callable[[], None]

    def table(self, weight: int) -> RouteTable:
        blue = deployment("blue", self.replica.socket, weight=weight)
        return route_table([endpoint("contract", blue, deployment("green", weight=100 - weight))])

    def in_force(self, table: RouteTable) -> bool:
        return self.gateway.observe().version == table.version


@pytest.fixture(params=["fake", "envoy"])
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    folder = Path(tempfile.mkdtemp(prefix="es-"))
    with replicas(folder) as servers:
        make = fake if request.param == "fake" else real
        yield from make(folder, servers.start("replica"))
    shutil.rmtree(folder)


def fake(folder: Path, replica: Replica) -> Iterator[Subject]:
    gateway = FakeGateway()

    def set_live(live: bool) -> None:
        gateway.live = live

    yield Subject(gateway, replica, lambda: set_live(False), lambda: set_live(True))


def real(folder: Path, replica: Replica) -> Iterator[Subject]:
    running = RunningGateway(folder)
    running.start()
    try:
        yield Subject(running.gateway, replica, running.stop, running.start)
    finally:
        running.stop()


def test_before_any_publication_there_is_no_version(subject: Subject) -> None:
    observed = subject.gateway.observe()
    assert (observed.live, observed.version, observed.healthy) == (True, None, {})


def test_a_published_table_comes_into_force(subject: Subject) -> None:
    for weight in (100, 0, 100):
        table = subject.table(weight)
        subject.gateway.publish(table)
        eventually(lambda table=table: subject.in_force(table))  # type: ignore[misc]
    assert subject.gateway.observe().healthy == {"d-blue": 1, "d-green": 0}


def test_publishing_the_same_table_again_changes_nothing(subject: Subject) -> None:
    table = subject.table(50)
    for _ in range(3):
        subject.gateway.publish(table)
        eventually(lambda: subject.in_force(table))


def test_an_empty_table_is_a_table(subject: Subject) -> None:
    empty = RouteTable(endpoints=())
    for table in (subject.table(50), empty):
        subject.gateway.publish(table)
        eventually(lambda table=table: subject.in_force(table))  # type: ignore[misc]
    assert subject.gateway.observe().healthy == {}


def test_a_refused_table_leaves_the_one_before_in_force(subject: Subject) -> None:
    good = subject.table(50)
    subject.gateway.publish(good)
    eventually(lambda: subject.in_force(good))
    twice = route_table([endpoint("contract", deployment("blue"), deployment("blue", weight=0))])
    for bad in (subject.table(101), twice, route_table([endpoint("no/slash")])):
        with pytest.raises(RouteTableRefused, match=r"\w"):
            subject.gateway.publish(bad)
        assert subject.in_force(good)


def test_a_table_published_while_it_is_down_is_in_force_on_its_return(subject: Subject) -> None:
    subject.gateway.publish(subject.table(100))
    subject.go_down()
    observed = subject.gateway.observe()
    assert (observed.live, observed.version) == (False, None)
    table = subject.table(0)
    subject.gateway.publish(table)
    assert not subject.gateway.observe().live
    subject.come_back()
    eventually(lambda: subject.in_force(table))


def test_a_mirror_comes_into_force_and_goes(subject: Subject) -> None:
    """Its replicas are counted once."""
    blue, green = deployment("blue", subject.replica.socket), deployment("green", subject.replica.socket, weight=0)
    for mirror in (Mirror(deployment="green", percent=50), Mirror(deployment="green", percent=1), None):
        table = route_table([endpoint("contract", blue, green, mirror=mirror)])
        subject.gateway.publish(table)
        eventually(lambda table=table: subject.in_force(table))  # type: ignore[misc]
        eventually(lambda: subject.gateway.observe().healthy == {"d-blue": 1, "d-green": 1})


def test_a_mirror_that_cannot_be_is_refused(subject: Subject) -> None:
    blue, green = deployment("blue", subject.replica.socket), deployment("green", weight=0)
    good = route_table([endpoint("contract", blue, green)])
    subject.gateway.publish(good)
    eventually(lambda: subject.in_force(good))
    for name, percent in (("green", 51), ("green", 0), ("blue", 10), ("red", 10)):
        mirror = Mirror(deployment=name, percent=percent)
        with pytest.raises(RouteTableRefused, match="mirror"):
            subject.gateway.publish(route_table([endpoint("contract", blue, green, mirror=mirror)]))
        assert subject.in_force(good)
