"""IT's pages of audit, operations and backups: who may see and do what, and what they say."""

import csv
import io
import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from endpoints.domain.actor import SYSTEM
from endpoints.enums import BackupKind
from endpoints.models import Endpoint, Event, SiteState
from endpoints.reconcile.auditing import audit
from endpoints.services.backups import record_backup
from endpoints.services.site import set_banner, set_read_only
from tests.factories import EventFactory, OperationFactory
from tests.people import People

SignedIn = Callable[[str], Client]
NOW = timezone.now()
PAGES = ("it_audit", "it_operations", "it_backups")


def text(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


@pytest.mark.parametrize("person", ["owner", "reader", "stranger"])
def test_they_are_its_alone(signed_in: SignedIn, churn: Endpoint, person: str) -> None:
    client = signed_in(person)
    operation = OperationFactory(deployment=churn.deployments.get(name="blue"))
    for name in (*PAGES, "it_audit_status"):
        assert client.get(reverse(name)).status_code == 403, name
    assert client.post(reverse("it_operations"), {"change": "read_only", "read_only_reason": "x"}).status_code == 403
    assert client.post(reverse("it_audit_check")).status_code == 403
    for name in ("it_operation_retry", "it_operation_fail"):
        assert client.post(reverse(name, args=[operation.pk])).status_code == 403
    assert not Event.objects.exists()


@pytest.mark.parametrize("rows", [1, 3])
def test_the_audits_queries_are_constant(
    signed_in: SignedIn, churn: Endpoint, rows: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(rows):
        EventFactory(workspace=churn.workspace)
    audit()
    client = signed_in("staff")
    client.get(reverse("it_audit"))
    with django_assert_num_queries(17):  # as many for one event as for three
        client.get(reverse("it_audit"))


def test_the_audit_says_how_far_it_is_whole(
    signed_in: SignedIn, churn: Endpoint, settings: LazySettings, tmp_path: object
) -> None:
    settings.STUDIO_DATA_DIR = tmp_path
    settings.STUDIO_AUDIT_FORWARD = ["tcp://127.0.0.1:1"]
    event = EventFactory(workspace=churn.workspace, verb="thing.done", request_id="r-1")
    client = signed_in("staff")
    assert "Not checked yet" in text(client, reverse("it_audit"))
    audit()
    audit()
    page = text(client, reverse("it_audit"))
    assert f"event {event.pk}" in page
    assert "Whole" in page
    assert "1 event waiting" in page
    assert "thing.done" in page
    assert client.post(reverse("it_audit_check")).status_code == 303
    assert "Being checked" in text(client, reverse("it_audit_status"))


def test_a_search_narrows_by_each_filter(signed_in: SignedIn, churn: Endpoint) -> None:
    common = {"workspace": churn.workspace, "endpoint": churn}
    EventFactory(verb="keys.read", actor_name="owner@example.com", source="ui", request_id="r-1", **common)
    EventFactory(verb="traffic.updated", source="api", reason="first try", **common)
    old = EventFactory(verb="site.old", workspace=None, subject="elsewhere", created_at=NOW - timedelta(days=9))
    client = signed_in("staff")

    def verbs(query: str) -> list[str]:
        answer = client.get(f"{reverse('it_audit')}?format=csv&{query}")
        rows = list(csv.reader(io.StringIO(b"".join(answer).decode())))
        return [row[4] for row in rows[1:]]

    assert verbs("") == ["site.old", "traffic.updated", "keys.read"]
    assert verbs("actor=OWNER") == verbs("verb=keys.") == verbs("request_id=r-1") == verbs("source=ui") == ["keys.read"]
    assert verbs("resource=Churn") == ["traffic.updated", "keys.read"]
    assert verbs("resource=else") == ["site.old"]
    assert verbs("q=first") == ["traffic.updated"]
    day = f"{NOW - timedelta(days=2):%Y-%m-%dT%H:%M}"
    assert verbs(f"until={day}") == [old.verb]
    assert "site.old" not in verbs(f"since={day}")
    bad = client.get(f"{reverse('it_audit')}?since=2030-01-02&until=2030-01-01")
    assert bad.status_code == 422
    assert "This is not after" in bad.content.decode()
    assert client.get(f"{reverse('activity')}?since=yesterday").status_code == 422


def test_csv_goes_on_beyond_a_part_and_holds_no_formula(
    signed_in: SignedIn, churn: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studio.event_export.PART", 2)
    for number in range(5):
        EventFactory(workspace=churn.workspace, subject="=HYPERLINK(1)", after={"n": number})
    answer = signed_in("owner").get(f"{reverse('activity')}?format=csv")
    rows = list(csv.DictReader(io.StringIO(b"".join(answer).decode())))
    assert [json.loads(row["after"])["n"] for row in rows] == [4, 3, 2, 1, 0]
    assert {row["subject"] for row in rows} == {"'=HYPERLINK(1)"}


def test_activity_pages_by_a_cursor(signed_in: SignedIn, churn: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.pages.activity.PAGE_SIZE", 2)
    made = [EventFactory(workspace=churn.workspace, verb=f"thing.n{number}") for number in range(3)]
    client = signed_in("owner")
    first = text(client, f"{reverse('activity')}?verb=thing.")
    assert f"before={made[1].pk}&amp;verb=thing." in first
    assert "thing.n0" not in first
    second = text(client, f"{reverse('activity')}?before={made[1].pk}&verb=thing.")
    assert "thing.n0" in second
    assert "thing.n2" not in second


def test_read_only_mode_refuses_peoples_writes(signed_in: SignedIn, churn: Endpoint, people: People) -> None:
    set_read_only(actor=SYSTEM, read_only=True, reason="Upgrade", until=NOW + timedelta(hours=1), now=NOW)
    client = signed_in("owner")
    url = reverse("endpoint_settings", args=["churn"])
    answer = client.post(url, {"description": "new"})
    assert answer.status_code == 503
    assert "Upgrade" in answer.content.decode()
    assert int(answer["Retry-After"]) > 0
    part = client.post(url, {"description": "new"}, headers={"HX-Request": "true"})
    assert (part.status_code, "read-only" in part["HX-Trigger"]) == (503, True)
    churn.refresh_from_db()
    assert churn.description != "new"
    assert "The studio is read-only" in text(client, reverse("endpoint_list"))
    assert client.post(reverse("key_reveal", args=["churn", "Primary"])).status_code != 503
    for name in ("endpoint_test", "test_stream", "test_snippets"):  # to score goes on, with scripts and without
        assert client.post(reverse(name, args=["churn"]), {"path": "nowhere"}).status_code != 503, name
    staff = signed_in("staff")
    price = reverse("it_prices")
    assert staff.post(price, {}).status_code == 503
    assert staff.post(reverse("it_operations"), {"change": "open"}).status_code == 303
    assert client.post(url, {"description": "new"}).status_code != 503


def test_it_closes_the_studio_and_sets_a_banner(signed_in: SignedIn, churn: Endpoint) -> None:
    client, url = signed_in("staff"), reverse("it_operations")
    refused = client.post(url, {"change": "read_only", "read_only_reason": ""})
    assert refused.status_code == 422
    assert "Say why" in refused.content.decode()
    assert client.post(url, {"change": "read_only", "read_only_reason": "Upgrade"}).status_code == 303
    assert SiteState.objects.get().read_only
    given = {"change": "banner", "banner": "Tonight <b>", "banner_level": "bad"}
    assert client.post(url, given).status_code == 303
    for person in ("owner", "stranger"):
        page = text(signed_in(person), reverse("profile_tokens"))
        assert "Tonight &lt;b&gt;" in page
    assert "Tonight" not in Client().get(reverse("account_login")).content.decode()
    assert client.post(url, {"change": "banner", "banner": "", "banner_level": "info"}).status_code == 303
    assert "Tonight" not in text(client, url)


def test_a_banner_is_there_in_its_time_alone(signed_in: SignedIn, churn: Endpoint) -> None:
    later = timezone.now() + timedelta(hours=1)
    set_banner(actor=SYSTEM, text="Later", begins=later, now=timezone.now())
    assert "Later" not in text(signed_in("owner"), reverse("endpoint_list"))


def test_stuck_operations_are_listed_and_mended(signed_in: SignedIn, churn: Endpoint) -> None:
    blue = churn.deployments.get(name="blue")
    blue.state = "Updating"
    blue.save()
    long_ago = timezone.now() - timedelta(hours=1)
    operation = OperationFactory(deployment=blue, kind="update", created_at=long_ago)
    client = signed_in("staff")
    assert "churn/blue" in text(client, reverse("it_operations"))
    assert client.post(reverse("it_operation_retry", args=[operation.pk])).status_code == 303
    assert client.post(reverse("it_operation_fail", args=[operation.pk])).status_code == 303
    assert "churn/blue" not in text(client, reverse("it_operations"))
    assert client.post(reverse("it_operation_fail", args=[operation.pk])).status_code == 409


def test_backups_say_what_there_is_to_go_back_to(signed_in: SignedIn, churn: Endpoint) -> None:
    client, url = signed_in("staff"), reverse("it_backups")
    assert "No backups yet" in text(client, url)
    now = timezone.now()
    record_backup(kind=BackupKind.BACKUP, path="/b/one.backup", started_at=now, now=now, size_bytes=2**20)
    record_backup(kind=BackupKind.TRIAL, path="/b/one.backup", started_at=now, now=now, error="A hash is another.")
    page = text(client, url)
    assert "Recent" in page
    assert "A hash is another." in page
    assert "Never" in page
    assert list(Event.objects.values_list("verb", flat=True)) == ["backup.tried_failed", "backup.made"]


def test_accounts_stand_in_the_history(client: Client, people: People) -> None:
    people.owner.set_password("correct-horse-battery")
    people.owner.save()
    for password in ("wrong", "correct-horse-battery"):
        client.post(reverse("account_login"), {"login": "owner@example.com", "password": password})
    client.post(reverse("account_logout"))
    told = list(Event.objects.order_by("id").values_list("verb", "subject", "actor_name"))
    assert told == [
        ("sign_in.failed", "owner@example.com", "anonymous"),
        ("sign_in.succeeded", "owner@example.com", "owner@example.com"),
        ("sign_out", "owner@example.com", "owner@example.com"),
    ]
    assert "wrong" not in str(list(Event.objects.values()))
