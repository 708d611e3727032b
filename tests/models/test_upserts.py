"""Many rows at once, each instead of what is there."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError

from endpoints.enums import Meter, UsagePhase
from endpoints.models import CounterCursor, Sample, Usage
from endpoints.models.upserts import upsert
from tests.factories import DeploymentFactory

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 15, 12, 0, 0, 123456, tzinfo=UTC)
ODD = 'it\'s "%s" \\x00 {}; é – 𝛑'


def usage(deployment: Any, **changed: Any) -> dict[str, Any]:
    row = {
        "id": uuid4(),
        "deployment_id": deployment.pk,
        "replica_id": ODD,
        "instance_type": "small",
        "phase": UsagePhase.RUNNING,
        "unit_price": Decimal("123456.0001"),
        "started_at": AT,
        "ended_at": AT + timedelta(microseconds=1),
    }
    return {**row, **changed}


def test_what_is_written_is_read_as_it_was_and_what_is_not_named_is_as_the_table_has_it() -> None:
    deployment = DeploymentFactory()
    upsert(Usage, [usage(deployment)], keys=["replica_id", "started_at"], update=["ended_at"])
    row = Usage.objects.get()
    assert (row.replica_id, row.unit_price, row.started_at) == (ODD, Decimal("123456.0001"), AT)
    assert (row.ended_at, row.meter, row.job, row.quantity) == (AT + timedelta(microseconds=1), Meter.ONLINE, "", None)
    packed, large = bytes(range(256)), 2**62 + 1
    sample = {"deployment_id": deployment.pk, "resolution": 10, "at": AT, "requests": large, "more": packed}
    others = dict.fromkeys(("errors", "covered_ms", "in_flight"), 0) | dict.fromkeys(("latency", "mirror_latency"), b"")
    upsert(Sample, [sample | others], keys=["deployment_id", "resolution", "at"], update=["requests"])
    found = Sample.objects.get()
    assert (found.requests, bytes(found.more), bytes(found.latency)) == (large, packed, b"")
    plain = {"counts": {"d-1": {"2xx": large}}, "words": [ODD, None, True]}
    cursor = {"name": "gateway", "identity": ODD, "scraped_at": AT, "counters": plain}
    upsert(CounterCursor, [cursor], keys=["name"], update=["counters"])
    assert CounterCursor.objects.get().counters == plain


def test_a_row_that_is_there_changes_in_what_was_asked_alone() -> None:
    deployment = DeploymentFactory()
    keys, later = ["replica_id", "started_at"], AT + timedelta(minutes=1)
    upsert(Usage, [usage(deployment)], keys=keys, update=["ended_at"])
    before = Usage.objects.values().get()
    again = usage(deployment, unit_price=Decimal(1), phase=UsagePhase.DRAINING, ended_at=later)
    upsert(Usage, [again, usage(deployment, replica_id="other")], keys=keys, update=["ended_at"])
    assert Usage.objects.values().get(replica_id=ODD) == {**before, "ended_at": later}
    assert Usage.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_all_or_none() -> None:
    deployment = DeploymentFactory()
    backwards = usage(deployment, replica_id="other", ended_at=AT - timedelta(seconds=1))
    with pytest.raises(IntegrityError):
        upsert(Usage, [usage(deployment), backwards], keys=["replica_id", "started_at"], update=["ended_at"])
    upsert(Usage, [], keys=["replica_id", "started_at"], update=["ended_at"])
    assert not Usage.objects.exists()
