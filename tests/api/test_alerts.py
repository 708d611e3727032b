"""Alert rules, alerts and channels over the API."""

import uuid
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from endpoints.models import AlertRule, Endpoint, NotificationChannel, Workspace
from tests.api.problems import fields
from tests.factories import AlertFactory, AlertRuleFactory, NotificationChannelFactory

pytestmark = pytest.mark.django_db
RULES, ALERTS = "/api/v1/alert-rules/", "/api/v1/alerts/"
CHANNELS = "/api/v1/workspaces/research/notification-channels/"
BODY: dict[str, Any] = {
    "name": "Errors",
    "endpoint": "prices",
    "signal": "ErrorPercentage",
    "operator": "GreaterThan",
    "threshold": 5,
}


def test_a_rule_from_making_to_removal(owner: APIClient, prices: Endpoint) -> None:
    made = owner.post(RULES, BODY)
    assert made.status_code == 201, made.json()
    rule = made.json()
    assert (rule["scope"], rule["endpoint"], rule["deployment"], rule["state"]) == ("endpoint", "prices", None, "ok")
    url = f"{RULES}{rule['id']}/"
    body = {name: value for name, value in BODY.items() if name != "endpoint"}
    changed = owner.put(url, {**body, "threshold": 9}, HTTP_IF_MATCH=made["ETag"])
    assert (changed.json()["threshold"], changed.json()["version"]) == (9, 2)
    assert owner.put(url, body, HTTP_IF_MATCH=made["ETag"]).status_code == 412
    until = "2999-01-01T00:00:00Z"
    assert fields(owner.post(f"{url}silence/", {"until": until})).keys() == {"until"}
    assert owner.delete(url).status_code == 204
    assert owner.get(url).status_code == 404


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"threshold": "much"}, {"threshold"}),
        ({"signal": "Luck"}, {"signal"}),
        ({"window_seconds": 7}, {"window_seconds"}),
        ({"channels": ["none"]}, {"channels"}),
        ({"recovery": 50}, {"recovery"}),
        ({"fire_after_seconds": -1}, {"fire_after_seconds"}),
        ({"colour": "red"}, {"colour"}),
    ],
)
def test_a_bad_rule(owner: APIClient, prices: Endpoint, body: dict[str, Any], wrong: set[str]) -> None:
    assert fields(owner.post(RULES, {**BODY, **body})).keys() == wrong
    assert not AlertRule.objects.exists()


def test_of_the_workspace_or_a_deployment(owner: APIClient, blue: object) -> None:
    workspace = {name: value for name, value in BODY.items() if name != "endpoint"}
    assert owner.post(RULES, {**workspace, "signal": "CostToday"}).json()["scope"] == "workspace"
    alone = owner.post(RULES, {**workspace, "deployment": "blue", "name": "Two"})
    assert fields(alone).keys() == {"endpoint"}
    made = owner.post(RULES, {**BODY, "deployment": "blue", "name": "Two", "signal": "CpuUtilizationPercentage"})
    assert made.json()["deployment"] == "blue"


def test_readers_look_and_strangers_do_not(
    reader: APIClient, stranger: APIClient, prices: Endpoint, workspace: Workspace
) -> None:
    rule = AlertRuleFactory(workspace=workspace, endpoint=prices)
    alert, channel = AlertFactory(rule=rule), NotificationChannelFactory(workspace=workspace)
    looks = [f"{RULES}{rule.pk}/", f"{ALERTS}{alert.pk}/", CHANNELS, "/api/v1/workspaces/research/notifications/"]
    writes = [
        ("post", RULES, BODY),
        ("delete", f"{RULES}{rule.pk}/", None),
        ("post", f"{RULES}{rule.pk}/silence/", {"until": None}),
        ("post", f"{ALERTS}{alert.pk}/acknowledge/", None),
        ("put", f"{CHANNELS}new/", {"kind": "email", "target": "a@example.org"}),
        ("patch", f"{CHANNELS}{channel.name}/", {"enabled": False}),
        ("delete", f"{CHANNELS}{channel.name}/", None),
        ("post", f"{CHANNELS}{channel.name}/test/", None),
    ]
    for url in looks:
        answer = reader.get(url)
        assert answer.status_code == 200
        assert "hooks.example.com" not in answer.content.decode()
        assert stranger.get(url).status_code == 404
    for method, url, body in writes:
        assert getattr(reader, method)(url, body).status_code == 403, url
        assert getattr(stranger, method)(url, body).status_code == 404, url
    assert [row["id"] for row in stranger.get(ALERTS).json()["value"]] == []
    assert stranger.get(RULES).json()["value"] == []


def test_a_channel(owner: APIClient, prices: Endpoint) -> None:
    made = owner.put(f"{CHANNELS}Ops/", {"kind": "webhook", "target": "https://hooks.example.com/x"})
    assert made.status_code == 201
    assert made.json()["secret"].startswith("whsec_")
    assert "target" not in made.json()
    assert "secret" not in owner.get(CHANNELS).json()["value"][0]
    assert owner.post(f"{CHANNELS}Ops/test/").status_code == 204
    assert owner.patch(f"{CHANNELS}Ops/", {"enabled": False}).json()["enabled"] is False
    assert owner.delete(f"{CHANNELS}Ops/").status_code == 204
    assert not NotificationChannel.objects.exists()
    assert fields(owner.put(f"{CHANNELS}Ops/", {"kind": "email", "target": "nobody"})).keys() == {"target"}


def test_alerts_are_listed_and_acknowledged(owner: APIClient, prices: Endpoint, workspace: Workspace) -> None:
    alert = AlertFactory(rule=AlertRuleFactory(workspace=workspace, endpoint=prices))
    assert [row["id"] for row in owner.get(f"{ALERTS}?open=true&endpoint=prices").json()["value"]] == [str(alert.pk)]
    assert owner.get(f"{ALERTS}?open=false").json()["value"] == []
    assert owner.get(f"{ALERTS}?open=maybe").status_code == 422
    shown = owner.post(f"{ALERTS}{alert.pk}/acknowledge/").json()
    assert shown["acknowledged_by"] == "owner@example.com"
    assert owner.get(f"{ALERTS}{uuid.uuid4()}/").status_code == 404


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(("url", "queries"), [(RULES, 3), (ALERTS, 2), (CHANNELS, 3)])
def test_lists_ask_as_much_for_three_as_for_one(
    reader: APIClient,
    prices: Endpoint,
    rows: int,
    url: str,
    queries: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(rows):
        channel = NotificationChannelFactory(workspace=prices.workspace)
        AlertFactory(
            rule=AlertRuleFactory(workspace=prices.workspace, endpoint=prices, channels=[channel], name=f"R{number}")
        )
    reader.get("/api/v1/me/")
    with django_assert_num_queries(queries):
        assert len(reader.get(url).json()["value"]) == rows
