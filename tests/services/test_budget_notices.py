"""What channels are told of budgets: each threshold once, with what was written of it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from endpoints import wiring
from endpoints.domain.actor import SYSTEM
from endpoints.enums import BudgetAction
from endpoints.models import Budget, BudgetCrossing, Deployment, Endpoint, Notification
from endpoints.notifying.fake import FakeNotifier
from endpoints.reconcile.budgets import look_at_budgets
from endpoints.services import budgets
from endpoints.services.notifications import send_due
from tests.factories import DeploymentFactory, EndpointFactory, NotificationChannelFactory, UsageFactory
from tests.people import People
from tests.world import World

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock(time_machine: Any) -> None:
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def churn(world: World, people: People) -> Endpoint:
    made: Endpoint = EndpointFactory(name="churn", workspace=world.workspace, created_by=people.owner)
    DeploymentFactory(endpoint=made)
    return made


def spend(endpoint: Endpoint, hours: int) -> None:
    """A dollar an hour."""
    deployment: Deployment = endpoint.deployments.get()
    start = NOW - timedelta(days=10)
    UsageFactory(
        deployment=deployment,
        unit_price=Decimal("1.0000"),
        started_at=start,
        ended_at=start + timedelta(hours=hours),
    )


def budget(**fields: Any) -> Budget:
    return budgets.create_budget(actor=SYSTEM, **{"name": "team", "amount": Decimal(100), **fields})


def told() -> list[tuple[str, str]]:
    rows = Notification.objects.order_by("channel__name", "created_at", "key").select_related("channel")
    return [(row.channel.name if row.channel else row.recipient, row.document["title"]) for row in rows]


def test_each_threshold_is_told_once_by_every_channel_that_is_on(world: World, churn: Endpoint) -> None:
    for name, enabled in (("mail", True), ("off", False), ("web", True)):
        NotificationChannelFactory(workspace=world.workspace, name=name, enabled=enabled)
    NotificationChannelFactory(name="of another workspace")
    spend(churn, 60)
    found = budget(workspace=world.workspace)
    assert told() == [(name, "Budget “team”: 50 % reached") for name in ("mail", "web")]
    budgets.evaluate(found.pk, now=NOW)
    assert len(told()) == 2
    assert BudgetCrossing.objects.get().notified_at == NOW
    send_due()
    assert set(Notification.objects.values_list("state", flat=True)) == {"sent"}


def test_what_is_said(world: World, churn: Endpoint, settings: Any) -> None:
    settings.STUDIO_PUBLIC_URL = "https://studio.example.org"
    NotificationChannelFactory(workspace=world.workspace)
    spend(churn, 85)
    found = budget(endpoint=churn, thresholds=[80], action=BudgetAction.STOP)
    spend(churn, 15)
    budgets.evaluate(found.pk, now=NOW)
    first, second = (row.document for row in Notification.objects.order_by("key"))
    assert first == {
        "kind": "budget.reached",
        "title": "Budget “team”: 80 % reached",
        "text": "85.00 of 100.00 spent this month. At 100 %: stop the deployments. It resets on 2026-12-01 at 00:00 "
        "UTC.",
        "at": "2026-11-20T12:00:00Z",
        "tone": "warning",
        "url": f"https://studio.example.org/usage/budgets/{found.pk}/",
        "facts": {
            "About": "endpoint churn",
            "Workspace": str(world.workspace),
            "Spent": "85.00",
            "Amount": "100.00",
            "Reached": "80 %",
            "What it does": "At 100 %: stop the deployments",
        },
    }
    assert (second["title"], second["tone"]) == ("Budget “team”: 100 % reached", "firing")
    assert second["facts"]["What it does"] == "Now: stop the deployments"


def test_one_that_ends_half_way_has_told_nothing_and_the_next_tells_once(
    world: World, churn: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    NotificationChannelFactory(workspace=world.workspace)
    found = budget(workspace=world.workspace)
    spend(churn, 60)
    with monkeypatch.context() as patched:
        patched.setattr(Budget, "save", lambda *_, **__: (_ for _ in ()).throw(RuntimeError))
        with pytest.raises(RuntimeError):
            budgets.evaluate(found.pk, now=NOW)
    assert (told(), BudgetCrossing.objects.count()) == ([], 0)
    budgets.evaluate(found.pk, now=NOW)
    assert len(told()) == 1


def test_what_was_reached_before_anybody_told_is_told_of_this_month_alone(world: World, churn: Endpoint) -> None:
    NotificationChannelFactory(workspace=world.workspace)
    found = budget(workspace=world.workspace)
    for month in (10, 11):
        start = datetime(2026, month, 1, tzinfo=UTC)
        BudgetCrossing.objects.create(budget=found, period_start=start, amount=100, percent=50, spent=Decimal(50))
    budgets.evaluate(found.pk, now=NOW)
    assert len(told()) == 1
    assert BudgetCrossing.objects.get(notified_at=None).period_start.month == 10


def test_without_channels_nobody_is_told(world: World, churn: Endpoint) -> None:
    spend(churn, 60)
    found = budget(workspace=world.workspace)
    NotificationChannelFactory(workspace=world.workspace)
    budgets.evaluate(found.pk, now=NOW)
    assert told() == []
    assert not BudgetCrossing.objects.filter(notified_at=None).exists()


def test_an_owner_is_told_by_e_mail(world: World, churn: Endpoint, people: People) -> None:
    NotificationChannelFactory(workspace=world.workspace)  # not by the channels of others
    spend(churn, 85)
    found = budget(owner=people.owner, thresholds=[50, 80])
    look_at_budgets(now=NOW + timedelta(minutes=1))
    rows = Notification.objects.order_by("key")
    assert [(row.channel, row.recipient, row.state) for row in rows] == [(None, "owner@example.com", "waiting")] * 2
    assert rows[0].document["facts"]["About"] == "all endpoints of owner@example.com"
    send_due()
    notifier = wiring.notifier()
    assert isinstance(notifier, FakeNotifier)
    sent = [(destination.kind, destination.target) for _, _, destination in notifier.sent]
    assert sent == [("email", "owner@example.com")] * 2
    assert set(Notification.objects.values_list("state", flat=True)) == {"sent"}
    people.owner.is_active = False
    people.owner.save()
    spend(churn, 30)
    budgets.evaluate(found.pk, now=NOW)
    assert Notification.objects.count() == 2
