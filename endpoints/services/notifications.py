"""The outbox: what is to be said is written with what it tells of, and sent afterwards by whoever has the time.

A worker that dies before it sends loses nothing: its claim runs out. One that dies between the sending and the note
of it is the one case in which a message goes out again, under the same id, which receivers know it by.
"""

import logging
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from endpoints import hints, wiring
from endpoints.domain.notices import Destination, Notice, from_json, to_json
from endpoints.enums import ChannelKind, DeliveryState
from endpoints.models import Alert, Notification, NotificationChannel
from endpoints.notifying.port import SECONDS, Undelivered
from endpoints.services.channels import destination_of

logger = logging.getLogger(__name__)

CLAIM = timedelta(seconds=2 * SECONDS + 10)
AT_ONCE = 4  # a task is under a minute
WAITS = (15, 60, 300, 900, 3600, 3600, 3600)  # seconds after each failure; then it is given up


def announce(
    notice: Notice, channels: Iterable[NotificationChannel], *, key: str, now: datetime, alert: Alert | None = None
) -> None:
    """Once to each channel, whoever says it how often: `key` is what it is known by. In the caller's transaction."""
    rows = [
        Notification(channel=channel, alert=alert, key=key, document=to_json(notice), due_at=now, created_at=now)
        for channel in channels
        if channel.enabled
    ]
    Notification.objects.bulk_create(rows, ignore_conflicts=True)
    if rows:
        hints.notifications_waiting()


def announce_to(notice: Notice, recipient: str, *, key: str, now: datetime) -> bool:
    """By mail to one person, once; again where it was given up. False where it was said before. In the caller's
    transaction."""
    row = {"document": to_json(notice), "due_at": now, "created_at": now}
    said, made = Notification.objects.get_or_create(recipient=recipient, key=key, channel=None, defaults=row)
    given_up = Notification.objects.filter(pk=said.pk, state=DeliveryState.FAILED)
    if made or given_up.update(**row, state=DeliveryState.WAITING, attempts=0, claim=None, error=""):
        hints.notifications_waiting()
        return True
    return False


def send_due() -> None:
    """What is due, a bounded part at a time; what is left is asked for at once."""
    for _ in range(AT_ONCE):
        claimed = _claim(timezone.now())
        if claimed is None:
            return
        _send(claimed)
    hints.notifications_waiting()


def _claim(now: datetime) -> Notification | None:
    """Ours until its due_at, which the claim moves: whoever else wanted it finds it gone."""
    waiting = Notification.objects.filter(state=DeliveryState.WAITING, due_at__lte=now)
    for row in waiting.select_related("channel__workspace").order_by("due_at", "id")[:10]:
        claim = uuid.uuid4()
        mine = Notification.objects.filter(pk=row.pk, state=DeliveryState.WAITING, due_at=row.due_at)
        if mine.update(claim=claim, due_at=now + CLAIM, attempts=F("attempts") + 1):
            row.claim, row.attempts = claim, row.attempts + 1
            return row
    return None


def _send(row: Notification) -> None:
    if row.channel is not None and not row.channel.enabled:
        _note(row, state=DeliveryState.FAILED, error="The channel is switched off.")
        return
    try:
        wiring.notifier().send(from_json(row.document), _destination(row), id=str(row.pk))
    except Undelivered as error:
        _put_off(row, error)
    else:
        _note(row, state=DeliveryState.SENT, sent_at=timezone.now(), error="")


def _destination(row: Notification) -> Destination:
    if row.channel is None:
        return Destination(kind=ChannelKind.EMAIL, target=row.recipient)
    return destination_of(row.channel)


def _put_off(row: Notification, error: Undelivered) -> None:
    logger.warning("Notification %s by “%s”: %s", row.pk, row.channel.name if row.channel else "mail", error)
    if error.final or row.attempts > len(WAITS):
        _note(row, state=DeliveryState.FAILED, error=str(error)[:300])
    else:
        due = timezone.now() + timedelta(seconds=WAITS[row.attempts - 1])
        _note(row, due_at=due, error=str(error)[:300])


def _note(row: Notification, **fields: object) -> None:
    """Only while the claim is ours."""
    Notification.objects.filter(pk=row.pk, claim=row.claim).update(claim=None, **fields)


def forget_old(*, before: datetime) -> None:
    with transaction.atomic():
        Notification.objects.exclude(state=DeliveryState.WAITING).filter(created_at__lt=before).delete()
