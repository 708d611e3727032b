"""What IT does about endpoints that cost although nobody calls them."""

from datetime import datetime

from django.conf import settings
from django.db import transaction

from endpoints.domain.actor import Actor
from endpoints.domain.budgets import money
from endpoints.domain.errors import Conflict, Unavailable
from endpoints.domain.notices import Notice
from endpoints.permissions import Action, can, require_staff
from endpoints.selectors.spend import IDLE, IdleEndpoint, idle_endpoint, idle_key
from endpoints.services import events
from endpoints.services.notifications import announce_to
from endpoints.services.sleeping import put_to_sleep

REASON = f"IT: no call in {IDLE.days} days."


def notify_owner(*, actor: Actor, name: str, now: datetime) -> str:
    """By mail, once for each time of idleness; whom. Raises Conflict, Unavailable."""
    require_staff(actor.user)
    found = _still_idle(name, now)
    owner = found.endpoint.created_by
    if owner is None or not owner.is_active or owner.is_service or not can(owner, Action.READ, found.endpoint):
        raise Conflict(f"“{name}” has no owner any more who could be told. Look who has a role on it.")
    if not settings.STUDIO_MAIL:
        raise Unavailable("No mail server is set. Set STUDIO_SMTP_URL and STUDIO_MAIL_FROM, and restart the studio.")
    with transaction.atomic():
        key = idle_key(found.endpoint, found.last_called)
        if not announce_to(_notice(found, now), owner.email, key=key, now=now):
            raise Conflict(f"{owner} was told of this already.")
        events.record(
            actor=actor, verb="endpoint.owner_told_idle", endpoint=found.endpoint, after={"told": owner.email}
        )
    return str(owner)


def scale_idle_to_zero(*, actor: Actor, name: str, now: datetime) -> list[str]:
    """Every deployment of it that holds replicas; their names. The next request starts them again. Raises Conflict for
    the first that cannot sleep: then none does."""
    require_staff(actor.user)
    found = _still_idle(name, now)
    with transaction.atomic():
        slept = [put_to_sleep(actor=actor, deployment=each, reason=REASON) for each in found.deployments]
    return [deployment.name for deployment in slept]


def _still_idle(name: str, now: datetime) -> IdleEndpoint:
    found = idle_endpoint(name, now=now)
    if found is None:
        raise Conflict(f"“{name}” is not idle any more: it was called, or holds no replicas. Nothing was changed.")
    return found


def _notice(found: IdleEndpoint, now: datetime) -> Notice:
    endpoint = found.endpoint
    called = f"{found.last_called:%Y-%m-%d %H:00} UTC" if found.last_called else "never, as far as is known"
    return Notice(
        kind="endpoint.idle",
        title=f"Nobody calls the endpoint “{endpoint.name}”",
        text=(
            f"It had no call in {IDLE.days} days, and cost {money(found.cost)} USD in that time. "
            "Scale it to zero or delete it, if you do not need it."
        ),
        at=f"{now:%Y-%m-%dT%H:%M:%SZ}",
        tone="warning",
        url=f"{settings.STUDIO_PUBLIC_URL}/endpoints/{endpoint.name}/",
        facts={
            "Workspace": endpoint.workspace.name,
            "Last call": called,
            "Deployments": ", ".join(deployment.name for deployment in found.deployments),
        },
    )
