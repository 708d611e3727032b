"""What is billed: each second of a replica that holds resources, once, at the price of that time."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction

from endpoints.enums import ReplicaState, UsagePhase
from endpoints.models import CounterCursor, Event, Operation, Replica, Usage
from tests.factories import OperationFactory, PriceFactory
from tests.reconcile.measuring import START, Studio, at

pytestmark = pytest.mark.django_db


def test_a_replica_is_billed_from_its_start_by_the_hour(studio: Studio) -> None:
    for _ in range(3):
        studio.collect(1300)
    rows = Usage.objects.filter(replica_id__endswith="-0").order_by("started_at")
    assert [(row.started_at, row.ended_at) for row in rows] == [(START, at(3600)), (at(3600), at(3900))]
    assert {(row.phase, row.unit_price) for row in rows} == {(UsagePhase.RUNNING, Decimal("0.06"))}
    assert studio.billed() == 2 * timedelta(seconds=3900)


def test_a_price_changes_what_comes_not_what_was(studio: Studio) -> None:
    studio.collect()
    studio.deployment.instance_type.price_per_hour = Decimal("9")
    studio.deployment.instance_type.save()
    studio.collect()
    rows = Usage.objects.filter(replica_id__endswith="-0").order_by("started_at")
    assert [(row.unit_price, row.ended_at) for row in rows] == [
        (Decimal("0.06"), at(10)),
        (Decimal("9"), at(20)),
    ]


def test_a_price_with_a_date_splits_what_one_pass_sees(studio: Studio) -> None:
    """Whenever the collector looks: each side of the moment has its own price, and the type says what holds now."""
    name = studio.deployment.instance_type.name
    for valid_from, price in ((START - timedelta(days=1), "0.06"), (at(17), "9")):
        PriceFactory(item=name, unit_price=Decimal(price), valid_from=valid_from)
    studio.collect()
    studio.collect()
    rows = Usage.objects.filter(replica_id__endswith="-0").order_by("started_at")
    assert [(row.unit_price, row.started_at, row.ended_at) for row in rows] == [
        (Decimal("0.06"), START, at(17)),
        (Decimal("9"), at(17), at(20)),
    ]
    studio.deployment.instance_type.refresh_from_db()
    assert studio.deployment.instance_type.price_per_hour == Decimal("9")
    assert Event.objects.get(verb="price.in_force").after == {"unit_price": "9.0000"}


def test_the_price_of_what_was_used_is_for_good(studio: Studio) -> None:
    studio.collect()
    for changes in ({"unit_price": Decimal(0)}, {"started_at": START - timedelta(hours=1)}):
        with pytest.raises(DatabaseError, match="only ever added to"), transaction.atomic():
            Usage.objects.update(**changes)
    assert studio.billed() == 2 * timedelta(seconds=10)


def test_a_build_is_counted_and_costs_nothing(studio: Studio) -> None:
    Replica.objects.all().delete()
    phase = {"name": "environment", "state": "running", "started_at": START.isoformat(), "finished_at": None}
    operation = OperationFactory(deployment=studio.deployment, phases=[phase])
    studio.collect()
    studio.collect()
    Operation.objects.filter(pk=operation.pk).update(phases=[phase | {"state": "succeeded"}])
    studio.collect()
    row = Usage.objects.get()
    assert (UsagePhase(row.phase), row.unit_price) == (UsagePhase.BUILDING, Decimal(0))
    assert (row.started_at, row.ended_at) == (START, at(20))


def test_starting_running_draining_are_told_apart(studio: Studio) -> None:
    Replica.objects.filter(ordinal=1).delete()
    replica = Replica.objects.filter(ordinal=0)
    for changes in (
        {"state": ReplicaState.STARTING},
        {"state": ReplicaState.READY},
        {"stopping_at": at(20)},
        {"state": ReplicaState.STOPPED},
        {},
    ):
        replica.update(**changes)
        studio.collect()
    rows = Usage.objects.order_by("started_at").values_list("phase", "started_at", "ended_at")
    assert list(rows) == [
        (UsagePhase.STARTING, START, at(10)),
        (UsagePhase.RUNNING, at(10), at(20)),
        (UsagePhase.DRAINING, at(20), at(30)),
    ]


def test_deletion_closes(studio: Studio) -> None:
    studio.collect()
    Replica.objects.all().delete()
    studio.collect()
    studio.collect()
    assert studio.billed() == 2 * timedelta(seconds=10)


def test_the_same_name_again_is_billed_from_its_own_start(studio: Studio) -> None:
    studio.collect()
    Replica.objects.update(state=ReplicaState.STOPPED)
    studio.collect()
    Replica.objects.update(state=ReplicaState.STARTING, started_at=at(25))
    studio.collect()
    assert studio.billed() == 2 * timedelta(seconds=15)


def test_a_replica_that_was_not_seen_for_a_moment_is_not_billed_twice(studio: Studio) -> None:
    """Its process is the old one: nothing before what was billed is billed again."""
    studio.collect()
    Replica.objects.update(state=ReplicaState.STOPPED)
    studio.collect()
    Replica.objects.update(state=ReplicaState.READY)
    studio.collect()
    assert studio.billed() == 2 * timedelta(seconds=30)


def test_a_lost_cursor_bills_nothing_twice(studio: Studio) -> None:
    studio.collect()
    CounterCursor.objects.filter(name="billing").delete()
    studio.collect()
    assert studio.billed() == 2 * timedelta(seconds=20)


def test_a_replica_that_never_started_costs_nothing(studio: Studio) -> None:
    Replica.objects.update(started_at=None, state=ReplicaState.STARTING, pid=None)
    studio.collect()
    assert not Usage.objects.exists()
