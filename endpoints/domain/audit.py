"""The chain over the history: each link holds what the event says and all links before it."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """`digest` is of the event alone, `hash` of it and of the chain so far: so that what was tampered with is named."""

    position: int  # from 1, without gaps
    event_id: int
    digest: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """What the head of the chain once was, as somewhere else remembers."""

    position: int
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with the history, and where. Position 0: no link is to blame."""

    position: int
    event_id: int
    message: str


def canonical(value: Any) -> bytes:
    """JSON of which there is only one for each value: sorted, without blanks, in ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def genesis(site: str) -> str:
    """What the first link follows: a chain of another site is none of ours."""
    return _sha256({"chain": "endpoint-studio", "version": 1, "site": site})


def digest_of(event: Mapping[str, Any]) -> str:
    return _sha256(event)


def hash_of(previous: str, *, position: int, event_id: int, digest: str) -> str:
    return _sha256({"previous": previous, "position": position, "event": event_id, "digest": digest})


def chained(events: Iterable[Mapping[str, Any]], *, after: Anchor) -> Iterator[Link]:
    """Links for the events, in their order. Each event has its id under "id"."""
    previous, position = after.hash, after.position
    for event in events:
        position, event_id, digest = position + 1, int(event["id"]), digest_of(event)
        previous = hash_of(previous, position=position, event_id=event_id, digest=digest)
        yield Link(position=position, event_id=event_id, digest=digest, hash=previous)


def faults_of(links: Iterable[Link], events: Mapping[int, Mapping[str, Any]], *, after: Anchor) -> Iterator[Fault]:
    """What does not hold in a stretch of the chain that begins after that head. One fault hides no later one."""
    previous, position = after.hash, after.position
    for link in links:
        if link.position != position + 1:
            missing = link.position - position - 1
            yield _fault(position + 1, 0, f"{missing} of the chain's links were removed, from here on.")
        elif link.hash != hash_of(previous, position=link.position, event_id=link.event_id, digest=link.digest):
            yield _fault(link.position, link.event_id, "The link does not follow the one before it: it was changed.")
        event = events.get(link.event_id)
        if event is None:
            yield _fault(link.position, link.event_id, "The event was removed.")
        elif digest_of(event) != link.digest:
            yield _fault(link.position, link.event_id, "The event was changed after it had been sealed.")
        previous, position = link.hash, link.position


def anchor_faults(anchors: Iterable[Anchor], hashes: Mapping[int, str], *, head: int) -> Iterator[Fault]:
    """Where the chain is not as it was remembered. `hashes` are those of the anchors' positions."""
    for anchor in anchors:
        if anchor.position > head:
            yield _fault(
                anchor.position, 0, f"The chain ends at {head}, and once reached {anchor.position}: it was cut off."
            )
        elif anchor.position in hashes and hashes[anchor.position] != anchor.hash:
            yield _fault(anchor.position, 0, "The chain has another hash here than it once had: it was made anew.")


def _fault(position: int, event_id: int, message: str) -> Fault:
    return Fault(position=position, event_id=event_id, message=message)


def _sha256(value: Any) -> str:
    return hashlib.sha256(canonical(value)).hexdigest()
