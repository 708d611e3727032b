import pytest
from django.db import IntegrityError, transaction

from endpoints.domain.actor import SYSTEM
from endpoints.domain.errors import Conflict
from endpoints.models import Event
from endpoints.services.deployments import delete_deployment
from endpoints.services.operations import cancel_operation
from tests.factories import DeploymentFactory, OperationFactory
from tests.world import World


def test_cancel_is_asked_for_once(world: World) -> None:
    endpoint = world.endpoint("prices")
    world.deployment(endpoint, settled=False)
    operation = world.running(endpoint)[0]
    for _ in range(2):
        cancel_operation(actor=world.people.actor("contributor"), operation=operation)
    assert operation.cancel_requested_at is not None
    event = Event.objects.get(verb="operation.cancel_requested")
    assert (event.actor_name, event.subject) == ("contributor@example.com", "prices/blue")


def test_cancel_of_what_is_over(world: World) -> None:
    deployment = world.deployment(world.endpoint("prices"))
    with pytest.raises(Conflict, match="This operation is over: Succeeded"):
        cancel_operation(actor=SYSTEM, operation=deployment.operations.get())


def test_a_deletion_goes_through(world: World) -> None:
    deletion = delete_deployment(actor=SYSTEM, deployment=world.deployment(world.endpoint("prices")))
    with pytest.raises(Conflict, match="A deletion cannot be cancelled"):
        cancel_operation(actor=SYSTEM, operation=deletion)


@pytest.mark.django_db
def test_one_runs_at_a_time() -> None:
    deployment = DeploymentFactory()
    OperationFactory(deployment=deployment)
    with pytest.raises(IntegrityError), transaction.atomic():
        OperationFactory(deployment=deployment)
    OperationFactory(deployment=deployment, state="Failed")
