"""The chain over the history, as it stands."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from endpoints import wiring
from endpoints.domain.audit import Anchor, genesis
from endpoints.models import AuditForwarder, AuditState, Event, Seal

# An id is given out before its transaction ends. None of ours stays open for so long.
LATEST_COMMIT = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditStatus:
    head: Anchor
    sealed_event: int
    unsealed: int  # events that wait for their seal
    state: AuditState
    backlogs: list[tuple[AuditForwarder, int]]  # events that were not forwarded yet


def audit_state() -> AuditState:
    return AuditState.objects.get_or_create(id=1)[0]


def audit_status(*, now: datetime) -> AuditStatus:
    last = Seal.objects.last()
    state, head = audit_state(), head_of(last)
    known = {row.address: row for row in AuditForwarder.objects.all()}
    wanted = [known.get(each.address) or AuditForwarder(address=each.address) for each in wiring.forwarders()]
    return AuditStatus(
        head=head,
        sealed_event=last.event_id if last else 0,
        unsealed=unsealed(now=now).count(),
        state=state,
        backlogs=[(row, head.position - row.position) for row in wanted],
    )


def head_of(last: Seal | None) -> Anchor:
    """The end of the chain, or what the first link will follow."""
    if last is None:
        return Anchor(position=0, hash=genesis(str(audit_state().site)))
    return Anchor(position=last.position, hash=last.hash)


def head_at(position: int) -> Anchor:
    """The chain's end before what follows that position."""
    return head_of(Seal.objects.filter(position__lte=position).last())


def unsealed(*, now: datetime) -> QuerySet[Event]:
    """Committed, and not in the chain yet: the oldest first. One that comes up below what was sealed long ago was
    slipped in: no check would call it good, and it is not sealed."""
    settled = settled_event(now=now)
    sealed = Seal.objects.filter(event_id=OuterRef("pk"))
    return Event.objects.filter(~Exists(sealed), pk__gt=settled).order_by("pk")


def settled_event(*, now: datetime) -> int:
    """Every event up to this id was committed, or never will be."""
    last = Seal.objects.filter(sealed_at__lt=now - LATEST_COMMIT).order_by("-position").first()
    return last.event_id if last else 0


def slipped_in(*, now: datetime) -> QuerySet[Event]:
    """Events that came to be among others that had been sealed long before."""
    sealed = Seal.objects.filter(event_id=OuterRef("pk"))
    return Event.objects.filter(~Exists(sealed), pk__lte=settled_event(now=now)).order_by("pk")


def plain(event: Event) -> dict[str, Any]:
    """All of the event, as it is sealed and forwarded."""
    return {
        "id": event.pk,
        "at": event.created_at.isoformat(),
        "actor": event.actor_name,
        "actor_id": event.actor_id,
        "source": event.source,
        "verb": event.verb,
        "subject": event.subject,
        "workspace_id": event.workspace_id,
        "endpoint": event.endpoint_name,
        "endpoint_id": str(event.endpoint_id) if event.endpoint_id else None,
        "deployment": event.deployment_name,
        "deployment_id": str(event.deployment_id) if event.deployment_id else None,
        "before": event.before,
        "after": event.after,
        "reason": event.reason,
        "request_id": event.request_id,
    }


def plain_events(ids: Iterable[int]) -> Mapping[int, dict[str, Any]]:
    return {event.pk: plain(event) for event in Event.objects.filter(pk__in=list(ids))}
