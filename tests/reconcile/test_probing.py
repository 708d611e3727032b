"""The look at the studio's own parts: what is kept of it, and that one part which hangs or fails hides no other."""

from datetime import timedelta

import pytest
from django.utils import timezone

from endpoints import wiring
from endpoints.domain.health_readings import QueueReading, SizesReading, from_json
from endpoints.gateway.fake import FakeGateway
from endpoints.models import SiteReading
from endpoints.reconcile import probing
from endpoints.selectors.retention import TABLES
from endpoints.telemetry.fake import FakeSiteParts
from tests.factories import EventFactory

pytestmark = pytest.mark.django_db


def parts(adapters: wiring.Adapters) -> FakeSiteParts:
    assert isinstance(adapters.site_parts, FakeSiteParts)
    return adapters.site_parts


def test_every_part_is_looked_at(adapters: wiring.Adapters) -> None:
    probing.probe()
    found = {row.name: row for row in SiteReading.objects.all()}
    assert set(found) == {"programs", "queue", "disk", "host", "certificate", "gateway", "database"}
    assert [row.error for row in found.values()] == [""] * 7
    queue = from_json(QueueReading, found["queue"].values)
    assert queue is not None
    assert queue.workers == 1
    assert found["database"].values["vendor"] in ("sqlite", "postgresql")
    assert found["database"].values["size_bytes"] > 0


def test_one_that_fails_hides_no_other_and_keeps_what_it_said(
    adapters: wiring.Adapters, monkeypatch: pytest.MonkeyPatch
) -> None:
    probing.probe()
    before = SiteReading.objects.get(name="queue")
    SiteReading.objects.update(at=timezone.now() - timedelta(hours=1))
    parts(adapters).broker_error = "The broker does not answer (TimeoutError)."
    gateway = adapters.gateway
    assert isinstance(gateway, FakeGateway)
    monkeypatch.setattr(type(gateway), "observe", lambda _: 1 / 0)
    probing.probe()
    queue, broken = SiteReading.objects.get(name="queue"), SiteReading.objects.get(name="gateway")
    assert queue.error == "The broker does not answer (TimeoutError)."
    assert (queue.values, queue.answered_at) == (before.values, before.answered_at)
    assert broken.error == "division by zero"
    assert not SiteReading.objects.filter(at__lt=timezone.now() - timedelta(minutes=1)).exists()


def test_sizes_are_those_of_what_grows(adapters: wiring.Adapters) -> None:
    EventFactory()
    probing.probe_sizes()
    sizes = from_json(SizesReading, SiteReading.objects.get(name="sizes").values)
    assert sizes is not None
    assert sizes.bytes_of["logs"] == 3 * 2**20
    assert set(sizes.rows_of) == set(TABLES)


def test_no_failure_ends_it(adapters: wiring.Adapters, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(probing, "probe", lambda: 1 / 0)

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        return len(waits) == 2

    probing.run(wait=wait)
    assert waits == [probing.EVERY_SECONDS] * 2
