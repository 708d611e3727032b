"""`manage.py verify_audit`: whether the history is as it was written."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from endpoints.domain.audit import Anchor
from endpoints.models import Seal
from endpoints.selectors.audit import head_of, unsealed
from endpoints.services.audit import verify


class Command(BaseCommand):
    help = "Check the chain over the history from its first link on; fails where an event or a link was tampered with."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--anchor",
            action="append",
            default=[],
            type=_anchor,
            metavar="POSITION:HASH",
            help="a head of the chain that was kept elsewhere, such as in a forwarded line; may be given again",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        state = verify(now=now, anchors=tuple(options["anchor"]))
        for fault in state.faults:
            where = f"event {fault['event_id']}" if fault["event_id"] else "the chain"
            at = f", position {fault['position']}" if fault["position"] else ""
            self.stderr.write(f"{where}{at}: {fault['message']}")
        waiting = unsealed(now=now).count()
        if waiting:
            self.stdout.write(f"{waiting} events wait for their seal.")
        if state.faults:
            raise CommandError(f"The history was tampered with: {len(state.faults)} faults.")
        head = head_of(Seal.objects.last())
        self.stdout.write(f"Verified to event {state.verified_event}. Head {head.position}:{head.hash}")


def _anchor(text: str) -> Anchor:
    position, _, digest = text.partition(":")
    if not position.isdecimal() or len(digest) != 64:
        raise argparse.ArgumentTypeError("use POSITION:HASH, such as verify_audit and the forwarded lines print them.")
    return Anchor(position=int(position), hash=digest.lower())
