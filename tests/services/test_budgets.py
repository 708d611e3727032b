"""Budgets: what is spent is exact, what is told is told once, and what is used up lets nothing more start."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
import time_machine
from django.db import connection

from endpoints.domain.actor import SYSTEM
from endpoints.domain.errors import BudgetExceeded, Conflict, Forbidden, Invalid, StaleVersion
from endpoints.domain.routing import Refusal
from endpoints.enums import BudgetAction, SleepState
from endpoints.models import Budget, BudgetCrossing, Deployment, Event, GatewayState, InstanceType
from endpoints.reconcile.budgets import look_at_budgets
from endpoints.reconcile.gateway import table_of
from endpoints.selectors.budgets import spent_of, spent_under
from endpoints.services import budgets, deployments, sleeping
from tests.factories import DeploymentFactory, EndpointFactory, InstanceTypeFactory, UsageFactory, WorkspaceFactory
from tests.people import People
from tests.world import World

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NEXT_MONTH = datetime(2026, 12, 1, 0, 0, 1, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def dollar(clock: object, world: World) -> InstanceType:
    """A dollar per hour."""
    made: InstanceType = InstanceTypeFactory(name="dollar", price_per_hour=Decimal("1.0000"))
    return made


def budget(world: World, amount: str = "100", **fields: Any) -> Budget:
    return budgets.create_budget(actor=SYSTEM, workspace=world.workspace, name="team", amount=Decimal(amount), **fields)


def spend(deployment: Deployment, hours: int, at: datetime = NOW - timedelta(days=10)) -> None:
    for hour in range(hours):
        start = at + timedelta(hours=hour)
        UsageFactory(
            deployment=deployment,
            replica_id=f"r-{deployment.pk.hex[:12]}-9-9",
            unit_price=Decimal("1.0000"),
            started_at=start,
            ended_at=start + timedelta(hours=1),
        )


def look(at: datetime | None = None) -> None:
    look_at_budgets(now=at or datetime.now(UTC) + timedelta(minutes=1))


def told(verb: str) -> int:
    return Event.objects.filter(verb=verb).count()


def test_a_threshold_is_told_once_in_a_month(world: World, dollar: InstanceType, clock: Any) -> None:
    made = world.deployment(world.endpoint(), instance_type=dollar)
    found = budget(world)
    spend(made, 79)
    look()
    look()
    found.refresh_from_db()
    assert found.spent == 79 == spent_under(found, now=NOW)
    assert [row.percent for row in BudgetCrossing.objects.order_by("percent")] == [50]
    spend(made, 21, at=NOW - timedelta(days=5))
    look(NOW + timedelta(minutes=5))
    assert [row.percent for row in BudgetCrossing.objects.order_by("percent")] == [50, 80, 100]
    assert told("budget.reached") == 3
    assert not BudgetCrossing.objects.filter(notified_at=None).exists()
    clock.move_to(NEXT_MONTH)
    look(NEXT_MONTH)
    found.refresh_from_db()
    assert [found.spent, told("budget.reset"), told("budget.reached")] == [0, 1, 3]


def test_nothing_is_locked_while_it_is_summed_up(
    world: World, dollar: InstanceType, monkeypatch: pytest.MonkeyPatch
) -> None:
    spend(world.deployment(world.endpoint(), instance_type=dollar), 3)
    found, open_transactions = budget(world), []

    def summed_up(*args: Any, **named: Any) -> Any:
        open_transactions.append(list(connection.savepoint_ids))
        return spent_of(*args, **named)

    monkeypatch.setattr(budgets, "spent_of", summed_up)
    Budget.objects.update(spent=0)
    later = NOW + timedelta(minutes=1)
    assert budgets.note_spent(now=later, every=timedelta(seconds=30)) == []
    assert open_transactions == [[]]
    found.refresh_from_db()
    assert (found.spent, found.evaluated_at) == (Decimal(3), later)


def test_the_month_is_utcs_and_exact(world: World, dollar: InstanceType) -> None:
    made = DeploymentFactory(endpoint=EndpointFactory(workspace=world.workspace), instance_type=dollar)
    found = budget(world)
    for start, seconds in ((datetime(2026, 10, 31, 23, 0, tzinfo=UTC), 3600), (datetime(2026, 11, 1, tzinfo=UTC), 1)):
        UsageFactory(
            deployment=made,
            started_at=start,
            ended_at=start + timedelta(seconds=seconds),
            unit_price=Decimal("0.1"),
        )
    assert spent_under(found, now=NOW) == Decimal("0.1") / 3600


def test_a_start_reserves_its_cost_to_come(world: World, dollar: InstanceType) -> None:
    endpoint = world.endpoint()
    found = budget(world, "10", action=BudgetAction.REFUSE, committed_hours=2)
    made = world.deployment(endpoint, "blue", instance_type=dollar, instance_count=3)  # 6 of 10 to come
    with pytest.raises(BudgetExceeded) as refused:
        world.deployment(endpoint, "green", instance_type=dollar, instance_count=3)
    assert str(refused.value) == (
        "Budget “team”: 0.00 spent, 6.00 to come of what runs, and 6.00 asked for make 12.00; it acts at 10.00. "
        "It resets on 2026-12-01 at 00:00 UTC."
    )
    with pytest.raises(BudgetExceeded):
        deployments.update_deployment(actor=SYSTEM, deployment=made, instance_count=6)
    deployments.update_deployment(actor=SYSTEM, deployment=made, instance_count=5)
    assert found.acting_since is None


def test_one_that_only_tells_refuses_nothing(world: World, dollar: InstanceType) -> None:
    budget(world, "0.5")
    world.deployment(world.endpoint(), instance_type=dollar, instance_count=3)


def test_refusing_is_in_the_routes_until_the_month_is_over(world: World, dollar: InstanceType, clock: Any) -> None:
    endpoint = world.endpoint()
    made = world.deployment(endpoint, instance_type=dollar)
    found = budget(world, "10", action=BudgetAction.REFUSE)
    spend(made, 10)
    before = GatewayState.objects.get().desired_revision
    look()
    assert GatewayState.objects.get().desired_revision == before + 1
    world.settle()
    route = world.gateway.tables[-1].endpoints[0]
    assert route.refusal is not None
    assert (route.refusal.budget, route.refusal.resets_at) == ("team", "2026-12-01T00:00:00Z")
    with pytest.raises(BudgetExceeded, match="is used up"):
        deployments.update_deployment(actor=SYSTEM, deployment=made, instance_count=2)
    look()
    assert told("budget.acts") == 1
    clock.move_to(NEXT_MONTH)
    look(NEXT_MONTH)
    world.settle()
    assert world.gateway.tables[-1].endpoints[0].refusal is None
    found.refresh_from_db()
    assert found.acting_since is None


def test_stopping_ends_the_replicas_and_says_why(world: World, dollar: InstanceType, clock: Any) -> None:
    made = world.deployment(world.endpoint(), instance_type=dollar, instance_count=2)
    budget(world, "10", action=BudgetAction.STOP)
    spend(made, 10)
    look()
    world.settle()
    made.refresh_from_db()
    assert (made.sleep, made.shown_state) == (SleepState.STOPPED, "Stopped")
    assert made.sleep_reason == "Budget “team” of 10.00 is used up. It resets on 2026-12-01 at 00:00 UTC."
    assert not made.replicas.exclude(state="Stopped").exists()
    [route] = world.gateway.tables[-1].endpoints[0].deployments
    assert route.refusal == Refusal(budget="team", resets_at="2026-12-01T00:00:00Z")
    assert sleeping.wake_for_request(made.pk) is False
    with pytest.raises(BudgetExceeded):
        sleeping.wake(actor=SYSTEM, deployment=made)
    look()
    assert told("deployment.stopped") == 1
    clock.move_to(NEXT_MONTH)
    look(NEXT_MONTH)
    made.refresh_from_db()
    assert made.sleep == SleepState.STOPPED
    sleeping.wake(actor=SYSTEM, deployment=made)
    world.settle()
    made.refresh_from_db()
    assert (made.sleep_reason, made.stopped_by) == ("", None)
    assert world.gateway.tables[-1].endpoints[0].deployments[0].refusal is None
    assert made.replicas.filter(state="Ready").count() == 2


def test_one_that_was_lifted_or_deleted_meanwhile_stops_nothing(world: World, dollar: InstanceType) -> None:
    made = world.deployment(world.endpoint(), instance_type=dollar)
    found = budget(world, "10", action=BudgetAction.STOP)
    spend(made, 10)
    budgets.evaluate(found.pk, now=NOW)
    read = Budget.objects.get()
    assert read.acting_since is not None
    found = budgets.update_budget(actor=SYSTEM, budget=found, amount=Decimal(100))
    with pytest.raises(Conflict, match="does not stop anything any more"):
        sleeping.stop(actor=SYSTEM, deployment=made, reason="As it was read.", budget=read)
    budgets.delete_budget(actor=SYSTEM, budget=found)
    with pytest.raises(Conflict, match="does not stop anything any more"):
        sleeping.stop(actor=SYSTEM, deployment=made, reason="As it was read.", budget=read)
    made.refresh_from_db()
    assert (made.sleep, made.stopped_by) == (SleepState.AWAKE, None)


def test_what_moves_is_stopped_too(world: World, dollar: InstanceType) -> None:
    made = world.deployment(world.endpoint(), instance_type=dollar)
    budget(world, "10", action=BudgetAction.STOP)
    deployments.update_deployment(actor=SYSTEM, deployment=made, environment_variables={"A": "1"})
    spend(made, 10)
    for _ in range(2):
        look()
        world.settle()
    made.refresh_from_db()
    assert (made.state, made.sleep) == ("Canceled", SleepState.STOPPED)
    assert not made.replicas.exclude(state="Stopped").exists()


def test_scale_out_stops_and_sleepers_still_wake(world: World, dollar: InstanceType) -> None:
    made = world.deployment(world.endpoint(), instance_type=dollar)
    budget(world, "10", action=BudgetAction.STOP_SCALE_OUT)
    spend(made, 10)
    look()
    with pytest.raises(BudgetExceeded):
        deployments.update_deployment(actor=SYSTEM, deployment=made, instance_count=2)
    sleeping.put_to_sleep(actor=SYSTEM, deployment=made)
    world.settle()
    assert sleeping.wake_for_request(made.pk) is True


def test_more_money_lifts_it(world: World, dollar: InstanceType) -> None:
    made = world.deployment(world.endpoint(), instance_type=dollar)
    found = budget(world, "10", action=BudgetAction.REFUSE)
    spend(made, 10)
    look()
    found = budgets.update_budget(actor=SYSTEM, budget=found, amount=Decimal(100))
    assert found.acting_since is None
    assert told("budget.lifted") == 1
    deployments.update_deployment(actor=SYSTEM, deployment=made, instance_count=2)
    budgets.update_budget(actor=SYSTEM, budget=found, amount=Decimal(10))
    found.refresh_from_db()
    assert found.acting_since is not None
    budgets.delete_budget(actor=SYSTEM, budget=found)
    assert all(route.refusal is None for route in table_of(endpoints_of(made)).endpoints)


@pytest.mark.parametrize("count", [1, 3])
def test_a_look_takes_as_many_queries_for_one_budget_as_for_three(
    world: World, people: People, dollar: InstanceType, count: int, django_assert_num_queries: Any
) -> None:
    for number in range(count):
        endpoint = EndpointFactory(workspace=world.workspace, created_by=people.owner)
        spend(DeploymentFactory(endpoint=endpoint, instance_type=dollar), 4)
        for place in ({"endpoint": endpoint}, {"owner": people.owner}, {"workspace": world.workspace}):
            budgets.create_budget(actor=SYSTEM, name=f"{number} of {next(iter(place))}", amount=Decimal(100), **place)
    with django_assert_num_queries(8):  # two savepoints; budgets, usage, what was told, budgets, spent; what acts
        look()
    assert {each.spent for each in Budget.objects.exclude(endpoint=None)} == {4}
    assert {each.spent for each in Budget.objects.filter(endpoint=None)} == {4 * count}


def test_the_budget_of_a_deleted_endpoint_is_at_rest(world: World, dollar: InstanceType) -> None:
    endpoint = EndpointFactory(workspace=world.workspace)
    made = DeploymentFactory(endpoint=endpoint, instance_type=dollar)
    found = budgets.create_budget(actor=SYSTEM, endpoint=endpoint, name="one", amount=Decimal(10))
    endpoint.deleted_at = NOW
    endpoint.save()
    spend(made, 10)
    look()
    assert Budget.objects.get(pk=found.pk).spent == 0
    assert told("budget.reached") == 0


def test_what_a_deleted_or_renamed_budget_stopped_says_so_no_more(world: World, dollar: InstanceType) -> None:
    made = world.deployment(world.endpoint(), instance_type=dollar)
    found = budget(world, "10", action=BudgetAction.STOP)
    spend(made, 10)
    look()
    world.settle()
    found = budgets.update_budget(actor=SYSTEM, budget=found, name="crew")
    world.settle()
    [route] = world.gateway.tables[-1].endpoints[0].deployments
    assert route.refusal is not None
    assert route.refusal.budget == "crew"
    budgets.delete_budget(actor=SYSTEM, budget=found)
    world.settle()
    assert world.gateway.tables[-1].endpoints[0].deployments[0].refusal is None


def endpoints_of(deployment: Deployment) -> list[Any]:
    deployment.endpoint.live_deployments = []  # type: ignore[attr-defined]
    return [deployment.endpoint]


def test_an_endpoints_and_an_owners_budget(world: World, people: People, dollar: InstanceType) -> None:
    mine = EndpointFactory(workspace=WorkspaceFactory(), created_by=people.owner)
    theirs = EndpointFactory(workspace=mine.workspace)
    for endpoint in (mine, theirs):
        spend(DeploymentFactory(endpoint=endpoint, instance_type=dollar), 4)
    owners = budgets.create_budget(actor=SYSTEM, owner=people.owner, name="owner", amount=Decimal(10))
    of_one = budgets.create_budget(actor=SYSTEM, endpoint=theirs, name="one", amount=Decimal(10))
    of_all = budgets.create_budget(actor=SYSTEM, workspace=mine.workspace, name="all", amount=Decimal(10))
    assert [each.spent for each in (owners, of_one, of_all)] == [4, 4, 8]


@pytest.mark.parametrize(
    ("who", "where", "may"),
    [
        ("owner", "workspace", True),
        ("contributor", "endpoint", True),
        ("reader", "workspace", False),
        ("stranger", "endpoint", False),
        ("owner", "owner", False),
        ("staff", "owner", True),
        ("staff", "workspace", True),
    ],
)
def test_who_may(world: World, people: People, who: str, where: str, may: bool) -> None:
    endpoint = EndpointFactory(workspace=world.workspace)
    places: dict[str, Any] = {"workspace": world.workspace, "endpoint": endpoint, "owner": people.owner}
    create = partial(budgets.create_budget, actor=people.actor(who), name="b", amount=Decimal(1))
    if may:
        assert create(**{where: places[where]}).created_by == getattr(people, who)
        assert told("budget.created") == 1
    else:
        with pytest.raises(Forbidden):
            create(**{where: places[where]})
        assert not Budget.objects.exists()


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"amount": Decimal(0)}, "amount"),
        ({"amount": Decimal("0.00001")}, "amount"),
        ({"amount": Decimal("NaN")}, "amount"),
        ({"thresholds": [0]}, "thresholds"),
        ({"thresholds": list(range(1, 20))}, "thresholds"),
        ({"action": "explode"}, "action"),
        ({"action_percent": 0}, "action_percent"),
        ({"committed_hours": 1000}, "committed_hours"),
        ({"name": " "}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"colour": 1}, "colour"),
    ],
)
def test_budgets_that_cannot_be(world: World, given: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        budgets.create_budget(
            actor=SYSTEM, workspace=world.workspace, **{"name": "team", "amount": Decimal(1), **given}
        )
    assert refused.value.fields.keys() == {field}
    assert not Budget.objects.exists()


def test_a_name_is_there_once_and_versions_count(world: World) -> None:
    found = budget(world)
    with pytest.raises(Invalid, match="already"):
        budget(world)
    changed = budgets.update_budget(actor=SYSTEM, budget=found, amount=Decimal(5), expected_version=1)
    assert changed.version == 2
    with pytest.raises(StaleVersion):
        budgets.update_budget(actor=SYSTEM, budget=found, amount=Decimal(6), expected_version=1)
    budgets.update_budget(actor=SYSTEM, budget=found, amount=Decimal("5.0000"))
    assert told("budget.updated") == 1
