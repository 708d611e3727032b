"""Autoscale's loop over samples as the collector writes them, while the clock is moved."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from endpoints.domain.actor import SYSTEM
from endpoints.domain.packing import columns
from endpoints.domain.rollups import Gauge, SampleValues
from endpoints.enums import SleepState
from endpoints.models import (
    AutoscaleSetting,
    Deployment,
    Endpoint,
    Event,
    ModelVersion,
    Operation,
    ScaleDecision,
)
from endpoints.reconcile import rolling
from endpoints.reconcile.autoscaling import autoscale
from endpoints.selectors.autoscale import readings
from endpoints.services.autoscale import set_autoscale, switch_autoscale
from endpoints.services.deployments import update_deployment
from endpoints.services.quota import set_quota
from endpoints.services.sleeping import put_to_sleep
from tests.factories import DeploymentFactory
from tests.world import World

START = datetime(2026, 11, 23, 9, 0, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture
def prices(world: World, clock: object) -> Endpoint:
    return world.endpoint()


@pytest.fixture
def blue(world: World, prices: Endpoint) -> Deployment:
    return world.deployment(prices, "blue", instance_count=2)


def one_rule(direction: str, operator: str, threshold: float, **more: Any) -> dict[str, Any]:
    action = {name: more.pop(name) for name in ("value", "cooldown", "type") if name in more}
    return {
        "metricTrigger": {
            "metricName": "InFlight",
            "timeGrain": "PT1M",
            "timeWindow": "PT1M",
            "operator": operator,
            "threshold": threshold,
            "dividePerInstance": more.get("metricName", "InFlight") == "InFlight",
            **more,
        },
        "scaleAction": {"direction": direction, "cooldown": "PT3M", **action},
    }


OUT, IN = one_rule("Increase", "GreaterThan", 5, value=2), one_rule("Decrease", "LessThan", 2, cooldown="PT5M")


def put(deployment: Deployment, *rules: dict[str, Any], low: int = 1, high: int = 5, default: int = 1) -> None:
    capacity = {"minimum": low, "maximum": high, "default": default}
    document = {"profiles": [{"name": "usual", "capacity": capacity, "rules": list(rules or (OUT, IN))}]}
    set_autoscale(actor=SYSTEM, deployment=deployment, document=document)


def measure(deployment: Deployment, in_flight: int, *, seconds: int = 60, until: datetime | None = None) -> None:
    """Samples of ten seconds up to now."""
    end = until or datetime.now(UTC)
    values = SampleValues(covered_ms=10_000, counts={"2xx": 10}, active=Gauge.of(in_flight))
    rows = [
        {"deployment_id": deployment.pk, "resolution": 10, "at": end - timedelta(seconds=back), **columns(values)}
        for back in range(10, seconds + 10, 10)
    ]
    rolling.put(rows)


def count(deployment: Deployment) -> int:
    deployment.refresh_from_db()
    return deployment.instance_count


def decisions() -> list[tuple[str, int, int, int]]:
    rows = ScaleDecision.objects.order_by("pk")
    return [(row.outcome, row.from_count, row.to_count, row.repeats) for row in rows]


def test_a_decision_that_passes_the_quota_is_refused_with_the_sum(world: World, blue: Deployment) -> None:
    put(blue, high=4)
    set_quota(actor=SYSTEM, workspace=world.workspace, limits={"vcpu": 5})
    measure(blue, 18)
    DeploymentFactory(endpoint=blue.endpoint, instance_type=blue.instance_type)
    autoscale()
    assert count(blue) == 2
    refused = ScaleDecision.objects.get()
    assert (refused.outcome, refused.wanted) == ("refused", 4)
    assert "4 asked for and 1 of reserve make 5; 2 of 5 are in use, 3 are left" in refused.reason


def test_a_busy_deployment_is_scaled_as_a_person_would(world: World, blue: Deployment) -> None:
    put(blue)
    measure(blue, 18)
    autoscale()
    assert count(blue) == 4
    made = ScaleDecision.objects.get()
    assert made.reason == "2 -> 4: in flight 9 per instance over 5 for 60 s"
    assert (made.outcome, made.profile, made.wanted, made.at) == ("scaled", "usual", 4, START)
    assert [(item["rule"], item["value"], item["fires"]) for item in made.inputs] == [
        ("in flight per instance over 5 for 60 s", 9, True),
        ("in flight per instance under 2 for 60 s", 9, False),
    ]
    assert made.operation is not None
    assert (made.operation.kind, made.operation.source, made.operation.created_by) == ("scale", "system", None)
    event = Event.objects.get(verb="deployment.scaled")
    assert (event.actor_name, event.before, event.after) == ("system", {"instance_count": 2}, {"instance_count": 4})
    assert event.reason == f"Autoscale: {made.reason}"
    assert AutoscaleSetting.objects.get().evaluated_at == START
    world.settle()
    assert blue.replicas.filter(routed=True).count() == 4


def test_its_cooldown_holds_back_both_directions(world: World, blue: Deployment, clock: Any) -> None:
    put(blue)
    measure(blue, 18)
    autoscale()
    world.settle()
    for seconds, in_flight in ((60, 40), (120, 1), (179, 1)):
        clock.move_to(START + timedelta(seconds=seconds))
        measure(blue, in_flight)
        autoscale()
        assert count(blue) == 4
    assert decisions() == [("scaled", 2, 4, 1), ("cooldown", 4, 4, 1), ("cooldown", 4, 4, 2)]
    assert "waits until 09:03:00 UTC" in ScaleDecision.objects.latest("pk").reason
    clock.move_to(START + timedelta(seconds=190))
    measure(blue, 1)
    autoscale()
    assert count(blue) == 3
    world.settle()
    clock.move_to(START + timedelta(seconds=300))
    measure(blue, 40)
    autoscale()  # the cooldown of the scale-in, now
    assert (count(blue), ScaleDecision.objects.latest("pk").outcome) == (3, "cooldown")


def test_a_load_that_flaps_does_not_make_it_flap(world: World, blue: Deployment, clock: Any) -> None:
    """Up and down every minute, within what four can do and three cannot."""
    out = one_rule("Increase", "GreaterThan", 5, value=2, cooldown="PT0S")
    put(blue, out, one_rule("Decrease", "LessThan", 4.5, cooldown="PT0S"))
    seen = set()
    for minute in range(20):
        clock.move_to(START + timedelta(minutes=minute))
        measure(blue, 19 if minute % 2 else 16)
        autoscale()
        world.settle()
        seen.add(count(blue))
    assert seen == {4}
    assert decisions()[0] == ("scaled", 2, 4, 1)
    assert [row[0] for row in decisions()[1:]] == ["flapping"]
    assert "at 3 in flight would be 5.33 per instance" in ScaleDecision.objects.latest("pk").reason


def test_nothing_wanted_leaves_no_trace(world: World, blue: Deployment) -> None:
    put(blue)
    measure(blue, 6)
    for _ in range(3):
        autoscale()
    assert decisions() == []


def test_what_is_wanted_again_and_again_is_one_row(world: World, blue: Deployment, clock: Any) -> None:
    put(blue, high=2)
    for minute in range(4):
        clock.move_to(START + timedelta(minutes=minute))
        measure(blue, 30 + minute)
        autoscale()
    made = ScaleDecision.objects.get()
    assert (made.outcome, made.repeats, made.at, made.last_at) == ("at_limit", 4, START, START + timedelta(minutes=3))
    assert "16.5 per instance" in made.reason
    clock.move_to(START + timedelta(minutes=14))
    measure(blue, 30)
    autoscale()
    assert decisions() == [("at_limit", 2, 2, 4), ("at_limit", 2, 2, 1)]


def test_what_cannot_be_read_leads_to_the_default(world: World, blue: Deployment) -> None:
    put(blue, default=3)
    autoscale()
    assert count(blue) == 3
    assert ScaleDecision.objects.get().reason == "2 -> 3, the default: in flight cannot be read"
    assert ScaleDecision.objects.get().inputs[0]["value"] is None


def test_a_deployment_that_is_busy_or_failed_is_left_alone(world: World, blue: Deployment) -> None:
    put(blue)
    measure(blue, 18)
    update_deployment(actor=SYSTEM, deployment=blue, instance_count=1)
    measure(blue, 18)
    autoscale()
    made = ScaleDecision.objects.get()
    assert (made.outcome, made.from_count, made.to_count) == ("busy", 1, 1)
    assert made.reason.endswith("not done: the deployment is Scaling")
    Deployment.objects.update(state="Failed")
    Operation.objects.all().delete()
    autoscale()
    assert (count(blue), blue.generation) == (1, 1)


def test_a_refusal_is_told_and_others_have_their_turn(world: World, prices: Endpoint, blue: Deployment) -> None:
    green = world.deployment(prices, "green", instance_count=2)
    for deployment in (blue, green):
        put(deployment)
        measure(deployment, 18)
    ModelVersion.objects.filter(deployments=blue).update(archived_at=START)
    autoscale()
    assert (count(blue), count(green)) == (2, 4)
    refused = ScaleDecision.objects.get(deployment=blue)
    assert refused.outcome == "refused"
    assert "archived" in refused.reason


def test_bounds_of_a_schedule_begin_by_themselves(world: World, blue: Deployment, clock: Any) -> None:
    capacity = {"minimum": 2, "maximum": 2, "default": 2}
    more = {"minimum": 4, "maximum": 5, "default": 4}
    begin = {"schedule": {"timeZone": "Europe/Vilnius", "days": ["Monday"], "hours": [12]}}
    document = {"profiles": [{"capacity": capacity}, {"name": "lunch", "capacity": more, "recurrence": begin}]}
    evening = {"schedule": {"timeZone": "Europe/Vilnius", "days": ["Sunday"], "hours": [20]}}
    document["profiles"].append({"name": "rest", "capacity": capacity, "recurrence": evening})
    set_autoscale(actor=SYSTEM, deployment=blue, document=document)
    autoscale()
    assert count(blue) == 2
    clock.move_to(START + timedelta(hours=1))
    autoscale()
    assert count(blue) == 4
    assert ScaleDecision.objects.get().reason == "2 -> 4: the profile “lunch” has at least 4"


def test_off_asleep_or_deleted_nothing_is_looked_at(world: World, blue: Deployment) -> None:
    put(blue)
    measure(blue, 18)
    switch_autoscale(actor=SYSTEM, deployment=blue, enabled=False)
    autoscale()
    switch_autoscale(actor=SYSTEM, deployment=blue, enabled=True)
    Deployment.objects.update(sleep=SleepState.ASLEEP)
    autoscale()
    Deployment.objects.update(sleep=SleepState.AWAKE, deleted_at=START)
    autoscale()
    assert (count(blue), decisions()) == (2, [])


def test_a_setting_that_changed_meanwhile_decides_nothing(
    world: World, blue: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(blue)
    measure(blue, 18)

    def changed(**given: Any) -> Any:
        put(blue, high=2)
        return update_deployment(**given)

    monkeypatch.setattr("endpoints.reconcile.autoscaling.update_deployment", changed)
    autoscale()
    assert (count(blue), decisions()) == (2, [])


@pytest.mark.parametrize("number", [1, 3])
def test_a_look_takes_the_same_queries_however_many_there_are(
    world: World, prices: Endpoint, number: int, django_assert_num_queries: Any
) -> None:
    whole = one_rule("Increase", "GreaterThan", 10**6, metricName="RequestsPerMinute", metricResource="endpoint")
    long = one_rule("Increase", "GreaterThan", 10**6, metricName="RequestsPerMinute", timeWindow="PT30M")
    for name in ("one", "two", "six")[:number]:
        deployment = world.deployment(prices, name, instance_count=2)
        put(deployment, OUT, whole, long, default=2)
        measure(deployment, 6)
    autoscale()
    with django_assert_num_queries(7):
        autoscale()


@pytest.mark.parametrize("done", ["counted", "asleep"])
def test_what_a_person_did_during_the_look_is_not_undone(
    world: World, blue: Deployment, monkeypatch: pytest.MonkeyPatch, done: str
) -> None:
    """Between the look at the rows and the change: decided for two, it does not fit any more."""
    put(blue)
    measure(blue, 18)

    def read_late(*args: Any, **options: Any) -> Any:
        if done == "counted":
            update_deployment(actor=SYSTEM, deployment=blue, instance_count=3)
            world.settle()
        else:
            put_to_sleep(actor=SYSTEM, deployment=blue)
        return readings(*args, **options)

    monkeypatch.setattr("endpoints.reconcile.autoscaling.readings", read_late)
    autoscale()
    assert count(blue) == (3 if done == "counted" else 2)
    assert blue.sleep == (SleepState.AWAKE if done == "counted" else SleepState.ASLEEP)
    assert decisions() == []
    monkeypatch.undo()
    autoscale()
    assert decisions() == ([("scaled", 3, 5, 1)] if done == "counted" else [])
