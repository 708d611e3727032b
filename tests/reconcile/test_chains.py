"""One chain of follow-up calls per deployment, however many hints come in."""

from endpoints import tasks
from endpoints.models import Deployment
from endpoints.reconcile.leases import lease
from tests.hints import Hint
from tests.world import World


def created(world: World) -> Deployment:
    endpoint = world.endpoint("prices")
    world.hints.take()
    deployment = world.deployment(endpoint, settled=False)
    world.hints.take()
    return deployment


def reconcile(world: World, deployment: Deployment, chain: str = "") -> list[Hint]:
    tasks.reconcile_deployment(deployment_id=str(deployment.pk), chain=chain)
    return [hint for hint in world.hints.take() if hint.task == "reconcile_deployment"]


def test_a_step_asks_for_the_next(world: World) -> None:
    deployment = created(world)
    (follow_up,) = reconcile(world, deployment)
    assert follow_up.kwargs["deployment_id"] == str(deployment.pk)
    assert follow_up.kwargs["chain"]
    assert 0 < follow_up.delay < 1


def test_many_hints_leave_one_chain(world: World) -> None:
    deployment = created(world)
    follow_ups = [reconcile(world, deployment)[0].kwargs["chain"] for _ in range(5)]
    going_on = [chain for chain in follow_ups if reconcile(world, deployment, chain)]
    assert going_on == follow_ups[-1:]


def test_a_chain_ends_when_there_is_nothing_left_to_do(world: World) -> None:
    deployment = created(world)
    world.settle()
    assert reconcile(world, deployment) == []
    assert reconcile(world, deployment, "an old follow-up") == []


def test_who_does_not_hold_the_lease_does_nothing(world: World) -> None:
    deployment = created(world)
    with lease(f"deployment:{deployment.pk}"):
        assert reconcile(world, deployment) == []
    assert world.builder.starts == []
    assert len(reconcile(world, deployment)) == 1


def test_a_deployment_that_is_not_there(world: World) -> None:
    deployment = created(world)
    Deployment.objects.all().delete()
    assert reconcile(world, deployment) == []
    tasks.reconcile_deployment(deployment_id="3f1a3c1e-1111-4222-8333-444455556666", unknown="argument")
