"""Ports of replicas, and what becomes of them."""

import socket
from typing import Any

import pytest

from endpoints.models import Deployment, Replica, ReplicaPort
from endpoints.reconcile.gateway import _load as load
from endpoints.reconcile.gateway import table_of
from endpoints.reconcile.ports import is_free, take_ports
from tests.factories import DeploymentFactory
from tests.services.test_brought_servers import COMMAND, ROUTES
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def few(settings: Any) -> range:
    """Three that are free, as far as this machine goes."""
    for low in range(21_000, 29_000, 3):
        if all(is_free(number) for number in range(low, low + 3)):
            settings.STUDIO_REPLICA_PORTS = (low, low + 2)
            return range(low, low + 3)
    raise AssertionError("no three ports are free")


def replica(**fields: Any) -> Replica:
    return Replica.objects.get(deployment=DeploymentFactory(replicas=1, **fields))


def test_every_replica_has_its_own_and_keeps_them(few: range) -> None:
    one, other = replica(), replica()
    first = take_ports(one, (8080, 8081))
    second = take_ports(other, (8080,))
    assert {*first.values(), *second.values()} == set(few)
    assert take_ports(one, (8080, 8081)) == first
    with pytest.raises(OSError, match="No port from"):
        take_ports(other, (8080, 9090))


def test_ports_go_with_their_replica(few: range) -> None:
    one = replica()
    take_ports(one, (1, 2, 3))
    assert set(take_ports(one, (2,)).values()) <= set(few)
    assert ReplicaPort.objects.count() == 1
    one.delete()
    assert not ReplicaPort.objects.exists()


def test_one_that_somebody_took_meanwhile_is_not_kept(few: range) -> None:
    one = replica()
    (number,) = take_ports(one, (8080,)).values()
    with socket.socket() as thief:
        thief.bind(("127.0.0.1", number))
        assert take_ports(one, (8080,))[8080] != number


def test_a_command_is_routed_by_its_ports(world: World, settings: Any) -> None:
    world.compute.boxed = False
    split = {**ROUTES, "readiness_route": {"port": 9090, "path": "/ready"}}
    deployment = world.deployment(world.endpoint(), **{**COMMAND, "inference_config": split})
    (row,) = Deployment.objects.get(pk=deployment.pk).replicas.all()
    ports = {port.declared: port.number for port in row.ports.all()}
    spec = world.compute.specs[row.pk]
    assert (row.socket, row.readiness_socket) == (f"127.0.0.1:{ports[8080]}", spec.verdict_socket)
    assert (spec.readiness.address, spec.liveness.address) == (f"127.0.0.1:{ports[9090]}", "")
    assert spec.command[-1] == str(ports[8080])
    (route,) = table_of(load()).endpoints[0].deployments
    assert (route.scoring_path, route.readiness_path) == ("/predict", "/ready")
    assert (route.sockets, route.readiness_sockets) == ((row.socket,), ((row.socket, row.readiness_socket),))


def test_in_a_network_of_its_own_sockets_lead_to_the_declared_ports(world: World) -> None:
    deployment = world.deployment(world.endpoint(), **COMMAND)
    (row,) = Deployment.objects.get(pk=deployment.pk).replicas.all()
    assert row.socket.endswith("/8080.sock")
    assert world.compute.specs[row.pk].relays == ((row.socket, 8080),)
    assert not row.ports.exists()
