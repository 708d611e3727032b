"""What happens to accounts: signing in and out, passwords, second factors. Others do it; here it goes on record."""

from collections.abc import Mapping
from typing import Any

from endpoints.domain.actor import Actor
from endpoints.models import User
from endpoints.services import events


def record_account(
    *,
    actor: Actor,
    verb: str,
    user: User | None = None,
    subject: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
) -> None:
    """`user` is whose account it is; `subject` names it where there is none, as somebody typed it."""
    named = user.email if user else subject.replace("\0", "")[:200]
    events.record(actor=actor, verb=verb, subject=named, before=before, after=after, reason=reason)
