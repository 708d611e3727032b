from collections import Counter
from functools import partial
from typing import Any

import pytest

from endpoints.domain.actor import SYSTEM
from endpoints.domain.errors import Conflict, Invalid, StaleVersion
from endpoints.enums import Role
from endpoints.models import Credential, Endpoint, GatewayState, ModelVersion, Operation, RoleAssignment
from endpoints.services import assets, credentials, deployments, endpoints, traffic, workspaces
from tests.factories import member
from tests.races.conftest import Race
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 5


def kinds(outcomes: list[Any]) -> Counter[str]:
    return Counter(type(outcome).__name__ for outcome in outcomes)


def test_two_people_move_the_slider(world: World, race: Race) -> None:
    endpoint = world.endpoint("prices")
    world.deployment(endpoint, "blue")
    world.deployment(endpoint, "green")
    for number in range(ROUNDS):
        shares = [{"blue": 50 + number, "green": 50 - number}, {"blue": 10 + number, "green": 90 - number}]
        apply = partial(traffic.set_traffic, actor=SYSTEM, endpoint=endpoint, expected_version=number + 1)
        outcomes = race(*(partial(apply, traffic=mine) for mine in shares))
        assert kinds(outcomes) == {"Endpoint": 1, "StaleVersion": 1}
        endpoint.refresh_from_db()
        assert endpoint.traffic_version == number + 2
        assert endpoint.traffic in shares


def test_one_name_for_two_endpoints(world: World, race: Race) -> None:
    for number in range(ROUNDS):
        outcomes = race(
            *(
                lambda name=name: endpoints.create_endpoint(actor=SYSTEM, workspace=world.workspace, name=name)
                for name in (f"prices-{number}", f"Prices-{number}")
            )
        )
        assert kinds(outcomes) == {"Endpoint": 1, "Invalid": 1}
        refused = next(outcome for outcome in outcomes if isinstance(outcome, Invalid))
        assert list(refused.fields) == ["name"]
    assert Endpoint.objects.count() == ROUNDS
    assert Credential.objects.count() == 2 * ROUNDS


def test_one_name_for_two_deployments(world: World, race: Race) -> None:
    endpoint, specification = world.endpoint("prices"), world.specification()
    outcomes = race(
        *(
            lambda: deployments.create_deployment(
                actor=SYSTEM, endpoint=endpoint, name="blue", specification=specification
            )
            for _ in range(3)
        )
    )
    assert kinds(outcomes) == {"tuple": 1, "Invalid": 2}
    assert Operation.objects.count() == 1


def test_revisions_are_given_out_once(world: World, race: Race) -> None:
    before = GatewayState.objects.filter(id=1).values_list("desired_revision", flat=True).first() or 0
    made = race(
        *(
            lambda number=number: endpoints.create_endpoint(
                actor=SYSTEM, workspace=world.workspace, name=f"endpoint-{number}"
            )
            for number in range(8)
        )
    )
    assert sorted(endpoint.route_revision for endpoint in made) == list(range(before + 1, before + 9))


def test_two_new_keys_of_a_kind(world: World, race: Race) -> None:
    endpoint = world.endpoint("prices")
    given = race(
        *(lambda: credentials.regenerate_key(actor=SYSTEM, endpoint=endpoint, kind="Primary") for _ in range(3))
    )
    assert len(set(given)) == 3
    assert Credential.objects.get(endpoint=endpoint, kind="Primary").value in given


def test_versions_of_a_model_have_no_gap_and_no_double(world: World, race: Race) -> None:
    folders = [world.folder({"weights.txt": str(number)}) for number in range(6)]
    made = race(
        *(
            lambda folder=folder: assets.register_model(
                actor=SYSTEM, workspace=world.workspace, name="m", type="custom_model", folder=folder
            )
            for folder in folders
        )
    )
    assert sorted(model.version for model in made) == [1, 2, 3, 4, 5, 6]
    assert ModelVersion.objects.count() == 6


def test_the_same_files_at_once(world: World, race: Race) -> None:
    folders = [world.folder({"weights.txt": "same"}) for _ in range(4)]
    made = race(
        *(
            lambda folder=folder: assets.register_model(
                actor=SYSTEM, workspace=world.workspace, name="m", type="custom_model", folder=folder
            )
            for folder in folders
        )
    )
    assert kinds(made) == {"ModelVersion": 4}
    assert len({model.artifact_id for model in made}) == 1


def test_one_operation_at_a_time(world: World, race: Race) -> None:
    deployment = world.deployment(world.endpoint("prices"))
    for number in range(ROUNDS):
        outcomes = race(
            *(
                lambda count=count: deployments.update_deployment(
                    actor=SYSTEM, deployment=deployment, instance_count=count
                )
                for count in (2 + 2 * number, 3 + 2 * number)
            )
        )
        assert sum(isinstance(outcome, tuple) for outcome in outcomes) == 1
        assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 1
        assert deployment.operations.filter(state="Running").count() == 1
        world.settle()


def test_deletion_beside_an_update(world: World, race: Race) -> None:
    """Whoever was first: in the end it is being deleted, by one operation."""
    deployment = world.deployment(world.endpoint("prices"))
    outcomes = race(
        lambda: deployments.delete_deployment(actor=SYSTEM, deployment=deployment),
        lambda: deployments.update_deployment(actor=SYSTEM, deployment=deployment, instance_count=2),
    )
    assert isinstance(outcomes[0], Operation)
    assert isinstance(outcomes[1], tuple | Conflict)
    deployment.refresh_from_db()
    assert deployment.state == "Deleting"
    assert [item.kind for item in deployment.operations.filter(state="Running")] == ["delete"]
    world.settle()
    deployment.refresh_from_db()
    assert deployment.deleted_at is not None


def test_traffic_to_what_is_deleted_at_the_same_moment(world: World, race: Race) -> None:
    endpoint = world.endpoint("prices")
    for number in range(ROUNDS):
        deployment = world.deployment(endpoint, f"blue-{number}")
        outcomes = race(
            partial(traffic.set_traffic, actor=SYSTEM, endpoint=endpoint, traffic={deployment.name: 100}),
            partial(deployments.delete_deployment, actor=SYSTEM, deployment=deployment),
        )
        assert sum(isinstance(outcome, Conflict | Invalid) for outcome in outcomes) == 1
        endpoint.refresh_from_db()
        deployment.refresh_from_db()
        assert (deployment.state == "Deleting") == (endpoint.traffic == {})
        world.traffic(endpoint, {})


def test_endpoint_and_deployment_deleted_at_once(world: World, race: Race) -> None:
    endpoint = world.endpoint("prices")
    deployment = world.deployment(endpoint)
    outcomes = race(
        lambda: endpoints.delete_endpoint(actor=SYSTEM, endpoint=endpoint),
        lambda: deployments.delete_deployment(actor=SYSTEM, deployment=deployment),
    )
    assert outcomes[0] is None
    assert isinstance(outcomes[1], Operation | Conflict)
    world.settle()
    endpoint.refresh_from_db()
    assert endpoint.deleted_at is not None


def test_the_last_two_owners_leave_at_once(world: World, race: Race) -> None:
    member(world.workspace, Role.OWNER)
    owners = list(RoleAssignment.objects.filter(role=Role.OWNER))
    outcomes = race(*(lambda one=one: workspaces.remove_member(actor=SYSTEM, assignment=one) for one in owners))
    assert kinds(outcomes) == {"NoneType": 1, "Conflict": 1}
    assert RoleAssignment.objects.filter(role=Role.OWNER).count() == 1


def test_what_was_read_is_stale(world: World, race: Race) -> None:
    deployment = world.deployment(world.endpoint("prices"))
    outcomes = race(
        *(
            lambda number=number: deployments.update_deployment(
                actor=SYSTEM, deployment=deployment, request_timeout_ms=number, expected_generation=1
            )
            for number in (7000, 8000)
        )
    )
    assert sum(isinstance(outcome, tuple) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, StaleVersion | Conflict) for outcome in outcomes) == 1
