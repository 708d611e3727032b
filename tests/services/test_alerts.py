"""Alert rules and channels: who may set them, and what they may be."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from endpoints import wiring
from endpoints.domain.actor import Actor
from endpoints.domain.errors import Conflict, Forbidden, Invalid, StaleVersion, Unavailable
from endpoints.enums import AlertState, ChannelKind, Source
from endpoints.models import Alert, AlertRule, Endpoint, Event, NotificationChannel, Workspace
from endpoints.notifying.fake import FakeNotifier
from endpoints.notifying.port import Undelivered
from endpoints.services.alerts import (
    RuleSettings,
    acknowledge,
    create_rule,
    remove_rule,
    silence_rule,
    update_rule,
)
from endpoints.services.channels import create_channel, remove_channel, send_test, switch_channel
from tests.factories import AlertFactory, AlertRuleFactory, EndpointFactory, NotificationChannelFactory
from tests.people import People

pytestmark = pytest.mark.django_db


@pytest.fixture
def churn(workspace: Workspace, hints: object) -> Endpoint:
    made: Endpoint = EndpointFactory(name="churn", workspace=workspace)
    return made


def by(user: Any) -> Actor:
    return Actor(user=user, source=Source.UI)


def said(**fields: Any) -> RuleSettings:
    usual: dict[str, Any] = {"name": "Errors", "signal": "ErrorPercentage", "operator": "GreaterThan", "threshold": 5}
    return RuleSettings(**usual | fields)


def test_a_rule_is_made_changed_and_removed(churn: Endpoint, people: People, workspace: Workspace) -> None:
    NotificationChannelFactory(workspace=workspace, name="On call")
    rule = create_rule(actor=by(people.owner), scope=churn, settings=said(channels=["On call"]))
    alert = AlertFactory(rule=rule)
    changed = update_rule(actor=by(people.owner), rule=rule, settings=said(threshold=9), expected_version=1)
    assert (changed.threshold, changed.version, changed.channels.count()) == (9, 2, 0)
    alert.refresh_from_db()
    assert alert.ending == "The rule was changed"
    remove_rule(actor=by(people.owner), rule=changed)
    assert Alert.objects.get().rule is None
    verbs = list(Event.objects.order_by("id").values_list("verb", flat=True))
    assert verbs == ["alert_rule.created", "alert_rule.updated", "alert_rule.removed"]
    assert Event.objects.get(verb="alert_rule.updated").before["channels"] == ["On call"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"signal": "Luck"}, "signal"),
        ({"signal": "CpuUtilizationPercentage"}, "signal"),
        ({"operator": "Like"}, "operator"),
        ({"threshold": float("inf")}, "threshold"),
        ({"severity": "9"}, "severity"),
        ({"channels": ["Nobody's"]}, "channels"),
        ({"window_seconds": 61}, "window_seconds"),
    ],
)
def test_a_bad_rule_changes_nothing(churn: Endpoint, people: People, fields: dict[str, Any], wrong: str) -> None:
    with pytest.raises(Invalid) as caught:
        create_rule(actor=by(people.owner), scope=churn, settings=said(**fields))
    assert set(caught.value.fields) == {wrong}
    rule = AlertRuleFactory(workspace=churn.workspace, endpoint=churn)
    with pytest.raises(Invalid):
        update_rule(actor=by(people.owner), rule=rule, settings=said(**fields))
    rule.refresh_from_db()
    assert (rule.version, rule.threshold) == (1, 5.0)
    assert not Event.objects.exists()


def test_another_workspaces_channel_is_none(churn: Endpoint, people: People) -> None:
    NotificationChannelFactory(name="Theirs")
    with pytest.raises(Invalid, match="Theirs"):
        create_rule(actor=by(people.owner), scope=churn, settings=said(channels=["Theirs"]))


def test_a_name_is_taken_once(churn: Endpoint, people: People) -> None:
    create_rule(actor=by(people.owner), scope=churn, settings=said())
    with pytest.raises(Invalid, match="already"):
        create_rule(actor=by(people.owner), scope=churn, settings=said())


def test_a_stale_change_is_refused(churn: Endpoint, people: People) -> None:
    rule = create_rule(actor=by(people.owner), scope=churn, settings=said())
    update_rule(actor=by(people.owner), rule=rule, settings=said(threshold=6), expected_version=1)
    with pytest.raises(StaleVersion, match="version 2"):
        update_rule(actor=by(people.owner), rule=rule, settings=said(threshold=7), expected_version=1)


def test_readers_and_strangers_change_nothing(churn: Endpoint, people: People, workspace: Workspace) -> None:
    rule = AlertRuleFactory(workspace=workspace, endpoint=churn)
    alert, channel = AlertFactory(rule=rule), NotificationChannelFactory(workspace=workspace)
    for person in (people.reader, people.stranger):
        actor = by(person)
        for attempt in (
            lambda actor=actor: create_rule(actor=actor, scope=churn, settings=said()),
            lambda actor=actor: create_rule(actor=actor, scope=workspace, settings=said()),
            lambda actor=actor: update_rule(actor=actor, rule=rule, settings=said()),
            lambda actor=actor: remove_rule(actor=actor, rule=rule),
            lambda actor=actor: silence_rule(actor=actor, rule=rule, until=None),
            lambda actor=actor: acknowledge(actor=actor, alert=alert),
            lambda actor=actor: switch_channel(actor=actor, channel=channel, enabled=False),
            lambda actor=actor: remove_channel(actor=actor, channel=channel),
            lambda actor=actor: send_test(actor=actor, channel=channel),
        ):
            with pytest.raises(Forbidden):
                attempt()
    assert (AlertRule.objects.count(), NotificationChannel.objects.filter(enabled=True).count()) == (1, 1)
    assert not Event.objects.exists()


def test_a_silence_is_within_bounds(churn: Endpoint, people: People) -> None:
    rule = create_rule(actor=by(people.owner), scope=churn, settings=said())
    for until in (timezone.now() - timedelta(seconds=1), timezone.now() + timedelta(days=31)):
        with pytest.raises(Invalid):
            silence_rule(actor=by(people.owner), rule=rule, until=until)


def test_the_first_who_acknowledges_stays(churn: Endpoint, people: People) -> None:
    alert = AlertFactory(rule=AlertRuleFactory(workspace=churn.workspace, endpoint=churn))
    acknowledge(actor=by(people.contributor), alert=alert)
    assert acknowledge(actor=by(people.owner), alert=alert).acknowledged_by == people.contributor
    assert Event.objects.filter(verb="alert.acknowledged").count() == 1
    assert alert.state == AlertState.FIRING


def test_a_removed_rule_cannot_be_changed(churn: Endpoint, people: People) -> None:
    rule = create_rule(actor=by(people.owner), scope=churn, settings=said())
    remove_rule(actor=by(people.owner), rule=AlertRule.objects.get())
    with pytest.raises(Conflict):
        update_rule(actor=by(people.owner), rule=rule, settings=said())


# Channels


def test_a_webhook_gets_a_secret_and_events_know_no_address(
    workspace: Workspace, people: People, adapters: wiring.Adapters
) -> None:
    url = "https://hooks.example.com/T000/secret-part"
    made = create_channel(actor=by(people.owner), workspace=workspace, name="Ops", kind="webhook", target=url)
    assert made.secret.startswith("whsec_")
    assert "secret-part" not in str(list(Event.objects.values()))
    stored = NotificationChannel.objects.extra(select={"raw": "target"}).values_list("raw", flat=True)[0]
    assert "secret-part" not in stored


@pytest.mark.parametrize(
    ("kind", "target", "wrong"),
    [
        ("pigeon", "x", "kind"),
        (ChannelKind.EMAIL, "nobody", "target"),
        (ChannelKind.WEBHOOK, "", "target"),
        (ChannelKind.WEBHOOK, "h" * 2001, "target"),
    ],
)
def test_a_bad_channel(
    workspace: Workspace, people: People, adapters: wiring.Adapters, kind: str, target: str, wrong: str
) -> None:
    with pytest.raises(Invalid) as caught:
        create_channel(actor=by(people.owner), workspace=workspace, name="Ops", kind=kind, target=target)
    assert set(caught.value.fields) == {wrong}
    assert not NotificationChannel.objects.exists()


def test_what_can_never_be_delivered_is_refused_at_once(
    workspace: Workspace, people: People, adapters: wiring.Adapters
) -> None:
    assert isinstance(adapters.notifier, FakeNotifier)
    adapters.notifier.failure = Undelivered("It leads inside.", final=True)
    with pytest.raises(Invalid, match="leads inside"):
        create_channel(
            actor=by(people.owner), workspace=workspace, name="Ops", kind="webhook", target="http://10.0.0.1/"
        )


def test_a_test_is_sent_at_once_and_tells_what_went_wrong(
    workspace: Workspace, people: People, adapters: wiring.Adapters
) -> None:
    assert isinstance(adapters.notifier, FakeNotifier)
    channel = NotificationChannelFactory(workspace=workspace)
    send_test(actor=by(people.owner), channel=channel)
    assert adapters.notifier.sent[0][1].kind == "test"
    adapters.notifier.failure = Undelivered("It answers 500.")
    with pytest.raises(Unavailable, match="answers 500"):
        send_test(actor=by(people.owner), channel=channel)
