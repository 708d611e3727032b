"""The chain under many writers: their ids are given out in one order, and committed in another."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Event as Signal

import pytest
from django.conf import LazySettings
from django.db import transaction
from django.utils import timezone

from endpoints.domain.actor import SYSTEM
from endpoints.models import Event, Lease, Seal
from endpoints.reconcile.auditing import audit, seal_all
from endpoints.reconcile.leases import Held, lease
from endpoints.services import events
from endpoints.services.audit import verify
from tests.races.conftest import Race

pytestmark = pytest.mark.django_db(transaction=True)

SECONDS = 30


@pytest.fixture(autouse=True)
def own_anchors(settings: LazySettings, tmp_path: Path) -> None:
    settings.STUDIO_DATA_DIR = tmp_path


def write(*verbs: str, before_commit: Callable[[], object] = lambda: None) -> None:
    with transaction.atomic():
        for verb in verbs:
            events.record(actor=SYSTEM, verb=verb)
        before_commit()


def test_one_that_commits_late_is_sealed_late(race: Race) -> None:
    written, overtaken = Signal(), Signal()

    def wait() -> None:
        written.set()
        overtaken.wait(SECONDS)

    def slow() -> None:
        write("slow.done", before_commit=wait)

    def quick() -> None:
        assert written.wait(SECONDS)
        write("quick.done")
        audit()
        assert Seal.objects.count() == 1
        overtaken.set()

    assert race(slow, quick) == [None, None]
    audit()
    sealed = [Event.objects.get(pk=seal.event_id) for seal in Seal.objects.all()]
    assert [event.verb for event in sealed] == ["quick.done", "slow.done"]
    assert sealed[0].pk > sealed[1].pk
    assert verify(now=timezone.now()).faults == []


def test_many_write_while_some_seal(race: Race) -> None:
    def writer(number: int) -> None:
        for turn in range(20):
            write(f"w{number}.first", f"w{number}.{turn}")

    def sealer() -> None:
        for _ in range(20):
            audit()

    assert race(*(partial(writer, number) for number in range(4)), sealer, sealer) == [None] * 6
    audit()
    assert Seal.objects.count() == Event.objects.count() == 4 * 20 * 2
    assert verify(now=timezone.now()).faults == []


def test_a_sealer_whose_lease_ran_out_adds_nothing(race: Race) -> None:
    write("thing.done")
    lost = Held("audit", "of-somebody-before", 60)
    with lease("audit") as held:
        assert held is not None
        seal_all(lost, now=timezone.now())
        assert not Seal.objects.exists()
        seal_all(held, now=timezone.now())
    assert Seal.objects.count() == 1
    assert Lease.objects.get(name="audit").token == ""
