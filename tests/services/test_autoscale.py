"""Autoscale settings: who may put them, against which version, and what they leave to people."""

import copy
from typing import Any

import pytest

from endpoints.domain.actor import SYSTEM, Actor
from endpoints.domain.errors import Conflict, Forbidden, Invalid, NotFound, StaleVersion
from endpoints.models import AutoscaleSetting, Deployment, Event
from endpoints.services.autoscale import remove_autoscale, set_autoscale, switch_autoscale
from endpoints.services.deployments import delete_deployment, update_deployment
from tests.people import People
from tests.world import World

DOCUMENT: dict[str, Any] = {
    "profiles": [
        {
            "name": "usual",
            "capacity": {"minimum": 2, "maximum": 5, "default": 2},
            "rules": [
                {
                    "metricTrigger": {
                        "metricName": "InFlight",
                        "timeWindow": "PT1M",
                        "operator": "GreaterThan",
                        "threshold": 5,
                        "dividePerInstance": True,
                    },
                    "scaleAction": {"direction": "Increase", "value": 2, "cooldown": "PT3M"},
                },
            ],
        }
    ]
}


@pytest.fixture
def blue(world: World) -> Deployment:
    return world.deployment(world.endpoint(), "blue", instance_count=2)


def put(blue: Deployment, actor: Actor = SYSTEM, **more: Any) -> AutoscaleSetting:
    return set_autoscale(actor=actor, deployment=blue, document=more.pop("document", DOCUMENT), **more)


def test_a_setting_is_kept_whole_and_stands_in_the_history(blue: Deployment, people: People) -> None:
    row = put(blue, Actor(user=people.contributor), reason="busy season")
    assert (row.version, row.enabled, row.updated_by) == (1, True, people.contributor)
    assert row.setting["profiles"][0]["rules"][0]["metricTrigger"]["timeGrain"] == "PT1M"
    event = Event.objects.get(verb="autoscale.updated")
    assert (event.before, event.after, event.reason) == (None, row.setting, "busy season")
    assert event.deployment_name == "blue"


def test_who_comes_second_is_told(blue: Deployment) -> None:
    put(blue, expected_version=0)
    with pytest.raises(StaleVersion, match="version 1"):
        put(blue, expected_version=0)
    assert put(blue, expected_version=1).version == 2
    with pytest.raises(StaleVersion):
        remove_autoscale(actor=SYSTEM, deployment=blue, expected_version=1)


def test_what_is_wrong_changes_nothing(blue: Deployment) -> None:
    put(blue)
    document = copy.deepcopy(DOCUMENT)
    document["profiles"][0]["capacity"]["minimum"] = 0
    with pytest.raises(Invalid) as caught:
        put(blue, document=document)
    assert list(caught.value.fields) == ["profiles[0].capacity.minimum"]
    assert AutoscaleSetting.objects.get().version == 1
    assert Event.objects.filter(verb="autoscale.updated").count() == 1


def test_only_writers_may(blue: Deployment, people: People) -> None:
    put(blue)
    for user in (people.reader, people.stranger):
        with pytest.raises(Forbidden):
            put(blue, Actor(user=user))
        with pytest.raises(Forbidden):
            remove_autoscale(actor=Actor(user=user), deployment=blue)
        with pytest.raises(Forbidden):
            switch_autoscale(actor=Actor(user=user), deployment=blue, enabled=False)
    assert AutoscaleSetting.objects.get().version == 1


def test_switched_off_its_rules_stay(blue: Deployment) -> None:
    before = put(blue)
    off = switch_autoscale(actor=SYSTEM, deployment=blue, enabled=False)
    assert (off.enabled, off.setting) == (False, {**before.setting, "enabled": False})
    assert switch_autoscale(actor=SYSTEM, deployment=blue, enabled=True).setting == before.setting


def test_removed_it_is_gone(blue: Deployment) -> None:
    put(blue)
    remove_autoscale(actor=SYSTEM, deployment=blue)
    assert not AutoscaleSetting.objects.exists()
    assert Event.objects.filter(verb="autoscale.removed").exists()
    with pytest.raises(NotFound, match="no autoscale setting"):
        remove_autoscale(actor=SYSTEM, deployment=blue)
    with pytest.raises(NotFound):
        switch_autoscale(actor=SYSTEM, deployment=blue, enabled=True)


def test_what_is_being_deleted_takes_none(blue: Deployment) -> None:
    delete_deployment(actor=SYSTEM, deployment=blue)
    with pytest.raises(Conflict, match="being deleted"):
        put(blue)


def test_a_person_may_set_the_count_within_the_bounds_only(blue: Deployment, people: People) -> None:
    put(blue)
    person = Actor(user=people.contributor)
    for count in (1, 6):
        with pytest.raises(Invalid) as caught:
            update_deployment(actor=person, deployment=blue, instance_count=count)
        assert "between 2 and 5 (profile “usual”)" in caught.value.fields["instance_count"]
    changed, _ = update_deployment(actor=person, deployment=blue, instance_count=4)
    assert changed.instance_count == 4


def test_off_or_unchanged_the_count_is_free(blue: Deployment, people: People) -> None:
    put(blue, document={**DOCUMENT, "profiles": [{"capacity": {"minimum": 4, "maximum": 5, "default": 4}}]})
    person = Actor(user=people.contributor)
    _, operation = update_deployment(actor=person, deployment=blue, instance_count=2, description="as it was")
    assert operation is None
    switch_autoscale(actor=SYSTEM, deployment=blue, enabled=False)
    assert update_deployment(actor=person, deployment=blue, instance_count=1)[0].instance_count == 1
