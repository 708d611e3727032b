"""Quotas: enforced where capacity is taken, set by IT, asked for by members."""

from decimal import Decimal
from typing import Any

import pytest

from endpoints.domain.actor import SYSTEM
from endpoints.domain.errors import Conflict, Forbidden, Invalid, OutOfQuota, StaleVersion
from endpoints.enums import ProvisioningState, SleepState
from endpoints.models import Deployment, Event, InstanceType, Quota
from endpoints.selectors.quota import account_of, arithmetic, site_account
from endpoints.services import deployments, endpoints, quota, sleeping
from endpoints.services.autoscale import set_autoscale
from tests.factories import DeploymentFactory, EndpointFactory, InstanceTypeFactory, ReplicaFactory, WorkspaceFactory
from tests.people import People
from tests.world import World


def limit(world: World, **limits: Any) -> Quota:
    return quota.set_quota(actor=SYSTEM, workspace=world.workspace, limits=limits)


@pytest.fixture
def four(world: World) -> InstanceType:
    made: InstanceType = InstanceTypeFactory(name="four", vcpu=4, memory_mib=4096)
    return made


def test_ten_times_four_cores_need_48(world: World, four: InstanceType) -> None:
    endpoint = world.endpoint()
    limit(world, vcpu=47)
    with pytest.raises(OutOfQuota) as refused:
        world.deployment(endpoint, instance_type=four, instance_count=10)
    message = refused.value.fields["instance_count"]
    assert "40 asked for and 8 of reserve make 48; 0 of 47 are in use, 47 are left" in message
    assert "ceil(1.2 × 10) × 4 = 48" in message
    assert not Deployment.objects.exists()
    limit(world, vcpu=48)
    world.deployment(endpoint, instance_type=four, instance_count=10)
    assert account_of(world.workspace).used["vcpu"] == 48


def test_the_reserve_is_a_setting(world: World, four: InstanceType) -> None:
    endpoint = world.endpoint()
    limit(world, vcpu=40)
    quota.set_site_limits(actor=SYSTEM, reserve_percent=0)
    world.deployment(endpoint, instance_type=four, instance_count=10)
    assert account_of(world.workspace).used["vcpu"] == 40


def test_an_update_needs_room_for_its_surge(world: World, four: InstanceType) -> None:
    quota.set_site_limits(actor=SYSTEM, reserve_percent=0)
    made = world.deployment(world.endpoint(), instance_type=four, instance_count=4)
    limit(world, vcpu=19)
    with pytest.raises(OutOfQuota, match="While an update runs"):
        deployments.update_deployment(actor=SYSTEM, deployment=made, environment_variables={"A": "1"})
    limit(world, vcpu=20)
    deployments.update_deployment(actor=SYSTEM, deployment=made, environment_variables={"A": "1"})
    assert account_of(world.workspace).used["vcpu"] == 20
    world.settle()
    assert account_of(world.workspace).used["vcpu"] == 16


def test_a_quota_below_what_is_used_stops_nothing_and_refuses_more(world: World, four: InstanceType) -> None:
    quota.set_site_limits(actor=SYSTEM, reserve_percent=0)
    made = world.deployment(world.endpoint(), instance_type=four, instance_count=4)
    limit(world, vcpu=8, memory_mib=1)
    world.settle()
    made.refresh_from_db()
    assert made.state == ProvisioningState.SUCCEEDED
    assert made.replicas.filter(state="Ready").count() == 4
    with pytest.raises(OutOfQuota):
        deployments.update_deployment(actor=SYSTEM, deployment=made, instance_count=5)
    _, operation = deployments.update_deployment(actor=SYSTEM, deployment=made, instance_count=3)
    assert operation is not None


def test_deleting_frees_when_the_replicas_have_stopped(world: World, four: InstanceType) -> None:
    quota.set_site_limits(actor=SYSTEM, reserve_percent=0)
    endpoint = world.endpoint()
    made = world.deployment(endpoint, instance_type=four, instance_count=2)
    limit(world, vcpu=8, deployments=1)
    deployments.delete_deployment(actor=SYSTEM, deployment=made)
    assert account_of(world.workspace).used["vcpu"] == 8
    with pytest.raises(OutOfQuota):
        world.deployment(endpoint, "green", instance_type=four, instance_count=1)
    world.settle()
    assert account_of(world.workspace).used["vcpu"] == 0
    world.deployment(endpoint, "green", instance_type=four, instance_count=1)


def test_a_sleeper_wakes_only_where_there_is_room(world: World, four: InstanceType) -> None:
    quota.set_site_limits(actor=SYSTEM, reserve_percent=0)
    endpoint = world.endpoint()
    made = world.deployment(endpoint, instance_type=four, instance_count=2)
    sleeping.put_to_sleep(actor=SYSTEM, deployment=made)
    world.settle()
    assert account_of(world.workspace).used["vcpu"] == 0
    world.deployment(endpoint, "green", instance_type=four, instance_count=1)
    limit(world, vcpu=8)
    for _ in range(2):
        assert sleeping.wake_for_request(made.pk) is False
    made.refresh_from_db()
    assert made.sleep == SleepState.ASLEEP
    assert "4 of 8 are in use" in made.sleep_reason
    assert Event.objects.filter(verb="deployment.wake_refused").count() == 1
    with pytest.raises(OutOfQuota):
        sleeping.wake(actor=SYSTEM, deployment=made)
    limit(world, vcpu=12)
    assert sleeping.wake_for_request(made.pk) is True
    made.refresh_from_db()
    assert (made.sleep, made.sleep_reason) == (SleepState.WAKING, "")


def test_counts_of_endpoints_and_deployments(world: World) -> None:
    limit(world, endpoints=1, deployments=1)
    endpoint = world.endpoint("one")
    with pytest.raises(OutOfQuota, match="1 of 1 are in use"):
        endpoints.create_endpoint(actor=SYSTEM, workspace=world.workspace, name="two")
    world.deployment(endpoint, "blue", settled=False)
    with pytest.raises(OutOfQuota, match="deployments of workspace"):
        world.deployment(endpoint, "green", settled=False)


def test_the_site_has_azures_counts_until_others_are_set(world: World) -> None:
    found = {row["resource"]: row["limit"] for row in site_account().rows()}
    assert found == {"vcpu": None, "memory_mib": None, "gpu": None, "endpoints": 100, "deployments": 500}
    quota.set_quota(actor=SYSTEM, workspace=None, limits={"endpoints": 0})
    with pytest.raises(OutOfQuota, match="the site"):
        endpoints.create_endpoint(actor=SYSTEM, workspace=world.workspace, name="one")


def test_the_site_counts_every_workspace(world: World, four: InstanceType) -> None:
    elsewhere = DeploymentFactory(
        endpoint=EndpointFactory(workspace=WorkspaceFactory()), instance_type=four, instance_count=5
    )
    quota.set_quota(actor=SYSTEM, workspace=None, limits={"vcpu": 30})
    with pytest.raises(OutOfQuota, match="24 of 30 are in use"):
        world.deployment(world.endpoint(), instance_type=four, instance_count=1)
    Deployment.objects.filter(pk=elsewhere.pk).update(instance_count=1, serving_count=1)
    world.deployment(world.endpoint("other"), instance_type=four, instance_count=1)


def test_limits_of_the_site_hold(world: World) -> None:
    quota.set_site_limits(actor=SYSTEM, instances_per_deployment=3, deployments_per_endpoint=1, request_timeout_ms=9000)
    endpoint = world.endpoint()
    with pytest.raises(Invalid, match="from 1 to 3") as refused:
        world.deployment(endpoint, instance_count=4, request_timeout_ms=9001)
    assert refused.value.fields.keys() == {"instance_count", "request_timeout_ms"}
    world.deployment(endpoint, instance_count=3)
    with pytest.raises(Invalid, match="at most 1 deployments"):
        world.deployment(endpoint, "green")
    quota.set_site_limits(actor=SYSTEM, instances_per_deployment=60)
    deployments.update_deployment(
        actor=SYSTEM, deployment=endpoint.deployments.get(), instance_count=60, request_timeout_ms=9000
    )


def test_autoscale_may_not_promise_what_no_quota_holds(world: World, four: InstanceType) -> None:
    made = world.deployment(world.endpoint(), instance_type=four)
    limit(world, vcpu=47)
    document = {"profiles": [{"name": "all", "capacity": {"minimum": 1, "maximum": 10, "default": 1}, "rules": []}]}
    with pytest.raises(OutOfQuota, match="Lower the maximum"):
        set_autoscale(actor=SYSTEM, deployment=made, document=document)
    limit(world, vcpu=48)
    set_autoscale(actor=SYSTEM, deployment=made, document=document)


def test_arithmetic_before_anything_is_asked(world: World, four: InstanceType) -> None:
    limit(world, vcpu=64, gpu=0)
    lines = {line.resource: line for line in arithmetic(world.workspace, four, 10) if "work" in line.scope}
    assert set(lines) == {"vcpu"}
    line = lines["vcpu"]
    assert [line.asked, line.reserve, line.in_use, line.limit, line.left] == [40, 8, 0, 64, 16]


def test_replicas_that_are_left_over_count(world: World, four: InstanceType) -> None:
    made = DeploymentFactory(
        endpoint=EndpointFactory(workspace=world.workspace), instance_type=four, state="Failed", serving_generation=None
    )
    ReplicaFactory(deployment=made, instance_type=four)
    assert account_of(world.workspace).used["vcpu"] == 4


def test_only_it_sets_them(world: World, people: People) -> None:
    with pytest.raises(Forbidden):
        quota.set_quota(actor=people.actor("owner"), workspace=world.workspace, limits={"vcpu": 1})
    with pytest.raises(Forbidden):
        quota.set_site_limits(actor=people.actor("owner"), reserve_percent=1)
    made = quota.set_quota(actor=people.actor("staff"), workspace=world.workspace, limits={"vcpu": Decimal("1.5")})
    event = Event.objects.get(verb="quota.set")
    assert (event.before, event.after, event.actor) == ({}, {"vcpu": "1.5"}, people.staff)
    with pytest.raises(StaleVersion):
        quota.set_quota(
            actor=people.actor("staff"),
            workspace=world.workspace,
            limits={"vcpu": 2},
            expected_version=made.version + 1,
        )
    quota.set_quota(actor=people.actor("staff"), workspace=world.workspace, limits={"vcpu": Decimal("1.50")})
    assert Event.objects.filter(verb="quota.set").count() == 1


@pytest.mark.parametrize(
    "limits",
    [{"vcpu": -1}, {"vcpu": "many"}, {"gpu": "1.5"}, {"vcpu": "0.001"}, {"disk": 4}, {"vcpu": "NaN"}, {"gpu": 10**10}],
)
def test_limits_that_cannot_be(world: World, limits: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        limit(world, **limits)
    assert refused.value.fields.keys() == limits.keys()
    assert not Quota.objects.exists()


@pytest.mark.parametrize(
    "given", [{"reserve_percent": 101}, {"request_timeout_ms": 0}, {"instances_per_deployment": None}, {"colour": 1}]
)
def test_site_limits_that_cannot_be(world: World, given: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        quota.set_site_limits(actor=SYSTEM, **given)
    assert refused.value.fields.keys() == given.keys()


def test_a_request_is_asked_approved_and_told(world: World, people: People) -> None:
    asked = quota.ask_for_quota(
        actor=people.actor("contributor"),
        workspace=world.workspace,
        limits={"vcpu": "64", "gpu": None},
        reason=" Launch. ",
    )
    assert [asked.vcpu, asked.gpu, asked.reason] == [64, None, "Launch."]
    with pytest.raises(Conflict, match="waits for IT"):
        quota.ask_for_quota(actor=people.actor("owner"), workspace=world.workspace, limits={"gpu": 1}, reason="Me too")
    with pytest.raises(Forbidden):
        quota.approve_request(actor=people.actor("owner"), request=asked)
    quota.approve_request(actor=people.actor("staff"), request=asked, note="Fine.")
    assert Quota.objects.get(workspace=world.workspace).vcpu == 64
    assert [event.verb for event in Event.objects.order_by("id")] == [
        "quota.requested",
        "quota.request_approved",
        "quota.set",
    ]
    with pytest.raises(Conflict, match="approved already"):
        quota.deny_request(actor=people.actor("staff"), request=asked, note="No.")


def test_a_request_is_denied_with_a_reason(world: World, people: People) -> None:
    asked = quota.ask_for_quota(
        actor=people.actor("owner"), workspace=world.workspace, limits={"vcpu": 64}, reason="Launch"
    )
    with pytest.raises(Invalid):
        quota.deny_request(actor=people.actor("staff"), request=asked, note=" ")
    denied = quota.deny_request(actor=people.actor("staff"), request=asked, note="Not this year.")
    assert (denied.state, denied.note, denied.decided_by) == ("denied", "Not this year.", people.staff)
    assert not Quota.objects.exists()


@pytest.mark.parametrize(
    ("who", "given", "error"),
    [
        ("reader", {"limits": {"vcpu": 1}, "reason": "x"}, Forbidden),
        ("stranger", {"limits": {"vcpu": 1}, "reason": "x"}, Forbidden),
        ("owner", {"limits": {"vcpu": 1}, "reason": " "}, Invalid),
        ("owner", {"limits": {"vcpu": None}, "reason": "x"}, Invalid),
        ("owner", {"limits": {"vcpu": -4}, "reason": "x"}, Invalid),
    ],
)
def test_requests_that_cannot_be(world: World, people: People, who: str, given: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        quota.ask_for_quota(actor=people.actor(who), workspace=world.workspace, **given)
    assert not world.workspace.quota_requests.exists()
