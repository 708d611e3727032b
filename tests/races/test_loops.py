"""Workers beside one another, and beside people."""

from typing import Any

import pytest

from endpoints import tasks
from endpoints.domain.actor import SYSTEM
from endpoints.models import Deployment, Endpoint, Event, Operation
from endpoints.reconcile.leases import lease
from endpoints.services.deployments import update_deployment
from endpoints.services.endpoints import delete_endpoint
from endpoints.services.traffic import set_traffic
from tests.races.conftest import Race
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)


def errors(outcomes: list[Any]) -> list[Any]:
    return [outcome for outcome in outcomes if isinstance(outcome, Exception)]


def test_a_lease_has_one_holder(race: Race) -> None:
    inside: list[str] = []

    def hold() -> bool:
        with lease("thing") as held:
            if held is None:
                return False
            inside.append(held.token)
            assert len(inside) == 1
            held.keep()
            inside.remove(held.token)
            return True

    for _ in range(10):
        outcomes = race(*(hold for _ in range(4)))
        assert errors(outcomes) == []
        assert any(outcomes)


def test_many_workers_bring_one_deployment_up(world: World, race: Race) -> None:
    deployment = world.deployment(world.endpoint("prices"), settled=False, instance_count=3)
    name = str(deployment.pk)
    for _ in range(25):
        outcomes = race(
            lambda: tasks.reconcile_deployment(deployment_id=name),
            lambda: tasks.reconcile_deployment(deployment_id=name),
            tasks.sweep,
            tasks.reconcile_gateway,
        )
        assert errors(outcomes) == []
        world.advance()
    deployment.refresh_from_db()
    assert deployment.state == "Succeeded"
    assert sorted(world.compute.starts) == sorted(deployment.replicas.values_list("pk", flat=True))
    verbs = list(Event.objects.filter(deployment_id=deployment.pk).values_list("verb", flat=True))
    assert verbs.count("replica.ready") == 3
    assert verbs.count("deployment.create_succeeded") == 1


def test_people_and_workers_do_not_lock_one_another(world: World, race: Race) -> None:
    """Traffic moves and a deployment is updated while everything is reconciled: no deadlock, nothing lost."""
    endpoint = world.endpoint("prices")
    blue, green = world.deployment(endpoint, "blue"), world.deployment(endpoint, "green")
    for number in range(12):
        update_deployment(actor=SYSTEM, deployment=green, description=f"Round {number}")
        outcomes = race(
            lambda share=number + 1: set_traffic(
                actor=SYSTEM, endpoint=endpoint, traffic={"blue": 100 - share, "green": share}
            ),
            lambda number=number: update_deployment(actor=SYSTEM, deployment=blue, description=f"Round {number}"),
            tasks.reconcile_gateway,
            lambda: tasks.reconcile_deployment(deployment_id=str(blue.pk)),
            tasks.sweep,
        )
        assert errors(outcomes) == []
        if number % 4 == 0:
            update_deployment(actor=SYSTEM, deployment=blue, request_timeout_ms=6000 + number)
        world.advance()
    world.settle()
    endpoint.refresh_from_db()
    assert endpoint.live_traffic == endpoint.traffic == {"blue": 88, "green": 12}
    assert not Operation.objects.filter(state="Running").exists()
    assert set(Deployment.objects.values_list("state", flat=True)) == {"Succeeded"}


def test_everything_goes_while_everything_is_looked_at(world: World, race: Race) -> None:
    endpoint = world.endpoint("prices")
    names = [str(world.deployment(endpoint, f"blue-{number}").pk) for number in range(3)]
    world.traffic(endpoint, {"blue-0": 100})
    first = race(
        lambda: delete_endpoint(actor=SYSTEM, endpoint=endpoint),
        tasks.sweep,
        *(lambda name=name: tasks.reconcile_deployment(deployment_id=name) for name in names),
    )
    assert errors(first) == []
    for _ in range(12):
        outcomes = race(
            tasks.sweep,
            tasks.reconcile_gateway,
            *(lambda name=name: tasks.reconcile_deployment(deployment_id=name) for name in names),
        )
        assert errors(outcomes) == []
        world.advance()
    assert Endpoint.objects.present().count() == 0
    assert Event.objects.filter(verb="endpoint.deleted").count() == 1
    assert Event.objects.filter(verb="deployment.deleted").count() == 3
    assert world.compute.seen == {}
