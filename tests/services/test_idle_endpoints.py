"""A person who is told by mail: once, and by the mail server alone."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from endpoints import wiring
from endpoints.domain.notices import Notice
from endpoints.enums import ChannelKind
from endpoints.models import Notification
from endpoints.notifying.fake import FakeNotifier
from endpoints.notifying.port import Undelivered
from endpoints.services.notifications import announce_to, send_due

pytestmark = pytest.mark.django_db
NOTICE = Notice(kind="endpoint.idle", title="Nobody calls it", text="Since a week.", at="2026-03-01T00:00:00Z")


def test_it_goes_to_the_persons_address_once(adapters: wiring.Adapters, hints: object) -> None:
    now = timezone.now()
    said = [announce_to(NOTICE, "ada@example.com", key="idle:1:never", now=now) for _ in range(2)]
    assert said == [True, False]
    send_due()
    notifier = adapters.notifier
    assert isinstance(notifier, FakeNotifier)
    [(_, notice, destination)] = notifier.sent
    assert (notice, destination.kind, destination.target) == (NOTICE, ChannelKind.EMAIL, "ada@example.com")
    assert Notification.objects.get().state == "sent"


def test_what_is_not_taken_waits(adapters: wiring.Adapters, hints: object) -> None:
    notifier = adapters.notifier
    assert isinstance(notifier, FakeNotifier)
    notifier.failure = Undelivered("The mail server did not take it.")
    announce_to(NOTICE, "ada@example.com", key="k", now=timezone.now())
    send_due()
    row = Notification.objects.get()
    assert (row.state, row.error) == ("waiting", "The mail server did not take it.")
    assert row.due_at > timezone.now() + timedelta(seconds=5)


def test_what_was_given_up_is_said_again(adapters: wiring.Adapters, hints: object) -> None:
    notifier, now = adapters.notifier, timezone.now()
    assert isinstance(notifier, FakeNotifier)
    notifier.failure = Undelivered("No such mailbox.", final=True)
    announce_to(NOTICE, "ada@example.com", key="k", now=now - timedelta(days=1))
    send_due()
    assert Notification.objects.get().state == "failed"
    notifier.failure = None
    assert announce_to(NOTICE, "ada@example.com", key="k", now=now)
    row = Notification.objects.get()
    assert (row.state, row.attempts, row.error, row.created_at) == ("waiting", 0, "", now)
    send_due()
    assert len(notifier.sent) == 1
    assert not announce_to(NOTICE, "ada@example.com", key="k", now=now)


def test_each_is_for_a_channel_or_a_person(db: None) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Notification.objects.create(key="k", document={})
