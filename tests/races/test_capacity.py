"""Several who take capacity at the same moment: together they pass neither a quota nor a budget."""

from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from endpoints.domain.actor import SYSTEM
from endpoints.domain.errors import BudgetExceeded, Conflict, OutOfQuota
from endpoints.enums import BudgetAction, Meter
from endpoints.models import BudgetCrossing, Deployment, Endpoint, Event, Quota
from endpoints.selectors.prices import PriceState, price_history
from endpoints.selectors.quota import account_of
from endpoints.services import budgets, deployments, endpoints, prices, quota, sleeping
from tests.factories import InstanceTypeFactory, UsageFactory
from tests.races.conftest import Race
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)

MANY = 6


def of(outcomes: list[Any], kind: type) -> int:
    return sum(isinstance(outcome, kind) for outcome in outcomes)


def creations(world: World, **changes: Any) -> list[Any]:
    """Of a deployment each, on endpoints of their own."""
    specification = world.specification(**changes)
    made = [world.endpoint(f"endpoint-{number}", settled=False) for number in range(MANY)]
    return [
        partial(deployments.create_deployment, actor=SYSTEM, endpoint=each, name="blue", specification=specification)
        for each in made
    ]


def test_creations_do_not_pass_the_quota_together(world: World, race: Race) -> None:
    kind = InstanceTypeFactory(vcpu=4)
    calls = creations(world, instance_type=kind, instance_count=2)  # 12 vCPU each, with the reserve
    quota.set_quota(actor=SYSTEM, workspace=world.workspace, limits={"vcpu": 30})
    outcomes = race(*calls)
    assert (of(outcomes, tuple), of(outcomes, OutOfQuota)) == (2, MANY - 2)
    assert Deployment.objects.count() == 2
    assert account_of(world.workspace).used["vcpu"] == 24


def test_scaling_does_not_pass_the_sites_quota_together(world: World, race: Race) -> None:
    quota.set_site_limits(actor=SYSTEM, reserve_percent=0)
    kind = InstanceTypeFactory(vcpu=1)
    made = [world.deployment(world.endpoint(f"endpoint-{n}"), instance_type=kind) for n in range(3)]
    quota.set_quota(actor=SYSTEM, workspace=None, limits={"vcpu": 7})
    outcomes = race(
        *(partial(deployments.update_deployment, actor=SYSTEM, deployment=each, instance_count=4) for each in made)
    )
    assert (of(outcomes, tuple), of(outcomes, OutOfQuota)) == (1, 2)
    assert account_of(world.workspace).used["vcpu"] == 6


def test_sleepers_do_not_wake_past_the_quota(world: World, race: Race) -> None:
    quota.set_site_limits(actor=SYSTEM, reserve_percent=0)
    made = [world.deployment(world.endpoint(f"endpoint-{n}")) for n in range(3)]
    for each in made:
        sleeping.put_to_sleep(actor=SYSTEM, deployment=each)
    world.settle()
    quota.set_quota(actor=SYSTEM, workspace=world.workspace, limits={"vcpu": 1})
    outcomes = race(*(partial(sleeping.wake_for_request, each.pk) for each in made))
    assert sorted(outcomes) == [False, False, True]
    assert Deployment.objects.filter(sleep="waking").count() == 1


def test_endpoints_do_not_pass_their_number_together(world: World, race: Race) -> None:
    quota.set_quota(actor=SYSTEM, workspace=world.workspace, limits={"endpoints": 2})
    outcomes = race(
        *(
            partial(endpoints.create_endpoint, actor=SYSTEM, workspace=world.workspace, name=f"endpoint-{n}")
            for n in range(MANY)
        )
    )
    assert (of(outcomes, Endpoint), of(outcomes, OutOfQuota)) == (2, MANY - 2)


def test_a_request_is_decided_once(world: World, race: Race) -> None:
    asked = quota.ask_for_quota(actor=SYSTEM, workspace=world.workspace, limits={"vcpu": 64}, reason="Launch")
    outcomes = race(
        partial(quota.approve_request, actor=SYSTEM, request=asked),
        partial(quota.deny_request, actor=SYSTEM, request=asked, note="No."),
        partial(quota.withdraw_request, actor=SYSTEM, request=asked),
    )
    assert of(outcomes, Conflict) == 2
    asked.refresh_from_db()
    assert Quota.objects.exists() == (asked.state == "approved")


def test_starts_do_not_pass_a_budget_together(world: World, race: Race) -> None:
    kind = InstanceTypeFactory(price_per_hour=Decimal("4.0000"))
    calls = creations(world, instance_type=kind, instance_count=1)
    budgets.create_budget(
        actor=SYSTEM,
        workspace=world.workspace,
        name="team",
        amount=Decimal(10),
        action=BudgetAction.REFUSE,
        committed_hours=1,
    )
    outcomes = race(*calls)
    started, refused = of(outcomes, tuple), of(outcomes, BudgetExceeded)
    assert started + refused == MANY
    assert started == 2 or _near_the_months_end(started)
    assert Deployment.objects.count() == started


def _near_the_months_end(started: int) -> bool:
    """In the month's last hour less is to come."""
    from django.utils import timezone

    from endpoints.domain.budgets import hours_ahead

    ahead = hours_ahead(1, timezone.now())
    return ahead < 1 and started >= 2


def test_a_threshold_is_told_once_whoever_looks(world: World, race: Race) -> None:
    made = world.deployment(world.endpoint())
    budget = budgets.create_budget(actor=SYSTEM, workspace=world.workspace, name="team", amount=Decimal("0.0001"))
    UsageFactory(deployment=made, unit_price=Decimal(1))
    from django.utils import timezone

    race(*(partial(budgets.evaluate, budget.pk, now=timezone.now()) for _ in range(MANY)))
    assert BudgetCrossing.objects.count() == 3
    assert Event.objects.filter(verb="budget.reached").count() == 3


def test_looks_and_starts_under_many_budgets_wait_for_each_other_and_never_in_a_circle(
    world: World, race: Race
) -> None:
    kind = InstanceTypeFactory(price_per_hour=Decimal("0.0100"))
    calls = creations(world, instance_type=kind, instance_count=1)
    for number in range(10):
        budgets.create_budget(
            actor=SYSTEM,
            workspace=world.workspace,
            name=f"budget {number}",
            amount=Decimal(1000),
            action=BudgetAction.STOP_SCALE_OUT,
        )
    from datetime import timedelta

    from django.utils import timezone

    later = timezone.now() + timedelta(minutes=1)
    looks = [partial(budgets.note_spent, now=later, every=timedelta()) for _ in range(4)]
    outcomes = race(*calls, *looks)
    assert [each for each in outcomes if isinstance(each, Exception)] == []


def test_the_last_price_of_a_moment_is_one_and_all_are_on_record(world: World, race: Race) -> None:
    kind = InstanceTypeFactory(name="raced")
    from datetime import timedelta

    from django.utils import timezone

    at = timezone.now() + timedelta(days=1)
    setting = partial(prices.set_price, actor=SYSTEM, meter=Meter.ONLINE, item=kind.name, valid_from=at)
    race(*(partial(setting, unit_price=Decimal(number)) for number in range(1, MANY + 1)))
    entries = price_history(Meter.ONLINE, kind.name, now=timezone.now())
    assert len(entries) == MANY == Event.objects.filter(verb="price.set").count()
    assert [entry.state for entry in entries].count(PriceState.FUTURE) == 1
