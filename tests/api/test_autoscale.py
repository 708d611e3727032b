"""Autoscale over the API: Azure's document in, its state out."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from endpoints.domain.rollups import Gauge, SampleValues, aligned
from endpoints.models import Deployment, Event
from tests.api.problems import fields, problem
from tests.factories import AutoscaleSettingFactory, SampleFactory, ScaleDecisionFactory

pytestmark = pytest.mark.django_db
URL = "/api/v1/endpoints/prices/deployments/blue/autoscale/"
DECISIONS = "/api/v1/endpoints/prices/deployments/blue/scale-decisions/"


def document(**capacity: Any) -> dict[str, Any]:
    trigger = {"metric_name": "InFlight", "time_window": "PT1M", "operator": "GreaterThan", "threshold": 5}
    rule = {"metric_trigger": trigger, "scale_action": {"direction": "Increase", "value": 2}}
    return {"profiles": [{"capacity": {"minimum": 1, "maximum": 5, "default": 1, **capacity}, "rules": [rule]}]}


def test_put_shown_replaced_and_removed(owner: APIClient, blue: Deployment) -> None:
    assert "number of instances is 1" in problem(owner.get(URL), 404)["detail"]
    made = owner.put(URL, document())
    assert (made.status_code, made["ETag"]) == (200, '"1"')
    shown = owner.get(URL).json()
    assert shown == {**made.json(), "status": shown["status"]}
    trigger = shown["profiles"][0]["rules"][0]["metricTrigger"]
    assert (trigger["metricName"], trigger["timeGrain"], trigger["metricResource"]) == (
        "InFlight",
        "PT1M",
        "deployment",
    )
    assert owner.put(URL, document(maximum=6), headers={"If-Match": '"1"'})["ETag"] == '"2"'
    problem(owner.put(URL, document(), headers={"If-Match": '"1"'}), 412, "precondition_failed")
    problem(owner.delete(URL, headers={"If-Match": '"1"'}), 412, "precondition_failed")
    assert owner.delete(URL, headers={"If-Match": '"2"'}).status_code == 204
    problem(owner.get(URL), 404)
    assert Event.objects.get(verb="autoscale.removed").source == "api"


def test_what_is_shown_can_be_put_again_without_what_is_read_only(owner: APIClient, blue: Deployment) -> None:
    shown = owner.put(URL, document()).json()
    assert fields(owner.put(URL, shown)).keys() == {"version", "status"}
    setting = {"enabled": shown["enabled"], "profiles": shown["profiles"]}
    assert owner.put(URL, {"properties": setting, "location": "here"}).json()["profiles"] == shown["profiles"]


def test_it_says_what_its_rules_read_and_what_it_would_do(owner: APIClient, blue: Deployment) -> None:
    owner.put(URL, document())
    status = owner.get(URL).json()["status"]
    assert (status["outcome"], status["target"], status["rules"][0]["seen"]) == ("steady", 1, "cannot be read")
    start = aligned(timezone.now(), 10).timestamp()
    for back in range(7):
        values = SampleValues(covered_ms=10_000, active=Gauge.of(9))
        at = datetime.fromtimestamp(start - 10 * back, tz=UTC)
        SampleFactory(deployment=blue, at=at, values=values)
    status = owner.get(URL).json()["status"]
    assert (status["outcome"], status["target"]) == ("scaled", 3)
    assert status["reason"] == "1 -> 3: in flight 9 over 5 for 60 s"
    assert status["rules"] == [
        {
            "condition": "in flight over 5 for 60 s",
            "action": "add 2",
            "direction": "Increase",
            "metric": "InFlight",
            "value": 9.0,
            "seen": "9",
            "threshold": 5.0,
            "fires": True,
        }
    ]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "profiles"),
        ([], ""),
        (document(minimum=0), "profiles[0].capacity.minimum"),
        (document(default=9), "profiles[0].capacity.default"),
        ({**document(), "colour": "red"}, "colour"),
    ],
)
def test_what_is_wrong_is_told_at_its_field_and_changes_nothing(
    owner: APIClient, blue: Deployment, body: Any, field: str
) -> None:
    owner.put(URL, document())
    assert list(fields(owner.put(URL, body))) == [field]
    assert owner.get(URL).json()["version"] == 1


def test_a_count_outside_of_the_bounds_is_refused_at_its_field(owner: APIClient, blue: Deployment) -> None:
    AutoscaleSettingFactory(deployment=blue)
    answer = owner.patch("/api/v1/endpoints/prices/deployments/blue/", {"instance_count": 6})
    assert "between 1 and 5" in fields(answer)["instance_count"]


def test_decisions_come_newest_first_and_by_outcome(owner: APIClient, blue: Deployment) -> None:
    read = {"rule": "x", "direction": "Increase", "metric": "InFlight", "value": 9.1, "threshold": 5, "fires": True}
    ScaleDecisionFactory(deployment=blue, inputs=[read])
    ScaleDecisionFactory(deployment=blue, outcome="cooldown", to_count=2, reason="waits", repeats=3)
    ScaleDecisionFactory()
    found = owner.get(DECISIONS).json()["value"]
    assert [(item["outcome"], item["from_count"], item["to_count"]) for item in found] == [
        ("cooldown", 2, 2),
        ("scaled", 2, 4),
    ]
    assert found[1]["inputs"] == [read | {"threshold": 5.0}]
    assert [item["repeats"] for item in owner.get(f"{DECISIONS}?outcome=cooldown").json()["value"]] == [3]
    assert owner.get(f"{DECISIONS}?limit=1").json()["nextLink"]
    assert fields(owner.get(f"{DECISIONS}?outcome=tea")).keys() == {"outcome"}


@pytest.mark.parametrize("number", [1, 3])
def test_decisions_take_the_same_queries_however_many(
    owner: APIClient, blue: Deployment, number: int, django_assert_num_queries: Any
) -> None:
    for _ in range(number):
        ScaleDecisionFactory(deployment=blue)
    owner.get(DECISIONS)
    with django_assert_num_queries(7):
        owner.get(DECISIONS)


def test_a_reader_may_look_only(reader: APIClient, stranger: APIClient, blue: Deployment) -> None:
    AutoscaleSettingFactory(deployment=blue)
    assert reader.get(URL).status_code == 200
    problem(reader.put(URL, document()), 403)
    problem(reader.delete(URL), 403)
    for method in ("get", "put", "delete"):
        problem(getattr(stranger, method)(URL), 404)
    problem(stranger.get(DECISIONS), 404)
