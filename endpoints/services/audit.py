"""The check of the history's chain: started by IT or by the clock, taken further in steps, or whole at once."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime

from django.utils import timezone

from endpoints import wiring
from endpoints.domain.actor import Actor
from endpoints.domain.audit import Anchor, Fault, anchor_faults, faults_of
from endpoints.models import AuditState, Seal
from endpoints.permissions import require_staff
from endpoints.selectors.audit import audit_state, head_at, head_of, plain_events, slipped_in
from endpoints.services import events

STEP = 1000  # links that are looked at with one query
STEPS = 20  # in one turn of the background
MOST_FAULTS = 1000  # that are kept: by then nobody counts


def ask_for_check(*, actor: Actor) -> None:
    """From the first link on, in the background."""
    require_staff(actor.user)
    events.record(actor=actor, verb="audit.check_started")
    start_check(now=timezone.now())


def start_check(*, now: datetime) -> None:
    audit_state()
    AuditState.objects.filter(id=1).update(checking_since=now, checked_position=0, checked_faults=[])


def check_further(*, now: datetime) -> None:
    """As far as one turn takes the check that goes on, if one does; at the chain's end it is over."""
    state = audit_state()
    if state.checking_since is None:
        return
    for _ in range(STEPS):
        last = _check_step(state)
        if last is None:
            _conclude(state, now=now)
            return
        state.checked_position = last.position
    state.save()


def verify(*, now: datetime, anchors: tuple[Anchor, ...] = ()) -> AuditState:
    """All of it at once. `anchors` are heads that somebody else remembers, besides our own file."""
    start_check(now=now)
    state = audit_state()
    while last := _check_step(state):
        state.checked_position = last.position
    _conclude(state, now=now, anchors=anchors)
    return state


def _check_step(state: AuditState) -> Seal | None:
    """The last link of the stretch; None where the chain has ended."""
    seals = list(Seal.objects.filter(position__gt=state.checked_position)[:STEP])
    known = plain_events(seal.event_id for seal in seals)
    head = head_at(state.checked_position)
    _keep(state, faults_of(seals, known, after=head))
    return seals[-1] if seals else None


def _keep(state: AuditState, found: Iterator[Fault]) -> None:
    for fault in found:
        if len(state.checked_faults) < MOST_FAULTS:
            state.checked_faults.append(asdict(fault))


def _conclude(state: AuditState, *, now: datetime, anchors: tuple[Anchor, ...] = ()) -> None:
    head = head_of(Seal.objects.last())
    _keep(state, _anchored((*_remembered(state), *anchors), head=head))
    _keep(state, (Fault(position=0, event_id=event.pk, message=SLIPPED_IN) for event in slipped_in(now=now)))
    state.faults, state.checked_faults, state.checking_since = state.checked_faults, [], None
    last = Seal.objects.filter(position__lte=state.checked_position).last()
    state.verified_at, state.verified_position = now, state.checked_position
    state.verified_event = last.event_id if last else 0
    state.save()


SLIPPED_IN = "The event has no link, and its number lies among events that were sealed long ago: it was slipped in."


def _remembered(state: AuditState) -> tuple[Anchor, ...]:
    noted = wiring.anchors().of(str(state.site))
    return tuple(Anchor(position=int(each["position"]), hash=str(each["hash"])) for each in noted)


def _anchored(anchors: tuple[Anchor, ...], *, head: Anchor) -> Iterator[Fault]:
    """The furthest alone says that the chain was cut off."""
    known = {anchor.position: anchor.hash for anchor in anchors}
    hashes: dict[int, str] = {}
    positions = sorted(known)
    for start in range(0, len(positions), STEP):
        part = positions[start : start + STEP]
        hashes |= dict(Seal.objects.filter(position__in=part).values_list("position", "hash"))
    beyond = [anchor for anchor in anchors if anchor.position > head.position]
    furthest = max(beyond, key=lambda anchor: anchor.position, default=None)
    within = [anchor for anchor in anchors if anchor.position <= head.position]
    return anchor_faults([*within, *([furthest] if furthest else [])], hashes, head=head.position)
