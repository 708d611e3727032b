"""Autoscale beside people: what one of them does, the other does not undo unread."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import time_machine

from endpoints.domain.actor import SYSTEM, Actor
from endpoints.domain.errors import Conflict, StaleVersion
from endpoints.domain.packing import columns
from endpoints.domain.rollups import Gauge, SampleValues
from endpoints.models import AutoscaleSetting, Deployment, Event, Operation, Sample, ScaleDecision
from endpoints.reconcile.autoscaling import autoscale
from endpoints.services.autoscale import remove_autoscale, set_autoscale
from endpoints.services.deployments import delete_deployment, update_deployment
from endpoints.services.sleeping import put_to_sleep
from tests.races.conftest import Race
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)

START = datetime(2026, 11, 23, 9, 0, 0, tzinfo=UTC)
ROUNDS = 6
RULE = {
    "metricTrigger": {
        "metricName": "InFlight",
        "timeGrain": "PT1M",
        "timeWindow": "PT1M",
        "operator": "GreaterThan",
        "threshold": 5,
    },
    "scaleAction": {"direction": "Increase", "value": 2, "cooldown": "PT1M"},
}
DOCUMENT = {
    "profiles": [{"name": "usual", "capacity": {"minimum": 1, "maximum": 40, "default": 1}, "rules": [RULE]}],
}


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture
def busy(world: World, clock: object) -> Deployment:
    """Two instances, and a load that asks for two more, whatever they are."""
    made = world.deployment(world.endpoint(), instance_count=2)
    set_autoscale(actor=SYSTEM, deployment=made, document=DOCUMENT)
    return made


def measure(deployment: Deployment) -> None:
    values = columns(SampleValues(covered_ms=10_000, counts={"2xx": 10}, active=Gauge.of(40)))
    at = [datetime.now(UTC) - timedelta(seconds=back) for back in range(10, 70, 10)]
    Sample.objects.bulk_create(Sample(deployment=deployment, resolution=10, at=each, **values) for each in at)


def test_a_count_that_a_person_sets_at_the_same_moment(
    world: World, busy: Deployment, race: Race, clock: time_machine.Traveller
) -> None:
    """One of them scales it, from what was there; the other is told, or decides anew at its next look."""
    person = Actor(user=world.people.contributor)
    for number in range(ROUNDS):
        clock.move_to(START + timedelta(minutes=5 * (number + 1)))
        measure(busy)
        busy.refresh_from_db()
        before, decided, mine = busy.instance_count, busy.instance_count + 2, busy.instance_count + 1
        scaled = Event.objects.filter(verb="deployment.scaled")
        seen, made = scaled.count(), ScaleDecision.objects.filter(outcome="scaled").count()
        looked, updated = race(
            autoscale, partial(update_deployment, actor=person, deployment=busy, instance_count=mine)
        )
        assert looked is None
        assert isinstance(updated, tuple | Conflict)
        busy.refresh_from_db()
        by_person = isinstance(updated, tuple)
        assert busy.instance_count == (mine if by_person else decided)
        assert scaled.count() == seen + 1
        latest = scaled.latest("id")
        assert (latest.before, latest.actor_name == "system") == ({"instance_count": before}, not by_person)
        assert ScaleDecision.objects.filter(outcome="scaled").count() == made + (not by_person)
        assert Operation.objects.filter(state="Running").count() == 1
        world.settle()


def test_it_is_put_to_sleep_or_deleted_at_the_same_moment(world: World, busy: Deployment, race: Race) -> None:
    """A decision wakes no sleeper, and stops no deletion."""
    measure(busy)
    looked, slept = race(autoscale, partial(put_to_sleep, actor=SYSTEM, deployment=busy))
    assert looked is None
    busy.refresh_from_db()
    asleep = isinstance(slept, Deployment)
    assert (busy.sleep, busy.instance_count) == (("asleep", 2) if asleep else ("awake", 4))
    assert asleep or isinstance(slept, Conflict)
    world.settle()
    looked, _ = race(autoscale, partial(delete_deployment, actor=SYSTEM, deployment=busy))
    assert looked is None
    busy.refresh_from_db()
    assert busy.state == "Deleting"
    world.settle()


def test_two_people_put_the_first_setting_at_once(world: World, race: Race) -> None:
    endpoint = world.endpoint()
    for number in range(ROUNDS):
        deployment = world.deployment(endpoint, f"blue-{number}", settled=False)
        put = partial(set_autoscale, actor=SYSTEM, deployment=deployment, document=DOCUMENT, expected_version=0)
        outcomes = race(put, put)
        assert sorted(type(each).__name__ for each in outcomes) == ["AutoscaleSetting", "StaleVersion"]
        assert AutoscaleSetting.objects.get(deployment=deployment).version == 1


def test_a_setting_is_removed_while_it_decides(world: World, busy: Deployment, race: Race) -> None:
    """Scaled by the setting that was there, or not at all."""
    measure(busy)
    looked, removed = race(autoscale, partial(remove_autoscale, actor=SYSTEM, deployment=busy))
    assert (looked, removed) == (None, None)
    busy.refresh_from_db()
    made = ScaleDecision.objects.filter(outcome="scaled").count()
    assert (busy.instance_count, made) in ((4, 1), (2, 0))
    with pytest.raises(StaleVersion):
        set_autoscale(actor=SYSTEM, deployment=busy, document=DOCUMENT, expected_version=1)
