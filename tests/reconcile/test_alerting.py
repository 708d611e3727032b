"""The look at alert rules: what is read, what is written, and who is told of it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from pytest_django import DjangoAssertNumQueries

from endpoints import wiring
from endpoints.domain.actor import Actor
from endpoints.domain.rollups import SampleValues
from endpoints.enums import AlertState, DeliveryState, OperationState, ReplicaState, SleepState, Source
from endpoints.models import Alert, AlertRule, Deployment, Endpoint, Event, Notification, NotificationChannel, Workspace
from endpoints.notifying.fake import FakeNotifier
from endpoints.notifying.port import Undelivered
from endpoints.reconcile.alerting import look_at_alerts
from endpoints.reconcile.billing import Billed, bill
from endpoints.services.alerts import remove_rule, silence_rule
from endpoints.services.notifications import WAITS, send_due
from tests.factories import (
    AlertRuleFactory,
    DeploymentFactory,
    EndpointFactory,
    EventFactory,
    NotificationChannelFactory,
    OperationFactory,
    PriceFactory,
    SampleFactory,
    UsageFactory,
)
from tests.people import People

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 10, 12, 0, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def clock(adapters: wiring.Adapters, hints: object) -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def churn(workspace: Workspace) -> Endpoint:
    made: Endpoint = EndpointFactory(name="churn", workspace=workspace)
    DeploymentFactory(endpoint=made, name="blue", replicas=2, instance_count=2)
    return made


@pytest.fixture
def channel(workspace: Workspace) -> NotificationChannel:
    made: NotificationChannel = NotificationChannelFactory(workspace=workspace, name="On call")
    return made


@pytest.fixture
def outbox(adapters: wiring.Adapters) -> FakeNotifier:
    assert isinstance(adapters.notifier, FakeNotifier)
    return adapters.notifier


def blue(endpoint: Endpoint) -> Deployment:
    return endpoint.deployments.get(name="blue")


def measure(deployment: Deployment, *, failed: int, of: int = 100, minutes: int = 5) -> None:
    """The same in each ten seconds up to now."""
    values = SampleValues(covered_ms=10_000, counts={"2xx": of - failed, "5xx": failed}, latency={10: of})
    start = NOW.replace(second=0) - minutes * MINUTE
    rows = (start + timedelta(seconds=10 * step) for step in range(minutes * 6))
    for at in rows:
        SampleFactory(deployment=deployment, at=at, values=values)


def rule_on(endpoint: Endpoint, channel: NotificationChannel | None = None, **fields: Any) -> AlertRule:
    made: AlertRule = AlertRuleFactory(
        workspace=endpoint.workspace,
        endpoint=endpoint,
        channels=[channel] if channel else [],
        **{"name": "Errors"} | fields,
    )
    return made


def test_it_fires_is_told_and_resolves(churn: Endpoint, channel: NotificationChannel, outbox: FakeNotifier) -> None:
    rule = rule_on(churn, channel)
    measure(blue(churn), failed=12)
    look_at_alerts(now=NOW)
    rule.refresh_from_db()
    assert (rule.state, rule.value, rule.evaluated_at) == (AlertState.FIRING, 12.0, NOW)
    alert = Alert.objects.get()
    assert (alert.state, alert.value, alert.subject, alert.ended_at) == (AlertState.FIRING, 12.0, "churn", None)
    send_due()
    _, notice, destination = outbox.sent[0]
    assert notice.title == "Firing: Errors (churn)"
    assert notice.facts["Value"] == "12 %"
    assert destination.secret == channel.secret
    later = NOW + 10 * MINUTE
    for sample in blue(churn).samples.all():
        SampleFactory(
            deployment=sample.deployment,
            at=sample.at + 10 * MINUTE,
            values=SampleValues(covered_ms=10_000, counts={"2xx": 10}),
        )
    look_at_alerts(now=later)
    alert.refresh_from_db()
    assert (alert.ended_at, alert.ending) == (later, "Resolved")
    assert list(Event.objects.order_by("id").values_list("verb", flat=True)) == ["alert.firing", "alert.resolved"]
    with time_machine.travel(later, tick=False):
        send_due()
    assert [notice.kind for _, notice, _ in outbox.sent] == ["alert.firing", "alert.resolved"]


def test_a_second_look_says_nothing_twice(churn: Endpoint, channel: NotificationChannel, outbox: FakeNotifier) -> None:
    rule_on(churn, channel)
    measure(blue(churn), failed=12)
    for _ in range(3):
        look_at_alerts(now=NOW)
        send_due()
    assert (Alert.objects.count(), len(outbox.sent)) == (1, 1)


def test_without_samples_it_is_no_data_and_told_only_where_asked(
    churn: Endpoint, channel: NotificationChannel, outbox: FakeNotifier
) -> None:
    quiet = rule_on(churn, channel)
    rule_on(churn, channel, name="Told", notify_no_data=True)
    for minutes in (0, 3):
        look_at_alerts(now=NOW + minutes * MINUTE)
    assert {rule.state for rule in AlertRule.objects.all()} == {AlertState.NO_DATA}
    send_due()
    assert Notification.objects.count() == 1
    assert Alert.objects.get(rule=quiet).notified_at is None
    with time_machine.travel(NOW + 3 * MINUTE, tick=False):
        send_due()
    assert [notice.kind for _, notice, _ in outbox.sent] == ["alert.no_data"]


def test_a_silence_puts_it_off(
    churn: Endpoint, channel: NotificationChannel, outbox: FakeNotifier, people: People
) -> None:
    rule = rule_on(churn, channel)
    actor = Actor(user=people.owner, source=Source.UI)
    silence_rule(actor=actor, rule=rule, until=NOW + 30 * MINUTE, reason="deploying")
    measure(blue(churn), failed=12)
    look_at_alerts(now=NOW)
    assert Alert.objects.filter(ended_at=None, notified_at=None).count() == 1
    assert Notification.objects.count() == 0
    silence_rule(actor=actor, rule=rule, until=None)
    look_at_alerts(now=NOW)
    look_at_alerts(now=NOW)
    assert Notification.objects.count() == 1


def test_a_rule_that_is_removed_or_off_is_not_looked_at(churn: Endpoint, people: People) -> None:
    off, gone = rule_on(churn, enabled=False), rule_on(churn, name="Gone")
    remove_rule(actor=Actor(user=people.owner, source=Source.UI), rule=gone)
    measure(blue(churn), failed=12)
    look_at_alerts(now=NOW)
    off.refresh_from_db()
    assert off.evaluated_at is None
    assert Alert.objects.count() == 0


@pytest.mark.parametrize(
    ("signal", "value"),
    [
        ("ReplicasReady", 1.0),
        ("ReplicasMissing", 1.0),
        ("ReplicaRestarts", 2.0),
        ("FailedOperations", 1.0),
        ("CostToday", 1.5),
        ("CostMonthToDate", 2.5),
        ("CostPerHour", 0.08),
    ],
)
@pytest.mark.parametrize("about", ["deployment", "endpoint", "workspace"])
def test_what_else_can_be_watched(churn: Endpoint, signal: str, value: float, about: str) -> None:
    deployment = blue(churn)
    elsewhere: Deployment = DeploymentFactory(replicas=1)
    deployment.replicas.filter(ordinal=1).update(state=ReplicaState.BACKING_OFF)
    for minutes in (1, 4, 20):
        EventFactory(endpoint=churn, deployment=deployment, verb="replica.ended", created_at=NOW - minutes * MINUTE)
    OperationFactory(deployment=deployment, state=OperationState.FAILED, finished_at=NOW - MINUTE)
    hour = NOW.replace(minute=0, second=0)
    for at in (hour, hour - timedelta(days=2)):
        price = Decimal("90") if at == hour else Decimal("60")
        UsageFactory(deployment=deployment, started_at=at, unit_price=price)
        UsageFactory(deployment=elsewhere, started_at=at, unit_price=price)
    places: dict[str, dict[str, Any]] = {
        "deployment": {"endpoint": churn, "deployment": deployment},
        "endpoint": {"endpoint": churn},
        "workspace": {},
    }
    rule = AlertRuleFactory(workspace=churn.workspace, signal=signal, threshold=1e9, **places[about])
    look_at_alerts(now=NOW)
    rule.refresh_from_db()
    assert rule.value == pytest.approx(value)


def test_a_rule_on_cost_follows_the_price_of_the_moment(churn: Endpoint) -> None:
    """Two replicas at a price that changes within the hour: what an hour costs now, and what was spent exactly."""
    deployment, hour = blue(churn), NOW.replace(minute=0, second=0)
    for valid_from, price in ((hour, "1"), (NOW, "4")):
        PriceFactory(item=deployment.instance_type.name, unit_price=Decimal(price), valid_from=valid_from)
    rules = [rule_on(churn, signal=signal, name=signal, threshold=1.5) for signal in ("CostPerHour", "CostToday")]
    deployment.replicas.update(started_at=NOW - 15 * MINUTE)
    billed: dict[str, Billed] = {}
    for now, values in (
        (NOW - MINUTE, pytest.approx([2.0, 2 * 14 / 60])),
        (NOW + 15 * MINUTE, pytest.approx([8.0, 2 * (15 * 1 + 15 * 4) / 60])),
    ):
        billed = bill(deployment.replicas.select_related("instance_type"), billed, now=now)
        look_at_alerts(now=now)
        for rule in rules:
            rule.refresh_from_db()
        assert [rule.value for rule in rules] == values
    assert [rule.state for rule in rules] == [AlertState.FIRING, AlertState.FIRING]


def test_a_deployment_that_sleeps_misses_nothing(churn: Endpoint) -> None:
    deployment = blue(churn)
    deployment.replicas.all().delete()
    Deployment.objects.filter(pk=deployment.pk).update(sleep=SleepState.ASLEEP)
    rule = rule_on(churn, signal="ReplicasMissing", threshold=0)
    look_at_alerts(now=NOW)
    rule.refresh_from_db()
    assert (rule.state, rule.value) == (AlertState.OK, 0.0)


@pytest.mark.parametrize("rules", [1, 3])
def test_a_look_asks_as_much_for_three_rules_as_for_one(
    churn: Endpoint, rules: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    measure(blue(churn), failed=1)
    for number in range(rules):
        for signal in ("ErrorPercentage", "ReplicasMissing", "ReplicaRestarts", "FailedOperations", "CostToday"):
            AlertRuleFactory(
                workspace=churn.workspace, endpoint=churn, signal=signal, threshold=90, name=f"{signal} {number}"
            )
    with django_assert_num_queries(
        15
    ):  # lease 2, rules, deployments, metrics 2, four readers 5, update 1-3, silence, lease
        look_at_alerts(now=NOW)


# What is sent


def test_what_fails_is_tried_again_and_given_up(
    churn: Endpoint, channel: NotificationChannel, outbox: FakeNotifier, clock: time_machine.Traveller
) -> None:
    rule_on(churn, channel)
    measure(blue(churn), failed=12)
    look_at_alerts(now=NOW)
    outbox.failure = Undelivered("It answers 503.")
    for wait in (0, *WAITS):
        clock.shift(wait)
        send_due()
    row = Notification.objects.get()
    assert (row.state, row.attempts, row.error) == (DeliveryState.FAILED, len(WAITS) + 1, "It answers 503.")
    outbox.failure = None
    clock.shift(86_400)
    send_due()
    assert outbox.sent == []


def test_a_worker_that_died_before_sending_is_made_up_for(
    churn: Endpoint, channel: NotificationChannel, outbox: FakeNotifier, clock: time_machine.Traveller
) -> None:
    class Killed(BaseException):
        pass

    rule_on(churn, channel)
    measure(blue(churn), failed=12)
    look_at_alerts(now=NOW)
    outbox.failure = Killed()  # type: ignore[assignment]
    with pytest.raises(Killed):
        send_due()
    outbox.failure = None
    send_due()
    assert outbox.sent == [], "its claim still holds"
    clock.shift(60)
    send_due()
    send_due()
    assert len(outbox.sent) == 1


def test_a_channel_that_is_off_is_told_nothing(
    churn: Endpoint, channel: NotificationChannel, outbox: FakeNotifier
) -> None:
    rule_on(churn, channel)
    measure(blue(churn), failed=12)
    look_at_alerts(now=NOW)
    NotificationChannel.objects.update(enabled=False)
    send_due()
    assert Notification.objects.get().state == DeliveryState.FAILED
    assert outbox.sent == []
