"""IT's pages of capacity, spend, security, retention and versions."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from django.conf import LazySettings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from endpoints import wiring
from endpoints.domain.rollups import Gauge, SampleValues
from endpoints.enums import Role
from endpoints.models import Credential, Deployment, Endpoint, Event, Notification, SiteState, User, Workspace
from endpoints.reconcile.housekeeping import tidy
from endpoints.reconcile.probing import probe, probe_sizes
from tests.factories import (
    DeploymentFactory,
    EndpointFactory,
    EventFactory,
    InstanceTypeFactory,
    ModelVersionFactory,
    PersonalTokenFactory,
    RoleAssignmentFactory,
    SampleFactory,
    UsageFactory,
    UserFactory,
    WorkspaceFactory,
    member,
)
from tests.people import People

SignedIn = Callable[[str], Client]
NOW = datetime(2026, 3, 20, 12, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def text(client: Client, name: str, query: str = "") -> str:
    answer = client.get(f"{reverse(name)}{query}")
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def idle(workspace: Workspace, name: str, *, owner: User | None = None) -> Endpoint:
    """A month old, with one replica at 2 USD an hour for three hours, measured, and never called."""
    kind = InstanceTypeFactory(name=f"type-{name}", price_per_hour=Decimal("2"))
    endpoint: Endpoint = EndpointFactory(
        workspace=workspace, name=name, created_by=owner, created_at=NOW - timedelta(days=30)
    )
    deployment: Deployment = DeploymentFactory(endpoint=endpoint, name="blue", instance_type=kind, replicas=1)
    for hours in (30, 29, 28):
        start = NOW.replace(minute=0) - hours * HOUR
        UsageFactory(deployment=deployment, replica_id=f"r-{name}", started_at=start, ended_at=start + HOUR)
        SampleFactory(deployment=deployment, resolution=3600, at=start)
    return endpoint


def helper() -> Client:
    """Of IT, with no role anywhere."""
    client = Client()
    client.force_login(UserFactory(email="helper@example.com", is_staff=True))
    return client


@pytest.mark.parametrize("rows", [1, 3])
def test_queries_are_constant(churn: Endpoint, people: People, rows: int) -> None:
    with time_machine.travel(NOW, tick=False):
        for number in range(rows):
            idle(WorkspaceFactory(name=f"team-{number}"), f"sleepy-{number}", owner=people.owner)
            PersonalTokenFactory(user=people.owner, created_at=NOW - timedelta(days=400))
            EventFactory(verb="sign_in.failed", subject=f"p{number}@example.com")
            ModelVersionFactory(workspace=churn.workspace, scan_status="findings")
            member(churn.workspace, Role.READER, email=f"p{number}@example.com")
        probe()
        probe_sizes()
        client = helper()
        found = {}
        for name in QUERIES:
            client.get(reverse(name))
            with CaptureQueriesContext(connection) as queries:
                client.get(reverse(name))
            found[name] = len(queries)
        assert found == QUERIES  # as many for one row as for three


QUERIES = {
    "it_capacity": 33,
    "it_spend": 23,
    "it_security": 25,
    "it_retention": 22,
    "it_versions": 15,
    "it_runbook": 12,
}


def test_capacity_is_held_and_used_by_workspace(
    signed_in: SignedIn, workspace: Workspace, adapters: wiring.Adapters, hints: object
) -> None:
    client = signed_in("staff")
    assert "Not looked at yet" in text(client, "it_capacity")
    kind = InstanceTypeFactory(name="big", vcpu=Decimal("4"), memory_mib=8192, gpu=1)
    deployment = DeploymentFactory(endpoint__workspace=workspace, instance_type=kind, replicas=1)
    minute = timezone.now().replace(second=0, microsecond=0) - timedelta(minutes=2)
    values = SampleValues(
        cpu_ms=90_000, cpu_covered_ms=60_000, memory_bytes=Gauge.of(2**30), ready=Gauge.of(2), covered_ms=60_000
    )
    SampleFactory(deployment=deployment, resolution=60, at=minute, values=values)
    probe()
    page = text(client, "it_capacity")
    assert "rack-1" in page
    assert "<strong>25 %</strong> of 8 busy" in page
    assert "8.0\xa0GB</strong> of 32.0\xa0GB in use" in page
    row = page.partition('<th scope="row">research</th>')[2].partition("</tr>")[0]
    assert "<strong>8</strong>" in row  # with the reserve of 20 %: two of them
    assert "<strong>16 GiB</strong>" in row
    assert "1.50" in row  # cores
    assert "2.0\xa0GB" in row
    assert "research" not in text(client, "it_capacity", "?q=nobody").partition('id="workspaces"')[2]


def test_spend_of_the_month_adds_up(signed_in: SignedIn, workspace: Workspace, adapters: object, hints: object) -> None:
    with time_machine.travel(NOW, tick=False):
        idle(workspace, "one")
        idle(workspace, "two")
        other = idle(WorkspaceFactory(name="ops"), "three")
        Endpoint.objects.filter(pk=other.pk).update(deleted_at=NOW, state="Deleting")
        page = text(signed_in("staff"), "it_spend")
    assert "18.00" in page.partition("Month to date")[2][:200]
    assert "12.00" in page.partition('<th scope="row">research</th>')[2][:300]
    assert "6.00" in page.partition('<th scope="row">ops</th>')[2][:300]
    dearest = page.partition("The dearest endpoints")[2]
    assert 'three <span class="subtle small">deleted' in dearest
    assert (
        "three" not in page.partition("The dearest endpoints")[0].partition('id="idle"')[2].partition("</section>")[0]
    )


def test_who_is_called_or_new_or_not_measured_is_not_idle(
    signed_in: SignedIn, workspace: Workspace, adapters: object, hints: object
) -> None:
    with time_machine.travel(NOW, tick=False):
        called, lately, new, unmeasured, asleep, plain = (
            idle(workspace, name) for name in ("called", "lately", "new", "unmeasured", "asleep", "plain")
        )
        some = SampleValues(counts={"2xx": 1}, covered_ms=1)
        SampleFactory(
            deployment=called.deployments.get(), resolution=3600, at=NOW.replace(minute=0) - 100 * HOUR, values=some
        )
        SampleFactory(deployment=lately.deployments.get(), resolution=60, at=NOW - timedelta(minutes=3), values=some)
        Endpoint.objects.filter(pk=new.pk).update(created_at=NOW - timedelta(days=6))
        unmeasured.deployments.get().samples.all().delete()
        asleep.deployments.get().replicas.update(state="Stopped")
        SampleFactory(
            deployment=plain.deployments.get(), resolution=3600, at=NOW.replace(minute=0) - 200 * HOUR, values=some
        )
        page = text(signed_in("staff"), "it_spend").partition('id="idle"')[2].partition("</section>")[0]
    for name in ("called", "lately", "new", "unmeasured", "asleep"):
        assert f">{name}</a>" not in page, name
    assert ">plain</a>" in page
    assert "2026-03-12 04:00" in page  # when it was called last


def test_the_dearest_idle_endpoints_are_shown_and_all_are_counted(
    signed_in: SignedIn, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("endpoints.selectors.spend.IDLE_SHOWN", 1)
    with time_machine.travel(NOW, tick=False):
        idle(workspace, "cheap")
        dear = idle(workspace, "dear").deployments.get()
        start = NOW.replace(minute=0) - 5 * HOUR
        UsageFactory(deployment=dear, replica_id="r", started_at=start, ended_at=start + HOUR)
        called = SampleValues(counts={"2xx": 1}, covered_ms=1)
        midnight = NOW.replace(hour=0, minute=0) - timedelta(days=40)
        SampleFactory(deployment=dear, resolution=3600, at=midnight + 4 * HOUR, values=called)
        SampleFactory(deployment=dear, resolution=86400, at=midnight, values=called)
        page = text(signed_in("staff"), "it_spend")
    assert '<p class="tile-value">2</p>' in page
    assert "The 1 dearest of 2." in page
    found = page.partition('id="idle"')[2].partition("</section>")[0]
    assert ">dear</a>" in found
    assert ">cheap</a>" not in found
    assert "2026-02-08 00:00" in found  # by the day: it was long ago


def test_an_owner_is_told_once(
    signed_in: SignedIn, workspace: Workspace, people: People, settings: LazySettings, adapters: object, hints: object
) -> None:
    url = reverse("it_idle_notify", args=["sleepy"])
    with time_machine.travel(NOW, tick=False):
        endpoint = idle(workspace, "sleepy", owner=people.owner)
        client = signed_in("staff")
        client.post(url)
        assert "Owners cannot be told" in text(client, "it_spend")
        assert not Notification.objects.exists()
        settings.STUDIO_MAIL = {"host": "mail.example.org", "sender": "studio@example.org"}
        assert "Notify owner" in text(client, "it_spend")
        for _ in range(2):
            assert client.post(url).status_code == 303
        page = text(client, "it_spend")
        assert "A mail to owner@example.com is on its way." in page
        assert "told" in page
        assert "Notify owner" not in page
        Notification.objects.update(state="failed")
        assert "Notify owner" in text(client, "it_spend")
    told = Notification.objects.get()
    assert (told.recipient, told.channel) == ("owner@example.com", None)
    assert "cost 6.00 USD" in told.document["text"]
    event = Event.objects.get(verb="endpoint.owner_told_idle")
    assert (event.endpoint_id, event.actor, event.after) == (endpoint.pk, people.staff, {"told": "owner@example.com"})


def test_an_idle_endpoint_is_scaled_to_zero(
    signed_in: SignedIn, workspace: Workspace, people: People, adapters: object, hints: object
) -> None:
    url = reverse("it_idle_sleep", args=["sleepy"])
    with time_machine.travel(NOW, tick=False):
        endpoint = idle(workspace, "sleepy")
        client = signed_in("staff")
        page = text(client, "it_spend")
        assert "The next request waits while a replica starts" in page
        assert client.post(url).status_code == 303
        assert endpoint.deployments.get().sleep == "asleep"
        endpoint.deployments.get().replicas.update(state="Stopped")
        client.post(url)
        assert "is not idle any more" in text(client, "it_spend")
    event = Event.objects.get(verb="deployment.scaled_to_zero")
    assert (event.actor, event.reason) == (people.staff, "IT: no call in 7 days.")


def test_it_without_a_role_may_tell_but_not_scale(
    signed_in: SignedIn, workspace: Workspace, people: People, adapters: object, hints: object
) -> None:
    client = helper()
    with time_machine.travel(NOW, tick=False):
        endpoint = idle(workspace, "sleepy")
        idle(team := WorkspaceFactory(name="team"), "of-the-team")
        mine, his = idle(workspace, "mine"), User.objects.get(email="helper@example.com")
        RoleAssignmentFactory(user=his, workspace=team, role=Role.DATA_SCIENTIST)
        RoleAssignmentFactory(user=his, workspace=workspace, endpoint=mine, role=Role.OWNER)
        RoleAssignmentFactory(user=his, workspace=workspace, role=Role.READER)
        page = text(client, "it_spend")
        shown = {name: f"Scale {name} to zero" in page for name in ("sleepy", "of-the-team", "mine")}
        assert shown == {"sleepy": False, "of-the-team": True, "mine": True}
        assert client.post(reverse("it_idle_sleep", args=["sleepy"])).status_code == 403
        assert endpoint.deployments.get().sleep == "awake"


def test_security_shows_what_deserves_a_look(
    signed_in: SignedIn, churn: Endpoint, people: People, workspace: Workspace
) -> None:
    old = timezone.now() - timedelta(days=400)
    protected = UserFactory(email="safe@example.com")
    Authenticator.objects.create(user=protected, type=Authenticator.Type.TOTP, data={"secret": "x"})
    by_provider = UserFactory(email="sso@example.com")
    by_provider.set_unusable_password()
    by_provider.save()
    PersonalTokenFactory(user=people.owner, name="forgotten", created_at=old)
    PersonalTokenFactory(user=people.owner, name="fresh")
    PersonalTokenFactory(user=people.owner, name="gone", created_at=old, revoked_at=old)
    Credential.objects.filter(endpoint=churn, kind="Primary").update(created_at=old)
    for _ in range(3):
        EventFactory(verb="sign_in.failed", subject="owner@example.com")
    EventFactory(verb="sign_in.failed", subject="long-ago@example.com", created_at=old)
    ModelVersionFactory(
        workspace=workspace,
        name="evil",
        scan_status="findings",
        scan_findings=[{"path": "a.pkl", "severity": "high", "message": "It calls <system>."}],
    )
    page = text(signed_in("staff"), "it_security")

    def section(name: str) -> str:
        return page.partition(f'id="{name}"')[2].partition("</section>")[0]

    assert "reader@example.com" in section("second-factor")
    assert "safe@example.com" not in section("second-factor")
    assert "sso@example.com" not in section("second-factor")
    assert "forgotten" in section("tokens")
    assert "fresh" not in section("tokens")
    assert "gone" not in section("tokens")
    assert "Primary" in section("keys")
    assert "Secondary" not in section("keys")
    assert "primary-key-of-churn" not in page
    assert '<td class="number">3</td>' in section("failures")
    assert "long-ago" not in section("failures")
    assert "It calls &lt;system&gt;." in section("findings")
    assert "<b>research:&nbsp;</b>Reader" in section("roles")
    narrowed = text(signed_in("staff"), "it_security", "?q=reader@").partition('id="roles"')[2]
    assert "owner@example.com" not in narrowed
    assert "Nobody by that name" in text(signed_in("staff"), "it_security", "?q=nobody@")


def test_it_says_what_is_old(signed_in: SignedIn, churn: Endpoint, people: People) -> None:
    client, url = signed_in("staff"), reverse("it_security")
    PersonalTokenFactory(user=people.owner, name="forgotten", created_at=timezone.now() - timedelta(days=40))
    assert "forgotten" not in text(client, "it_security")
    bad = client.post(url, {"old_token_days": "0", "unused_token_days": "30", "old_key_days": "x"})
    assert bad.status_code == 422
    assert SiteState.objects.get().old_token_days == 180
    given = {"old_token_days": "30", "unused_token_days": "30", "old_key_days": "60"}
    assert client.post(url, given).status_code == 303
    assert "forgotten" in text(client, "it_security")
    event = Event.objects.get(verb="site.ages_set")
    assert event.before == {"old_token_days": 180, "unused_token_days": 90, "old_key_days": 365}
    assert event.after == {"old_token_days": 30, "unused_token_days": 30, "old_key_days": 60}


def test_retention_says_how_long_and_how_much(signed_in: SignedIn, churn: Endpoint, settings: LazySettings) -> None:
    settings.STUDIO_SAMPLE_RETENTION = {10: timedelta(days=2), 60: timedelta(days=15), 3600: timedelta(days=400)}
    at = timezone.now().replace(second=0, microsecond=0) - timedelta(hours=30)
    SampleFactory(deployment=churn.deployments.get(name="blue"), resolution=10, at=at)
    EventFactory()
    probe_sizes()
    page = text(signed_in("staff"), "it_retention")
    row = page.partition("Samples of 10 seconds")[2].partition("</tr>")[0]
    assert "<td>2 days</td>" in row
    assert "STUDIO_SAMPLES_10S_DAYS" in row
    assert f"{at:%Y-%m-%d %H:%M}" in row
    assert "3.0\xa0MB" in page.partition("Logs of the studio")[2].partition("</tr>")[0]
    assert "for ever" in page.partition("Events: history")[2].partition("</tr>")[0]


def test_who_needs_no_role_is_shown_and_found(signed_in: SignedIn, workspace: Workspace) -> None:
    UserFactory(email="root@example.com", is_superuser=True)
    client = signed_in("staff")
    for query, others in (("", True), ("?q=ROOT@", False)):
        found = text(client, "it_security", query).partition('id="roles"')[2]
        row = found.partition("root@example.com</td>")[2].partition("</tr>")[0]
        assert "everywhere:&nbsp;</b>everything" in row, query
        assert "IT’s pages" not in row
        assert ("staff@example.com</td>" in found) is others
        assert "Nobody by that name" not in found
    assert "Nobody by that name" in text(client, "it_security", "?q=nobody-at-all")


def test_all_scan_findings_are_counted(
    signed_in: SignedIn, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("endpoints.selectors.security.SHOWN", 1)
    for _ in range(2):
        ModelVersionFactory(workspace=workspace, scan_status="findings")
    page = text(signed_in("staff"), "it_security")
    assert '<p class="tile-value">2</p><p class="tile-foot">model versions</p>' in page


def test_it_says_how_long_records_are_kept(signed_in: SignedIn, churn: Endpoint, settings: LazySettings) -> None:
    client, url = signed_in("staff"), reverse("it_retention")
    old = Notification.objects.create(
        recipient="a@example.com", key="k", document={}, state="sent", created_at=timezone.now() - timedelta(days=20)
    )
    tidy()
    assert Notification.objects.filter(pk=old.pk).exists()
    assert client.post(url, {"notification_days": "-1", "decision_days": "9"}).status_code == 422
    assert client.post(url, {"notification_days": "10", "decision_days": "9"}).status_code == 303
    assert Event.objects.get(verb="site.retention_set").after == {"notification_days": 10, "decision_days": 9}
    tidy()
    assert not Notification.objects.filter(pk=old.pk).exists()


def test_versions_and_the_bill_of_materials(signed_in: SignedIn, churn: Endpoint) -> None:
    probe()
    client = signed_in("staff")
    page = text(client, "it_versions")
    for words in ("Endpoint Studio", "0.1.0", "Envoy (the gateway)", "Valkey 9", "STUDIO_SECRET_KEY"):
        assert words in page, words
    answer = client.get(reverse("it_sbom"))
    assert answer["Content-Type"] == "application/vnd.cyclonedx+json"
    assert "attachment" in answer["Content-Disposition"]
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(answer.content.decode()) is None
    bill = json.loads(answer.content)
    components = {each["name"]: each for each in bill["components"]}
    assert components["django"]["purl"].startswith("pkg:pypi/django@5.2")
    assert components["django"]["licenses"]
    assert bill["metadata"]["component"]["name"] == "endpoint-studio"


def test_what_is_installed_is_looked_up_once(signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch) -> None:
    client = signed_in("staff")
    text(client, "it_versions")
    monkeypatch.setattr("studio.it.sbom.distributions", lambda: 1 / 0)
    assert "allauth" in text(client, "it_versions")
    assert client.get(reverse("it_sbom")).status_code == 200


def test_the_tabs_lead_everywhere_and_say_where_one_is(signed_in: SignedIn, churn: Endpoint) -> None:
    client = signed_in("staff")
    tabs = text(client, "it_retention").partition('aria-label="IT dashboard"')[2].partition("</nav>")[0]
    assert tabs.count("aria-current") == 1
    assert 'href="/it/retention/" aria-current="page"' in tabs
    for part in tabs.split('href="')[1:]:
        assert client.get(part.partition('"')[0]).status_code == 200, part
