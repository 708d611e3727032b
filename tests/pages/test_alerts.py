"""The pages of alerts, rules and channels."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from endpoints.models import Alert, AlertRule, Endpoint, Event, NotificationChannel, User
from tests.factories import AlertFactory, AlertRuleFactory, NotificationChannelFactory

SignedIn = Callable[[str | User], Client]
FORM = {
    "name": "Errors of churn",
    "about": "churn/blue",
    "signal": "ErrorPercentage",
    "operator": "GreaterThan",
    "threshold": "5",
    "recovery": "",
    "window_seconds": "300",
    "fire_after_seconds": "60",
    "resolve_after_seconds": "0",
    "severity": "1",
    "enabled": "on",
}


@pytest.fixture
def rule(churn: Endpoint) -> AlertRule:
    channel = NotificationChannelFactory(workspace=churn.workspace, name="On call")
    made: AlertRule = AlertRuleFactory(
        workspace=churn.workspace, endpoint=churn, name="Errors", channels=[channel], value=12.5
    )
    return made


@pytest.fixture
def alert(rule: AlertRule) -> Alert:
    made: Alert = AlertFactory(rule=rule)
    return made


def urls(alert: Alert) -> dict[str, list[Any]]:
    return {
        "alert_list": [],
        "alert_rules": [],
        "alert_channels": [],
        "alert_detail": [alert.pk],
        "alert_rule": [alert.rule_id],
    }


def writes(alert: Alert) -> dict[str, list[Any]]:
    return {
        "alert_acknowledge": [alert.pk],
        "alert_rule_silence": [alert.rule_id],
        "alert_rule_remove": [alert.rule_id],
        "alert_channel_test": ["On call"],
        "alert_channel_switch": ["On call"],
        "alert_channel_remove": ["On call"],
    }


def test_who_is_not_signed_in_goes_to_the_door(client: Client, alert: Alert) -> None:
    for name, arguments in {**urls(alert), **writes(alert), "alert_rule_create": []}.items():
        assert "/accounts/login/" in client.post(reverse(name, args=arguments))["Location"]


def test_a_stranger_learns_nothing(signed_in: SignedIn, alert: Alert) -> None:
    client = signed_in("stranger")
    for name, arguments in {**urls(alert), **writes(alert), "alert_rule_create": []}.items():
        for answer in (client.get(reverse(name, args=arguments)), client.post(reverse(name, args=arguments))):
            assert answer.status_code in (404, 405)
            assert b"churn" not in answer.content
    assert not Event.objects.exists()


def test_a_reader_sees_and_changes_nothing(signed_in: SignedIn, alert: Alert) -> None:
    client = signed_in("reader")
    for name, arguments in urls(alert).items():
        page = client.get(reverse(name, args=arguments))
        assert page.status_code == 200
        assert b"hooks.example.com" not in page.content
    for name, arguments in writes(alert).items():
        assert client.post(reverse(name, args=arguments), {"hours": "1"}).status_code == 403
    assert client.post(reverse("alert_rule_create"), FORM).status_code == 403
    assert client.post(reverse("alert_rule", args=[alert.rule_id]), {**FORM, "about": "churn"}).status_code == 403
    assert not Event.objects.exists()


def test_a_rule_is_made_and_changed(signed_in: SignedIn, churn: Endpoint) -> None:
    client = signed_in("owner")
    assert "churn/green" in client.get(reverse("alert_rule_create") + "?about=churn").content.decode()
    assert client.post(reverse("alert_rule_create"), FORM).status_code == 303
    made = AlertRule.objects.get()
    assert (made.subject, made.fire_after_seconds, made.severity) == ("churn/blue", 60, "1")
    url = reverse("alert_rule", args=[made.pk])
    assert 'value="5.0"' in client.get(url).content.decode()
    assert client.post(url, {**FORM, "threshold": "7", "version": "1"}).status_code == 303
    stale = client.post(url, {**FORM, "threshold": "8", "version": "1"})
    assert stale.status_code == 422
    assert "changed meanwhile" in stale.content.decode()
    made.refresh_from_db()
    assert made.threshold == 7


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"threshold": "much"}, "Enter a number"),
        ({"threshold": "nan"}, "Enter a number"),
        ({"about": "theirs"}, "Select a valid choice"),
        ({"recovery": "9"}, "at most the threshold"),
        ({"about": "churn", "signal": "CpuUtilizationPercentage"}, "not of the whole endpoint"),
        ({"name": ""}, "This field is required"),
    ],
)
def test_a_bad_rule_is_told_at_its_field(
    signed_in: SignedIn, churn: Endpoint, fields: dict[str, str], told: str
) -> None:
    answer = signed_in("owner").post(reverse("alert_rule_create"), FORM | fields)
    assert answer.status_code == 422
    assert told in answer.content.decode()
    assert not AlertRule.objects.exists()


def test_an_alert_is_acknowledged_and_its_rule_silenced(signed_in: SignedIn, alert: Alert) -> None:
    client = signed_in("owner")
    page = client.get(reverse("alert_detail", args=[alert.pk])).content.decode()
    assert "Firing" in page
    assert "12.5 %" in page
    client.post(reverse("alert_acknowledge", args=[alert.pk]))
    assert "owner@example.com" in client.get(reverse("alert_list")).content.decode()
    client.post(reverse("alert_rule_silence", args=[alert.rule_id]), {"hours": "4", "reason": "deploying"})
    assert "deploying" in client.get(reverse("alert_rule", args=[alert.rule_id])).content.decode()
    client.post(reverse("alert_rule_silence", args=[alert.rule_id]), {"hours": "0"})
    assert AlertRule.objects.get().silenced_until is None


def test_a_channel_shows_its_secret_once(signed_in: SignedIn, churn: Endpoint) -> None:
    client, url = signed_in("owner"), reverse("alert_channels")
    form = {"kind": "webhook", "name": "Ops", "target": "https://hooks.example.com/T0/hush"}
    first = client.post(url, form)
    secret = NotificationChannel.objects.get().secret
    assert secret in first.content.decode()
    again = client.get(url).content.decode()
    assert secret not in again
    assert "hush" not in again
    for name in ("alert_channel_test", "alert_channel_switch", "alert_channel_remove"):
        assert client.post(reverse(name, args=["Ops"])).status_code == 303
    assert not NotificationChannel.objects.exists()


def test_what_is_not_there(signed_in: SignedIn, churn: Endpoint) -> None:
    client = signed_in("owner")
    assert "No alert rules yet" in client.get(reverse("alert_list")).content.decode()
    assert "No alert rules yet" in client.get(reverse("alert_rules")).content.decode()
    assert client.get(reverse("alert_detail", args=[uuid.uuid4()])).status_code == 404
    assert client.get(reverse("alert_rule", args=[999])).status_code == 404
    assert client.post(reverse("alert_channel_test", args=["none"])).status_code == 404
    assert client.get(reverse("alert_list") + "?before=yesterday").status_code == 200


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(("name", "queries"), [("alert_list", 14), ("alert_rules", 13)])
def test_lists_ask_as_much_for_three_as_for_one(
    signed_in: SignedIn,
    churn: Endpoint,
    rows: int,
    name: str,
    queries: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    channel = NotificationChannelFactory(workspace=churn.workspace)
    for number in range(rows):
        AlertFactory(
            rule=AlertRuleFactory(workspace=churn.workspace, endpoint=churn, channels=[channel], name=f"R{number}")
        )
    client = signed_in("reader")
    client.get(reverse(name))
    with django_assert_num_queries(queries):
        assert client.get(reverse(name)).status_code == 200
