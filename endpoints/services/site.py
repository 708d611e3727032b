"""What the site's IT switches for everybody: read-only mode, and a banner on every page."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from endpoints.domain.actor import Actor
from endpoints.domain.errors import Invalid
from endpoints.enums import BannerLevel
from endpoints.models import SiteState
from endpoints.permissions import require_staff
from endpoints.services import events

LONGEST_TEXT = 300
AGES = ("old_token_days", "unused_token_days", "old_key_days")
KEPT = ("notification_days", "decision_days")
DAYS = (1, 3650)  # least, most, of each of them


def set_read_only(
    *, actor: Actor, read_only: bool, now: datetime, reason: str = "", until: datetime | None = None
) -> SiteState:
    """People may write nothing from now on, until it is switched off or the time has come. The studio's own work,
    scoring and signing in go on."""
    require_staff(actor.user)
    problems = _ends_later("read_only_until", until, now) if read_only else {}
    if read_only and not 0 < len(reason.strip()) <= LONGEST_TEXT:
        problems["read_only_reason"] = f"Say why, in up to {LONGEST_TEXT} characters: all who are refused read it."
    if problems:
        raise Invalid(problems)
    fields = {
        "read_only": read_only,
        "read_only_reason": reason.strip() if read_only else "",
        "read_only_until": until if read_only else None,
    }
    return _switched(actor, "site.read_only_set", fields)


def set_banner(
    *,
    actor: Actor,
    text: str,
    now: datetime,
    level: str = BannerLevel.INFO,
    begins: datetime | None = None,
    ends: datetime | None = None,
) -> SiteState:
    """An empty text takes the banner away."""
    require_staff(actor.user)
    text = text.strip()
    problems = _ends_later("banner_until", ends, max(now, begins or now)) if text else {}
    if len(text) > LONGEST_TEXT:
        problems["banner"] = f"At most {LONGEST_TEXT} characters."
    if level not in BannerLevel.values:
        problems["banner_level"] = f"Use {', '.join(BannerLevel.values)}."
    if problems:
        raise Invalid(problems)
    fields = {
        "banner": text,
        "banner_level": level,
        "banner_from": begins if text else None,
        "banner_until": ends if text else None,
    }
    return _switched(actor, "site.banner_set", fields)


def set_ages(*, actor: Actor, **days: int) -> SiteState:
    """After how many days IT is shown tokens and keys as old. Nothing is revoked by it."""
    return _set_days(actor, "site.ages_set", AGES, days)


def set_kept(*, actor: Actor, **days: int) -> SiteState:
    """How long deliveries of notifications and decisions of autoscale are kept."""
    return _set_days(actor, "site.retention_set", KEPT, days)


def _set_days(actor: Actor, verb: str, allowed: Collection[str], days: Mapping[str, int]) -> SiteState:
    require_staff(actor.user)
    low, high = DAYS
    problems = {name: "There is no such setting." for name in days if name not in allowed}
    problems |= {name: f"A whole number from {low} to {high}." for name, value in days.items() if not _is_days(value)}
    if problems:
        raise Invalid(problems)
    return _switched(actor, verb, dict(days))


def _is_days(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and DAYS[0] <= value <= DAYS[1]


def _ends_later(name: str, end: datetime | None, begin: datetime) -> dict[str, str]:
    return {name: "This lies in the past, or before the beginning."} if end is not None and end <= begin else {}


def _switched(actor: Actor, verb: str, fields: dict[str, Any]) -> SiteState:
    with transaction.atomic():
        SiteState.objects.get_or_create(id=1)
        state = SiteState.objects.select_for_update().get(id=1)
        before = {name: getattr(state, name) for name in fields}
        for name, value in fields.items():
            setattr(state, name, value)
        state.save(update_fields=list(fields))
        if before != fields:
            events.record(actor=actor, verb=verb, subject="site", before=_plain(before), after=_plain(fields))
    return state


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in fields.items()}
