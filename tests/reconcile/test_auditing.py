"""The history: only ever added to, sealed, checked, forwarded."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from endpoints import wiring
from endpoints.domain.actor import SYSTEM
from endpoints.models import AppendOnly, AuditForwarder, AuditState, Event, Seal, User, Workspace
from endpoints.models.guards import guard, unguard
from endpoints.reconcile.auditing import audit
from endpoints.selectors.audit import LATEST_COMMIT, audit_status
from endpoints.services import events
from endpoints.services.audit import verify
from tests.factories import EventFactory, UserFactory, WorkspaceFactory
from tests.people import People

pytestmark = pytest.mark.django_db


@pytest.fixture
def chain(workspace: Workspace, settings: LazySettings, tmp_path: Path) -> list[Event]:
    """Five sealed events."""
    settings.STUDIO_DATA_DIR = tmp_path
    made: list[Event] = [
        EventFactory(workspace=workspace, verb=f"thing.{number}", after={"n": number}) for number in range(5)
    ]
    audit()
    return made


def tamper(sql: str, *values: Any) -> None:
    """As somebody who has the database and removes its guards."""
    unguard("default")
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
    guard("default")


def faults(now: datetime | None = None) -> list[tuple[int, int]]:
    return [(fault["position"], fault["event_id"]) for fault in verify(now=now or timezone.now()).faults]


@pytest.mark.parametrize(
    "change",
    [
        lambda: Event.objects.update(verb="nothing"),
        lambda: Event.objects.all().delete(),
        lambda: Event.objects.get().delete(),
        lambda: Event.objects.get().save(),
        lambda: Event.objects.bulk_update([Event.objects.get()], ["verb"]),
    ],
)
def test_the_orm_changes_no_event(change: Callable[[], Any], db: None) -> None:
    EventFactory(verb="thing.done")
    with pytest.raises(AppendOnly):
        change()
    assert Event.objects.get().verb == "thing.done"


@pytest.mark.parametrize("table", ["endpoints_event", "endpoints_seal"])
@pytest.mark.parametrize("sql", ["DELETE FROM {}", "UPDATE {} SET {} = {}"])
def test_the_database_changes_no_event(chain: list[Event], table: str, sql: str) -> None:
    column = "verb" if table == "endpoints_event" else "hash"
    with pytest.raises(DatabaseError, match="only ever added to"), transaction.atomic():
        connection.cursor().execute(sql.format(table, column, column))
    assert Event.objects.count() == Seal.objects.count() == 5


def test_whose_history_it_is_may_be_deleted() -> None:
    workspace, user = WorkspaceFactory(), UserFactory(email="gone@example.com")
    event = EventFactory(workspace=workspace, actor=user, actor_name=user.email)
    audit()
    user_id, workspace_id = user.pk, workspace.pk
    User.objects.filter(pk=user_id).delete()
    workspace.delete()
    kept = Event.objects.select_related("actor").get(pk=event.pk)
    assert (kept.actor_id, kept.actor_name, kept.workspace_id) == (user_id, "gone@example.com", workspace_id)
    assert faults() == []


def test_every_event_gets_one_link_in_order(chain: list[Event]) -> None:
    audit()
    assert list(Seal.objects.values_list("position", "event_id")) == [(i, e.pk) for i, e in enumerate(chain, 1)]
    assert faults() == []
    status = audit_status(now=timezone.now())
    assert (status.head.position, status.unsealed) == (5, 0)


def test_what_is_written_later_is_sealed_later(chain: list[Event]) -> None:
    late = EventFactory(verb="late")
    assert audit_status(now=timezone.now()).unsealed == 1
    audit()
    assert Seal.objects.get(position=6).event_id == late.pk
    assert faults() == []


def test_a_change_is_found_and_named(chain: list[Event]) -> None:
    tamper("UPDATE endpoints_event SET after = %s WHERE id = %s", '{"n": 99}', chain[2].pk)
    assert faults() == [(3, chain[2].pk)]


def test_a_removal_is_found_and_named(chain: list[Event]) -> None:
    tamper("DELETE FROM endpoints_event WHERE id = %s", chain[1].pk)
    assert faults() == [(2, chain[1].pk)]
    tamper("DELETE FROM endpoints_seal WHERE position = 2")
    assert faults() == [(2, 0)]


def test_events_in_another_order_are_found_and_named(chain: list[Event]) -> None:
    first, second = chain[0].pk, chain[1].pk
    tamper("UPDATE endpoints_seal SET event_id = -1 WHERE position = 1")
    tamper("UPDATE endpoints_seal SET event_id = %s WHERE position = 2", first)
    tamper("UPDATE endpoints_seal SET event_id = %s WHERE position = 1", second)
    assert {position for position, _ in faults()} == {1, 2}


def test_one_that_was_slipped_in_is_found_and_named(chain: list[Event]) -> None:
    tamper("DELETE FROM endpoints_seal WHERE position = 5")
    tamper("DELETE FROM endpoints_event WHERE id = %s", chain[4].pk)
    long_ago = timezone.now() - 2 * LATEST_COMMIT
    tamper("UPDATE endpoints_seal SET sealed_at = %s", long_ago)
    slipped = EventFactory(pk=min(event.pk for event in chain) - 1, verb="never.happened")
    audit()
    assert not Seal.objects.filter(event_id=slipped.pk).exists()
    assert (0, slipped.pk) in faults()


def test_an_end_that_was_cut_off_is_found_by_its_anchor(chain: list[Event]) -> None:
    tamper("DELETE FROM endpoints_seal WHERE position > 3")
    tamper("DELETE FROM endpoints_event WHERE id IN (%s, %s)", chain[3].pk, chain[4].pk)
    assert faults() == [(5, 0)]
    wiring.anchors().path.unlink()
    assert faults() == []  # without an anchor it is as if they had never been


def test_a_chain_that_was_made_anew_is_found_by_its_anchor(chain: list[Event]) -> None:
    tamper("UPDATE endpoints_event SET verb = 'nothing' WHERE id = %s", chain[0].pk)
    tamper("DELETE FROM endpoints_seal")
    audit()
    assert (5, 0) in faults()


def test_a_chain_of_another_site_is_none_of_ours(chain: list[Event]) -> None:
    AuditState.objects.update(site="00000000-0000-0000-0000-000000000001")
    assert faults() == [(1, chain[0].pk)]


def test_the_command_says_how_far_it_is_good(chain: list[Event], capsys: pytest.CaptureFixture[str]) -> None:
    call_command("verify_audit")
    said = capsys.readouterr().out
    assert f"Verified to event {chain[4].pk}." in said
    anchor = said.strip().rpartition(" ")[2]
    assert anchor == f"5:{Seal.objects.get(position=5).hash}"
    call_command("verify_audit", anchor=[]), call_command("verify_audit", "--anchor", anchor)
    tamper("UPDATE endpoints_event SET reason = 'none' WHERE id = %s", chain[0].pk)
    with pytest.raises(CommandError, match="1 faults"):
        call_command("verify_audit")
    assert f"event {chain[0].pk}, position 1: The event was changed" in capsys.readouterr().err


def test_the_command_takes_anchors_from_elsewhere(chain: list[Event], capsys: pytest.CaptureFixture[str]) -> None:
    wiring.anchors().path.unlink()
    with pytest.raises(CommandError):
        call_command("verify_audit", "--anchor", f"9:{'0' * 64}")
    assert "was cut off" in capsys.readouterr().err
    with pytest.raises(CommandError):
        call_command("verify_audit", "--anchor", "nonsense")


def test_the_background_checks_by_itself_in_steps(chain: list[Event], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("endpoints.services.audit.STEP", 2)
    monkeypatch.setattr("endpoints.services.audit.STEPS", 1)
    AuditState.objects.update(verified_at=None, checking_since=None)
    seen = []
    for _ in range(4):
        audit()
        state = AuditState.objects.get()
        seen.append((state.checked_position, state.checking_since is None))
    assert seen == [(2, False), (4, False), (5, False), (5, True)]
    assert (state.verified_position, state.verified_event, state.faults) == (5, chain[4].pk, [])


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_it_is_forwarded_as_lines(chain: list[Event], settings: LazySettings, tmp_path: Path) -> None:
    target = tmp_path / "out" / "audit.jsonl"
    settings.STUDIO_AUDIT_FORWARD = [f"file://{target}"]
    audit()
    audit()
    sent = lines(target)
    assert [line["verb"] for line in sent] == [event.verb for event in chain]
    assert [(line["position"], line["hash"]) for line in sent] == list(Seal.objects.values_list("position", "hash"))
    assert target.stat().st_mode & 0o777 == 0o600
    assert [backlog for _, backlog in audit_status(now=timezone.now()).backlogs] == [0]


def test_what_cannot_be_forwarded_waits(chain: list[Event], settings: LazySettings, tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("no folder")
    good = tmp_path / "good.jsonl"
    settings.STUDIO_AUDIT_FORWARD = [f"file://{blocked}/audit.jsonl", f"file://{good}"]
    audit()
    events.record(actor=SYSTEM, verb="thing.later")
    audit()
    assert Seal.objects.count() == 6
    status = audit_status(now=timezone.now())
    assert [backlog for _, backlog in status.backlogs] == [6, 0]
    failing = status.backlogs[0][0]
    assert "cannot be written" in failing.error
    assert failing.failing_since is not None
    blocked.unlink()
    audit()
    assert len(lines(blocked / "audit.jsonl")) == 6
    healed = AuditForwarder.objects.get(address=failing.address)
    assert (healed.error, healed.failing_since) == ("", None)


def test_a_check_is_its_to_start(chain: list[Event], people: People) -> None:
    from endpoints.domain.errors import Forbidden
    from endpoints.services.audit import ask_for_check

    with pytest.raises(Forbidden):
        ask_for_check(actor=people.actor("owner"))
    ask_for_check(actor=people.actor("staff"))
    assert Event.objects.filter(verb="audit.check_started").count() == 1
    since = AuditState.objects.get().checking_since
    assert since is not None
    assert since > timezone.now() - timedelta(minutes=5)
