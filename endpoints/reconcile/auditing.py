"""The history made safe, behind those who write it: sealed into a chain, checked, and sent elsewhere.

Sealing is no part of a write: a writer would have to wait for every other. Here one worker at a time seals what was
committed. An event that commits after one with a higher id is sealed after it: positions, not ids, are the chain."""

import json
import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from endpoints import wiring
from endpoints.domain.audit import chained
from endpoints.forwarding.port import Forwarder, ForwardError
from endpoints.models import AuditForwarder, Seal
from endpoints.reconcile.leases import Held, lease
from endpoints.selectors.audit import audit_state, head_of, plain, plain_events, unsealed
from endpoints.services.audit import check_further, start_check

logger = logging.getLogger("endpoints.audit")

BATCH = 500
BATCHES = 40  # at a time: the next turn comes in seconds
CHECKED_EVERY = timedelta(days=1)


def audit() -> None:
    with lease("audit", seconds=60) as held:
        if held is None:
            return
        now = timezone.now()
        seal_all(held, now=now)
        _check(held, now=now)
        for forwarder in wiring.forwarders():
            forward(held, forwarder, now=now)


def seal_all(held: Held, *, now: datetime) -> None:
    for _ in range(BATCHES):
        sealed = _seal(held, now=now)
        if sealed:
            _remember(sealed[-1])
        if len(sealed) < BATCH:
            return


def _seal(held: Held, *, now: datetime) -> list[Seal]:
    with transaction.atomic():
        if not held.keep():
            return []
        head, events = head_of(Seal.objects.last()), unsealed(now=now)[:BATCH]
        links = chained((plain(event) for event in events), after=head)
        return Seal.objects.bulk_create(
            Seal(position=link.position, event_id=link.event_id, digest=link.digest, hash=link.hash, sealed_at=now)
            for link in links
        )


def _remember(last: Seal) -> None:
    """Out of the database's reach: who cuts the chain off would have to change these too."""
    site = str(audit_state().site)
    logger.info("Audit chain of %s sealed to position %s: %s", site, last.position, last.hash)
    try:
        wiring.anchors().note(site=site, position=last.position, hash=last.hash, at=last.sealed_at.isoformat())
    except OSError as error:
        logger.warning("The head of the audit chain could not be noted: %s", error)


def _check(held: Held, *, now: datetime) -> None:
    state = audit_state()
    if state.checking_since is None and (state.verified_at is None or state.verified_at < now - CHECKED_EVERY):
        start_check(now=now)
    if held.keep():
        check_further(now=now)


def forward(held: Held, forwarder: Forwarder, *, now: datetime) -> None:
    """At least once: what was sent and not noted is sent again."""
    row, _ = AuditForwarder.objects.get_or_create(address=forwarder.address)
    for _ in range(BATCHES):
        seals = list(Seal.objects.filter(position__gt=row.position)[:BATCH])
        if not seals or not held.keep():
            return
        try:
            forwarder.send(_lines(seals))
        except ForwardError as error:
            _note_failure(row, error, now=now)
            return
        row.position, row.forwarded_at, row.error, row.failing_since = seals[-1].position, now, "", None
        row.save()


def _lines(seals: list[Seal]) -> list[str]:
    """An event that is gone leaves its link: whoever listens sees that it was there."""
    events = plain_events(seal.event_id for seal in seals)
    return [
        json.dumps({**events.get(seal.event_id, {"id": seal.event_id}), "position": seal.position, "hash": seal.hash})
        for seal in seals
    ]


def _note_failure(row: AuditForwarder, error: ForwardError, *, now: datetime) -> None:
    if not row.error:
        logger.warning("Audit events are not forwarded to %s: %s", row.address, error)
    row.error, row.failing_since = str(error), row.failing_since or now
    row.save()
