"""Autoscale settings as Azure writes them, and every way in which they can be wrong."""

import copy
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from endpoints.domain.errors import Invalid
from endpoints.domain.scaling_rules import Aggregation, Capacity, Direction, Operator, Scope, Statistic
from endpoints.domain.scaling_schema import Place, parse, snake_case, to_json

BLUE = Place(endpoint="churn", deployment="blue")
RESOURCE = (
    "/subscriptions/1/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/churn"
)
AZURE: dict[str, Any] = {
    "location": "westeurope",
    "name": "autoscale-churn-blue",
    "properties": {
        "enabled": True,
        "targetResourceUri": f"{RESOURCE}/deployments/blue",
        "notifications": [],
        "profiles": [
            {
                "name": "default",
                "capacity": {"minimum": "2", "maximum": "5", "default": "2"},
                "rules": [
                    {
                        "metricTrigger": {
                            "metricName": "CpuUtilizationPercentage",
                            "metricNamespace": "",
                            "metricResourceUri": f"{RESOURCE}/deployments/blue",
                            "timeGrain": "PT1M",
                            "statistic": "Average",
                            "timeWindow": "PT5M",
                            "timeAggregation": "Average",
                            "operator": "GreaterThan",
                            "threshold": 70,
                            "dividePerInstance": False,
                            "dimensions": [],
                        },
                        "scaleAction": {
                            "direction": "Increase",
                            "type": "ChangeCount",
                            "value": "2",
                            "cooldown": "PT1H",
                        },
                    },
                    {
                        "metricTrigger": {
                            "metricName": "RequestsPerMinute",
                            "metricResourceUri": RESOURCE,
                            "timeGrain": "PT1M",
                            "statistic": "Sum",
                            "timeWindow": "PT10M",
                            "timeAggregation": "Total",
                            "operator": "LessThanOrEqual",
                            "threshold": 10.5,
                            "dividePerInstance": True,
                            "Dimensions": [
                                {"DimensionName": "deployment", "Operator": "NotEquals", "Values": ["green"]},
                                {"DimensionName": "statusCodeClass", "Operator": "Equals", "Values": ["2xx", "5xx"]},
                            ],
                        },
                        "scaleAction": {"direction": "Decrease", "type": "PercentChangeCount", "value": "10"},
                    },
                ],
            },
            {
                "name": "weekend",
                "capacity": {"minimum": 2, "maximum": 2, "default": 2},
                "rules": [],
                "recurrence": {
                    "frequency": "Week",
                    "schedule": {
                        "timeZone": "Pacific Standard Time",
                        "days": ["Saturday", "Sunday"],
                        "hours": [6],
                        "minutes": [0],
                    },
                },
            },
            {
                "name": "sale",
                "capacity": {"minimum": 4, "maximum": 5, "default": 4},
                "fixedDate": {
                    "timeZone": "Europe/Vilnius",
                    "start": "2026-11-27T00:00:00",
                    "end": "2026-11-28T00:00:00",
                },
            },
        ],
    },
}
SMALL: dict[str, Any] = {
    "profiles": [
        {
            "capacity": {"minimum": 1, "maximum": 3, "default": 1},
            "rules": [
                {
                    "metricTrigger": {"metricName": "InFlight", "operator": "GreaterThan", "threshold": 5},
                    "scaleAction": {"direction": "Increase"},
                }
            ],
        }
    ]
}


def wrong(document: Any, place: Place = BLUE) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        parse(document, place)
    return dict(caught.value.fields)


def changed(change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    document = copy.deepcopy(SMALL)
    change(document["profiles"][0])
    return document


def with_trigger(**fields: Any) -> dict[str, Any]:
    return changed(lambda profile: profile["rules"][0]["metricTrigger"].update(fields))


def test_azure_s_document_is_read_as_it_stands() -> None:
    setting = parse(AZURE, BLUE)
    usual, weekend, sale = setting.profiles
    assert usual.capacity == Capacity(minimum=2, maximum=5, default=2)
    cpu, requests = usual.rules
    assert (cpu.trigger.metric, cpu.trigger.scope) == ("CpuUtilizationPercentage", Scope.DEPLOYMENT)
    assert (cpu.action.direction, cpu.action.value) == (Direction.INCREASE, 2)
    assert cpu.action.cooldown == timedelta(hours=1)
    assert requests.trigger.scope == Scope.ENDPOINT
    assert (requests.trigger.statistic, requests.trigger.aggregation) == (Statistic.SUM, Aggregation.TOTAL)
    assert (requests.trigger.operator, requests.trigger.threshold) == (Operator.LESS_THAN_OR_EQUAL, 10.5)
    assert [item.excluded for item in requests.trigger.dimensions] == [True, False]
    assert weekend.recurrence is not None
    assert (weekend.recurrence.days, weekend.recurrence.hours) == (("Saturday", "Sunday"), (6,))
    assert sale.fixed_date is not None
    assert sale.fixed_date.start == datetime(2026, 11, 27)


@pytest.mark.parametrize("document", [AZURE, SMALL])
def test_what_is_written_is_read_again_as_json_and_as_yaml(document: dict[str, Any]) -> None:
    setting = parse(document, BLUE)
    assert parse(json.loads(json.dumps(to_json(setting))), BLUE) == setting
    text = yaml.safe_dump(snake_case(to_json(setting)), sort_keys=False)
    assert "time_window" in text
    assert parse(yaml.safe_load(text), BLUE) == setting


def test_yaml_may_have_read_dates_and_names_are_as_they_were_written() -> None:
    text = """
    profiles:
      - {name: usual, capacity: {minimum: 1, maximum: 2, default: 1}}
      - name: sale
        capacity: {minimum: 1, maximum: 2, default: 1}
        fixed_date: {time_zone: UTC, start: 2026-11-27T00:00:00, end: 2026-11-26T00:00:00}
    """
    assert wrong(yaml.safe_load(text)) == {"profiles[1].fixed_date.end": "After the start."}


@pytest.mark.parametrize(
    ("change", "field", "word"),
    [
        (lambda item: item["capacity"].update(minimum=0), "capacity.minimum", "At least 1"),
        (lambda item: item["capacity"].update(minimum=-1), "capacity.minimum", "from 1 to 50"),
        (lambda item: item["capacity"].update(maximum=51), "capacity.maximum", "from 1 to 50"),
        (lambda item: item["capacity"].update(maximum="many"), "capacity.maximum", "whole number"),
        (lambda item: item["capacity"].update(minimum=3, maximum=2), "capacity.maximum", "minimum of 3"),
        (lambda item: item["capacity"].update(default=9), "capacity.default", "1 to 3"),
        (lambda item: item.pop("capacity"), "capacity", "Missing"),
        (lambda item: item.update(capacity=[1]), "capacity", "object"),
        (lambda item: item.update(rules={"a": 1}), "rules", "list of rules"),
        (lambda item: item.update(rules=[1]), "rules[0]", "object"),
        (lambda item: item.update(rules=item["rules"] * 11), "rules", "10 rules; there are 11"),
        (lambda item: item.update(colour="red"), "colour", "There are: name, capacity"),
        (lambda item: item.update(name=7), "name", "text"),
        (
            lambda item: item.update(recurrence={"frequency": "Day", "schedule": {"days": ["Monday"]}}),
            "recurrence.frequency",
            "Week",
        ),
        (lambda item: item.update(name="x", recurrence={"schedule": {}}), "recurrence.schedule.days", "1 to 7 days"),
        (
            lambda item: item.update(name="x", recurrence={"schedule": {"days": ["Montag"]}}),
            "recurrence.schedule.days[0]",
            "Monday",
        ),
        (
            lambda item: item.update(name="x", recurrence={"schedule": {"days": ["Monday"], "hours": [24]}}),
            "recurrence.schedule.hours[0]",
            "0 to 23",
        ),
        (
            lambda item: item.update(name="x", recurrence={"schedule": {"days": ["Monday"], "timeZone": "Mars"}}),
            "recurrence.schedule.timeZone",
            "no time zone",
        ),
        (
            lambda item: item.update(
                name="x", fixedDate={"start": "2026-01-01T00:00:00", "end": "2027-01-01T00:00:01"}
            ),
            "fixedDate.end",
            "365 days",
        ),
        (
            lambda item: item.update(name="x", fixedDate={"start": "tomorrow", "end": "2027-01-01T00:00:01"}),
            "fixedDate.start",
            "date and time",
        ),
        (
            lambda item: item.update(
                name="x", fixedDate={"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00"}
            ),
            "fixedDate.start",
            "without an offset",
        ),
        (lambda item: item["rules"][0].pop("scaleAction"), "rules[0].scaleAction", "Missing"),
        (lambda item: item["rules"][0]["scaleAction"].update(direction="Up"), "rules[0].scaleAction.direction", "Incr"),
        (
            lambda item: item["rules"][0]["scaleAction"].update(type="ServiceAllowedNextValue"),
            "rules[0].scaleAction.type",
            "ExactCount",
        ),
        (lambda item: item["rules"][0]["scaleAction"].update(value=0), "rules[0].scaleAction.value", "from 1 to 50"),
        (
            lambda item: item["rules"][0]["scaleAction"].update(cooldown="5m"),
            "rules[0].scaleAction.cooldown",
            "no duration",
        ),
        (
            lambda item: item["rules"][0]["scaleAction"].update(cooldown="P8D"),
            "rules[0].scaleAction.cooldown",
            "to 7 d",
        ),
    ],
)
def test_what_is_wrong_in_a_profile_is_told_at_its_field(
    change: Callable[[dict[str, Any]], None], field: str, word: str
) -> None:
    problems = wrong(changed(change))
    assert word in problems[f"profiles[0].{field}"]


@pytest.mark.parametrize(
    ("fields", "field", "word"),
    [
        ({"metricName": "Tea"}, "metricName", "There are: CpuUtilizationPercentage"),
        ({"metricName": "ConnectionsActive"}, "metricName", "InFlight"),
        ({"metricName": "DeploymentCapacity"}, "metricName", "follow itself"),
        ({"metricName": "CpuUtilizationPercentage", "metricResource": "endpoint"}, "metricName", "of the deployment"),
        ({"metricResource": "cluster"}, "metricResource", "deployment, endpoint"),
        ({"metricResourceUri": f"{RESOURCE}/deployments/green"}, "metricResourceUri", "another resource"),
        ({"metricResourceUri": "/queues/q"}, "metricResourceUri", "onlineEndpoints"),
        ({"operator": "About"}, "operator", "GreaterThanOrEqual"),
        ({"threshold": "high"}, "threshold", "number"),
        ({"threshold": True}, "threshold", "number"),
        ({"threshold": float("nan")}, "threshold", "number"),
        ({"threshold": None}, "threshold", "number"),
        ({"timeWindow": "PT13H"}, "timeWindow", "to 12 h"),
        ({"timeWindow": "PT5S"}, "timeWindow", "From 10 s"),
        ({"timeWindow": "PT65S"}, "timeWindow", "multiple of 10 s"),
        ({"timeWindow": "PT30S"}, "timeWindow", "timeGrain: PT1M"),
        ({"timeGrain": "often"}, "timeGrain", "no duration"),
        ({"time_grain": "PT1M", "timeGrain": "PT1M"}, "timeGrain", "twice"),
        ({"statistic": "Median"}, "statistic", "Average, Min"),
        ({"statistic": "Sum"}, "statistic", "mean nothing"),
        ({"timeAggregation": "Total"}, "timeAggregation", "mean nothing"),
        ({"metricName": "RequestLatency_P95", "dividePerInstance": True}, "dividePerInstance", "average"),
        ({"dividePerInstance": "perhaps"}, "dividePerInstance", "true or false"),
        ({"dimensions": [{"dimensionName": "colour", "values": ["red"]}]}, "dimensions[0].dimensionName", "kept by"),
        ({"dimensions": [{"dimensionName": "deployment", "values": ["blue"]}]}, "dimensions", "metricResource"),
        ({"dimensions": [{"dimensionName": "statusCodeClass", "values": ["2xx"]}]}, "dimensions", "alone"),
        ({"dimensions": [{"dimensionName": "deployment"}]}, "dimensions[0].values", "1 to 20"),
        (
            {
                "metricName": "RequestsPerMinute",
                "dimensions": [{"dimensionName": "statusCodeClass", "values": ["200"]}],
            },
            "dimensions[0].values",
            "2xx",
        ),
    ],
)
def test_what_is_wrong_in_a_trigger_is_told_at_its_field(fields: dict[str, Any], field: str, word: str) -> None:
    problems = wrong(with_trigger(**fields))
    assert word in problems[f"profiles[0].rules[0].metricTrigger.{field}"]


@pytest.mark.parametrize(
    ("document", "field", "word"),
    [
        ({}, "profiles", "1 to 20 profiles; there are 0"),
        ([], "", "object"),
        ("profiles", "", "object"),
        (None, "", "object"),
        ({"profiles": SMALL["profiles"] * 2}, "profiles", "called “default”"),
        ({"profiles": [SMALL["profiles"][0], SMALL["profiles"][0] | {"name": "x"}]}, "profiles", "without a schedule"),
        ({"profiles": SMALL["profiles"] * 21}, "profiles", "20 profiles; there are 21"),
        ({"profiles": [AZURE["properties"]["profiles"][2]]}, "profiles", "without a schedule is needed"),
        (SMALL | {"notifications": [{"operation": "Scale"}]}, "notifications", "Nobody is notified"),
        (SMALL | {"predictiveAutoscalePolicy": {"scaleMode": "Enabled"}}, "predictiveAutoscalePolicy", "not predicted"),
        (SMALL | {"version": 3}, "version", "read only"),
        (SMALL | {"enabled": 3}, "enabled", "true or false"),
        (SMALL | {"targetResourceUri": f"{RESOURCE}/deployments/green"}, "targetResourceUri", "churn/blue"),
    ],
)
def test_what_is_wrong_with_the_whole_is_told_at_its_field(document: Any, field: str, word: str) -> None:
    assert word in wrong(document)[field]


def test_everything_that_is_wrong_is_told_at_once() -> None:
    document = with_trigger(operator="About", threshold="high")
    document["enabled"] = "maybe"
    assert len(wrong(document)) == 3


def test_only_who_can_be_woken_may_have_a_minimum_of_zero() -> None:
    document = changed(lambda item: item["capacity"].update(minimum=0, default=0))
    assert parse(document, Place(lowest=0)).profiles[0].capacity.minimum == 0


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                "profiles capacity rules metricTrigger scaleAction recurrence schedule days fixedDate".split()
            )
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(anything)
def test_anything_is_read_or_refused(document: Any) -> None:
    try:
        parse(document, BLUE)
    except Invalid as error:
        assert all(error.fields.values())
