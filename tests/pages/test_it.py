"""IT's first page: how every part stands."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from endpoints import wiring
from endpoints.domain.health_readings import (
    CertificateReading,
    DiskReading,
    ProgramReading,
    ProgramsReading,
    QueueReading,
)
from endpoints.models import AuditState, CollectorPass, Endpoint, GatewayState, SiteReading, TrafficLogState
from endpoints.reconcile.probing import note, probe
from endpoints.services.routes import next_revision
from endpoints.telemetry.fake import FakeSiteParts
from studio.it.health import PLACES
from studio.it.runbook import SOURCE, runbook
from studio.settings import BASE_DIR
from tests.factories import OperationFactory
from tests.fakes import FakeCompute

SignedIn = Callable[[str], Client]
URL = reverse("it_overview")


def page(client: Client) -> str:
    answer = client.get(URL)
    assert answer.status_code == 200
    return answer.content.decode()


def tile(text: str, name: str) -> str:
    """Of one part alone."""
    return text.partition(f'id="part-{name}"')[2].partition("</section>")[0]


@pytest.fixture
def parts(adapters: wiring.Adapters) -> FakeSiteParts:
    assert isinstance(adapters.site_parts, FakeSiteParts)
    return adapters.site_parts


def test_what_nobody_has_looked_at_is_not_called_good(signed_in: SignedIn, churn: Endpoint) -> None:
    text = page(signed_in("staff"))
    for name in ("workers", "broker", "database", "gateway", "disk"):
        assert "Not looked at yet" in tile(text, name), name
    assert "Stands still" in tile(text, "collector")


def test_each_part_says_how_it_stands(signed_in: SignedIn, churn: Endpoint, parts: FakeSiteParts) -> None:
    probe()
    CollectorPass.objects.create(started_at=timezone.now(), duration_ms=140, deployments=3)
    text = page(signed_in("staff"))
    told = {"workers": "At work", "broker": "Valkey 9", "database": "Round trip", "gateway": "Up to date"}
    told |= {"collector": "140 ms for 3 deployments", "disk": "60.0\xa0GB of 100.0\xa0GB", "sandbox": "Boxed in"}
    told |= {"certificates": "No TLS", "traffic-log": "Nothing yet", "telemetry": "Off", "audit": "Not checked yet"}
    for name, words in told.items():
        assert words in tile(text, name), name
    assert "1 part needs you" in text  # there is no backup
    assert "Run manage.py backup" in tile(text, "backups")


def test_what_is_wrong_says_why_what_to_do_and_where(
    signed_in: SignedIn, churn: Endpoint, parts: FakeSiteParts, settings: LazySettings
) -> None:
    settings.STUDIO_TLS_CERTIFICATE = Path("/etc/tls.crt")
    settings.STUDIO_OTLP_ENDPOINT = "http://collector.example.org"
    parts.tasks = QueueReading(workers=0, waiting=7, in_hand=0, oldest_at=timezone.now() - timedelta(minutes=9))
    parts.space = DiskReading(total_bytes=100 * 2**30, free_bytes=2**29)
    parts.listener = CertificateReading(names="a", expires_at=datetime(2020, 1, 1, tzinfo=UTC))
    parts.running = ProgramsReading(
        programs=(
            ProgramReading(name="studio-traffic-log", running=False),
            ProgramReading(name="studio-telemetry", running=False),
        )
    )
    GatewayState.objects.update_or_create(id=1, defaults={"refusal": "cluster d-1 is <odd>", "desired_revision": 7})
    probe()
    text = page(signed_in("staff"))
    told = {"workers": "No worker answers", "disk": "0.5 GiB of 100 GiB", "certificates": "Expired"}
    told |= {"traffic-log": "Not read", "telemetry": "Not sent", "gateway": "cluster d-1 is &lt;odd&gt;"}
    for name, words in told.items():
        found = tile(text, name)
        assert words in found, name
        assert "health-bad" in found, name
        assert f"/it/runbook/#{name}" in found, name
        assert reverse(PLACES[name][1]) in found, name


def test_a_part_that_cannot_be_reached_does_not_break_the_page(
    signed_in: SignedIn, churn: Endpoint, parts: FakeSiteParts
) -> None:
    probe()
    parts.broker_error = "The broker does not answer (TimeoutError)."
    probe()
    text = page(signed_in("staff"))
    assert "Does not answer" in tile(text, "broker")
    assert "Valkey 9" in tile(text, "broker")  # as it was known
    assert "Not reachable" in tile(text, "workers")
    SiteReading.objects.update(at=timezone.now() - timedelta(minutes=5), values={"of": "another version"})
    text = page(signed_in("staff"))
    assert "Not looked at" in tile(text, "database")
    assert "See to its tile first" in tile(text, "disk")


def test_it_says_how_replicas_are_isolated(signed_in: SignedIn, churn: Endpoint, adapters: wiring.Adapters) -> None:
    compute = adapters.compute
    assert isinstance(compute, FakeCompute)
    compute.boxed = False
    text = tile(page(signed_in("staff")), "sandbox")
    assert "There is no box here." in text
    assert "Install bubblewrap" in text


def test_it_says_what_is_stuck(signed_in: SignedIn, churn: Endpoint) -> None:
    client = signed_in("staff")
    assert "None: every running operation" in page(client)
    long_ago = timezone.now() - timedelta(hours=1)
    OperationFactory(deployment=churn.deployments.get(name="blue"), state="Running", created_at=long_ago)
    assert "churn/blue" in page(client)


def test_it_says_whether_the_collector_keeps_up(signed_in: SignedIn, churn: Endpoint) -> None:
    client = signed_in("staff")
    CollectorPass.objects.create(started_at=timezone.now(), duration_ms=140, deployments=3)
    assert "Keeps up" in tile(page(client), "collector")
    CollectorPass.objects.create(started_at=timezone.now(), duration_ms=140, skipped=2)
    assert "Falls behind" in tile(page(client), "collector")
    CollectorPass.objects.create(started_at=timezone.now(), duration_ms=3, error="OperationalError: disk <full>")
    text = tile(page(client), "collector")
    assert "The last pass failed" in text
    assert "disk &lt;full&gt;" in text


def test_it_is_refreshed_in_part(signed_in: SignedIn, churn: Endpoint) -> None:
    part = signed_in("staff").get(URL, headers={"HX-Request": "true"}).content.decode()
    assert "part-workers" in part
    assert "<html" not in part


def test_it_asks_the_database_alone(
    signed_in: SignedIn, churn: Endpoint, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    probe()
    client = signed_in("staff")
    client.get(URL)
    with django_assert_num_queries(20):
        client.get(URL)


def test_the_runbook_has_a_section_for_every_part(signed_in: SignedIn, churn: Endpoint) -> None:
    text = signed_in("staff").get(reverse("it_runbook")).content.decode()
    for name in PLACES:
        assert f'id="{name}"' in text, name
    assert "<script" not in runbook(BASE_DIR / SOURCE)


def test_it_says_how_long_changes_have_waited_for_the_gateway(
    signed_in: SignedIn, churn: Endpoint, parts: FakeSiteParts
) -> None:
    client, long_ago = signed_in("staff"), timezone.now() - timedelta(days=3)
    probe()
    GatewayState.objects.update_or_create(
        id=1, defaults={"desired_revision": 5, "confirmed_revision": 5, "confirmed_at": long_ago}
    )
    for _ in range(2):
        next_revision()
    assert "Following" in tile(page(client), "gateway")
    begun = GatewayState.objects.get().behind_since
    assert begun is not None
    next_revision()
    assert GatewayState.objects.get().behind_since == begun
    GatewayState.objects.update(behind_since=timezone.now() - timedelta(minutes=5), confirmed_at=None)
    text = tile(page(client), "gateway")
    assert "Changes wait" in text
    assert "3 changes are not in force, and none has been confirmed for 5 min" in text


def test_what_was_seen_long_ago_says_nothing_of_now(
    signed_in: SignedIn, churn: Endpoint, parts: FakeSiteParts, settings: LazySettings
) -> None:
    settings.STUDIO_OTLP_ENDPOINT, settings.STUDIO_OTLP_INTERVAL_SECONDS = "http://collector.example.org", 600
    parts.running = ProgramsReading(programs=(ProgramReading(name="studio-web", running=False),))
    client, now = signed_in("staff"), timezone.now()
    probe()
    note("telemetry", {"taken": True})
    TrafficLogState.objects.create(read_at=now - timedelta(minutes=5))
    AuditState.objects.update_or_create(id=1, defaults={"verified_at": now - timedelta(days=5)})
    SiteReading.objects.filter(name="telemetry").update(at=now - timedelta(minutes=20))
    text = page(client)
    told = {"traffic-log": "Not read", "telemetry": "Sends", "audit": "Not checked", "web": "Another one answers"}
    for name, words in told.items():
        assert words in tile(text, name), name
    SiteReading.objects.update(at=now - timedelta(hours=1))
    text = page(client)
    assert "Stands still" in tile(text, "telemetry")
    assert "Another one answers" not in tile(text, "web")
