"""The traffic log: what the gateway wrote of requests goes into the table, part by part, and old rows out of it.

The rows of a part and how far it was read are written in one transaction: a reader that is killed has not read.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import F, Max, Min
from django.utils import timezone

from endpoints import wiring
from endpoints.domain.traffic_log import Entry, NoEntry, Part, Position, entry_of
from endpoints.models import Endpoint, TrafficLogEntry, TrafficLogState
from endpoints.reconcile.leases import Held, lease
from endpoints.selectors.traffic_log import state as traffic_log_state

logger = logging.getLogger(__name__)

LEASE_SECONDS = 30
EVERY_SECONDS = 1.0
PARTS_AT_ONCE = 50
SIGN_OF_LIFE = timedelta(seconds=20)
PRUNED_AT_ONCE = 10_000  # rows
ROW_BYTES = 700  # that a row takes in the database, its indexes included


def read_traffic_log(*, now: datetime | None = None) -> int | None:
    """As many parts as there are, up to a number. The rows that were written; None when another reader is at work."""
    if not _due(now or timezone.now()):
        return 0
    with lease("traffic-log", seconds=LEASE_SECONDS) as held:
        if held is None:
            return None
        written = 0
        for _ in range(PARTS_AT_ONCE):
            rows = _part(held, now=now or timezone.now())
            if rows is None:
                break
            written += rows
        prune(now=now or timezone.now())
        return written


def _due(now: datetime) -> bool:
    """While nothing comes, the database is left alone but for a sign of life."""
    state = traffic_log_state()
    if state.read_at is None or now - state.read_at > SIGN_OF_LIFE:
        return True
    part = wiring.traffic_log().read(_position(state))
    return bool(part.lines or part.done)


def _position(state: TrafficLogState) -> Position:
    return Position(file=state.file, offset=state.offset, lines=state.lines)


def _part(held: Held, *, now: datetime) -> int | None:
    """One; None when there was nothing to read, or it is not ours to write."""
    state, _ = TrafficLogState.objects.get_or_create(id=1)
    part = wiring.traffic_log().read(_position(state))
    entries, unreadable = _entries(part.lines)
    rows = _rows(entries)
    with transaction.atomic():
        if not held.keep():
            return None
        TrafficLogEntry.objects.bulk_create(rows)
        _advance(part, kept=len(rows), unreadable=unreadable, now=now)
    wiring.traffic_log().discard(part)
    _tell(part)
    return len(rows) if part.lines else None


def _entries(lines: Iterable[bytes]) -> tuple[list[Entry], int]:
    """And how many lines were none."""
    found, unreadable = [], 0
    for line in lines:
        try:
            found.append(entry_of(line))
        except NoEntry:
            unreadable += 1
    return found, unreadable


def _rows(entries: Iterable[Entry]) -> list[TrafficLogEntry]:
    """Of endpoints that there are; deleted ones too, until their rows are gone."""
    entries = list(entries)
    known = set(Endpoint.objects.filter(pk__in={entry.endpoint for entry in entries}).values_list("pk", flat=True))
    return [
        TrafficLogEntry(endpoint_id=entry.endpoint, **{k: v for k, v in asdict(entry).items() if k != "endpoint"})
        for entry in entries
        if entry.endpoint in known
    ]


def _advance(part: Part, *, kept: int, unreadable: int, now: datetime) -> None:
    at = part.position
    lost = {"dropped": F("dropped") + part.lost, "dropped_at": now} if part.lost else {}
    TrafficLogState.objects.filter(id=1).update(
        file=at.file,
        offset=at.offset,
        lines=at.lines,
        kept=F("kept") + kept,
        unreadable=F("unreadable") + unreadable,
        read_at=now,
        behind_bytes=part.behind,
        **lost,
    )


def _tell(part: Part) -> None:
    if part.lost:
        logger.warning("The traffic log could not keep up: %d requests were dropped from it.", part.lost)


def prune(*, now: datetime) -> None:
    """What is too old, and the oldest of what is too much. A bounded part at a time: the next one goes on."""
    kept = timedelta(days=settings.STUDIO_TRAFFIC_LOG_DAYS)
    ends = TrafficLogEntry.objects.aggregate(first=Min("pk"), last=Max("pk"))
    if ends["first"] is None:
        return
    most = settings.STUDIO_TRAFFIC_LOG_MEGABYTES * 1024 * 1024 // ROW_BYTES
    oldest = TrafficLogEntry.objects.filter(pk__lt=ends["first"] + PRUNED_AT_ONCE)
    oldest.filter(at__lt=now - kept).delete()
    oldest.filter(pk__lte=ends["last"] - most).delete()


def run(*, wait: Callable[[float], bool]) -> None:
    """Reads on until `wait` (seconds) tells to stop. No failure ends it."""
    while not wait(EVERY_SECONDS):
        try:
            read_traffic_log()
        except DatabaseError as error:
            logger.warning("The database does not answer: %s", error)
        except Exception:
            logger.exception("A part of the traffic log could not be read; the next try goes on.")
