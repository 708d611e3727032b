"""The truth, without any hint."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from endpoints import tasks
from endpoints.domain.actor import SYSTEM
from endpoints.models import Alert, Draft, Event, Lease, Notification, Replica
from endpoints.reconcile.leases import lease
from endpoints.services.deployments import delete_deployment, update_deployment
from endpoints.services.endpoints import delete_endpoint
from tests.factories import AlertFactory, DeploymentFactory, DraftFactory, EndpointFactory, NotificationChannelFactory
from tests.world import World


def test_everything_is_found_though_every_hint_is_lost(world: World) -> None:
    endpoint = world.endpoint("prices", settled=False)
    deployment = world.deployment(endpoint, settled=False)
    world.settle(hints=False)
    deployment.refresh_from_db()
    endpoint.refresh_from_db()
    assert (endpoint.state, deployment.state) == ("Succeeded", "Succeeded")
    update_deployment(actor=SYSTEM, deployment=deployment, request_timeout_ms=9000)
    world.settle(hints=False)
    deployment.refresh_from_db()
    assert (deployment.state, deployment.serving_generation, deployment.replicas.count()) == ("Succeeded", 2, 1)
    delete_deployment(actor=SYSTEM, deployment=deployment)
    world.settle(hints=False)
    deployment.refresh_from_db()
    assert deployment.deleted_at is not None
    delete_endpoint(actor=SYSTEM, endpoint=endpoint)
    world.settle(hints=False)
    endpoint.refresh_from_db()
    assert endpoint.deleted_at is not None


def test_a_settled_studio_gets_no_hints(world: World) -> None:
    world.deployment(world.endpoint("prices"), instance_count=2)
    world.hints.take()
    tasks.sweep()
    assert world.hints.take() == []


def test_a_replica_that_nobody_knows_is_stopped(world: World) -> None:
    deployment = world.deployment(world.endpoint("prices"))
    Replica.objects.all().delete()
    stranger = next(iter(world.compute.seen))
    tasks.sweep()
    assert world.compute.stops == [stranger]
    world.settle()
    assert deployment.replicas.get().state == "Ready"


def test_one_part_out_of_reach_leaves_the_others_their_turn(world: World) -> None:
    world.endpoint("prices", settled=False)
    world.compute.refusal = "supervisord does not answer."
    tasks.sweep()
    assert Event.objects.filter(verb="endpoint.ready").exists()


def test_two_sweeps_at_once_are_one(world: World) -> None:
    world.endpoint("prices", settled=False)
    with lease("sweep"):
        tasks.sweep()
    assert world.gateway.tables == []


@pytest.mark.parametrize("count", [1, 3])
def test_the_same_queries_however_many_deployments(world: World, count: int, django_assert_num_queries: object) -> None:
    for _ in range(count):
        world.deployment(world.endpoint(f"endpoint-{world.turn()}"), instance_count=2)
    world.settle()
    with django_assert_num_queries(24):  # type: ignore[operator]
        tasks.sweep()


def test_rows_without_processes_do_not_count_as_seen(world: World) -> None:
    """Asked for, not seen yet: neither ready nor lost."""
    deployment = DeploymentFactory(endpoint=EndpointFactory(workspace=world.workspace))
    Replica.objects.create(id="r-new-1-0", deployment=deployment, generation=1, ordinal=0, socket="/tmp/r.sock")
    tasks.sweep()
    assert Replica.objects.get(pk="r-new-1-0").state == "Starting"
    assert not Event.objects.filter(verb="replica.lost").exists()


def test_tidying(world: World) -> None:
    old, new = DraftFactory(), DraftFactory()
    Draft.objects.filter(pk=old.pk).update(updated_at=timezone.now() - timedelta(days=31))
    with lease("free"), lease("held") as held:
        assert held is not None
        Lease.objects.create(name="followed", expires_at=timezone.now(), chain="next")
    Lease.objects.filter(name="held").update(token="somebody")
    tasks.tidy()
    assert list(Draft.objects.all()) == [new]
    assert set(Lease.objects.values_list("name", flat=True)) == {"held", "followed"}


def test_notifications_are_forgotten_but_those_that_wait(world: World) -> None:
    channel = NotificationChannelFactory(workspace=world.workspace)
    for key, days, state in (
        ("old", 91, "sent"),
        ("failed", 91, "failed"),
        ("waits", 91, "waiting"),
        ("new", 1, "sent"),
    ):
        at = timezone.now() - timedelta(days=days)
        Notification.objects.create(channel=channel, key=key, document={}, state=state, created_at=at)
    tasks.tidy()
    assert set(Notification.objects.values_list("key", flat=True)) == {"waits", "new"}


def test_alerts_that_ended_are_forgotten_after_a_while_that_is_set(world: World, settings: Any) -> None:
    settings.STUDIO_ALERT_DAYS = 10
    now = timezone.now()
    for name, ended in (("old", 11), ("late", 9), ("open", None)):
        alert = AlertFactory(name=name, started_at=now - timedelta(days=20))
        alert.ended_at = ended and now - timedelta(days=ended)
        alert.save()
    tasks.tidy()
    assert set(Alert.objects.values_list("name", flat=True)) == {"late", "open"}
