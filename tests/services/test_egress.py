"""Egress is closed where something keeps it closed, and refused where nothing does."""

import pytest

from endpoints.domain.actor import SYSTEM
from endpoints.domain.errors import Invalid
from endpoints.services.deployments import update_deployment
from tests.world import World


def test_closed_egress_reaches_the_replica(world: World) -> None:
    blue = world.deployment(world.endpoint("prices"))
    assert {spec.egress for spec in world.compute.specs.values()} == {True}
    update_deployment(actor=SYSTEM, deployment=blue, egress_public_network_access="disabled")
    world.settle()
    assert {world.compute.specs[name].egress for name in world.compute.seen} == {False}


def test_it_is_refused_where_nothing_keeps_it(world: World) -> None:
    blue = world.deployment(world.endpoint("prices"))
    world.compute.boxed = False
    with pytest.raises(Invalid) as caught:
        update_deployment(actor=SYSTEM, deployment=blue, egress_public_network_access="disabled")
    assert "There is no box here" in caught.value.fields["egress_public_network_access"]
    blue.refresh_from_db()
    assert blue.generation == 1


def test_a_replica_sees_its_own_files_and_writes_to_its_own_folders(world: World) -> None:
    blue = world.deployment(world.endpoint("prices"))
    spec = next(iter(world.compute.specs.values()))
    assert blue.code is not None
    assert str(world.store.path(blue.code.artifact_id)) in spec.visible
    assert all(blue.pk.hex[:12] in folder for folder in spec.writable)
    assert not any(spec.socket.startswith(folder) for folder in spec.writable)
