"""Who changed what meanwhile: the words of a refusal to overwrite it."""

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet

from endpoints.domain.errors import StaleVersion
from endpoints.models import Deployment, Endpoint, Event

LISTED = 20
SPECIFICATION_VERBS = (
    "deployment.updated",
    "deployment.scaled",
    "deployment.rollout_set",
    "deployment.retried",
    "deployment.rolled_back",
)
SETTINGS_VERBS = ("endpoint.updated", "endpoint.limits_changed", "endpoint.cors_changed", "endpoint.auth_mode_set")


def stale_deployment(deployment: Deployment, expected: int) -> StaleVersion:
    """`expected` is the generation that the refused change was made against."""
    found = Event.objects.filter(deployment_id=deployment.pk, verb__in=SPECIFICATION_VERBS)
    first = deployment.revisions.filter(generation__gt=expected).order_by("generation").first()
    since = found.filter(created_at__gte=first.created_at) if first else found.none()
    message = (
        f"{deployment.name} was changed meanwhile: it is at generation {deployment.generation}, "
        f"your change was made against {expected}."
    )
    return StaleVersion(message, changes=_changes(since))


def changed_at_once(deployment: Deployment) -> StaleVersion:
    """Somebody else was between our look and our write."""
    found = Event.objects.filter(deployment_id=deployment.pk, verb__in=SPECIFICATION_VERBS)
    message = f"{deployment.name} was changed at the same moment. Look at it, then change it again."
    return StaleVersion(message, changes=_changes(found)[-1:])


def stale_traffic(endpoint: Endpoint, expected: int) -> StaleVersion:
    """Each version is one change of the shares, of the mirror, or of both at once."""
    found = Event.objects.filter(endpoint_id=endpoint.pk, verb__in=("traffic.updated", "mirror.updated"))
    message = (
        "The traffic was changed meanwhile. Look at the present shares, then apply yours again if they still hold."
    )
    return StaleVersion(message, changes=_changes(found)[-max(1, endpoint.traffic_version - expected) :])


def stale_settings(endpoint: Endpoint, expected: int) -> StaleVersion:
    """`expected` is the settings_version that the refused change was made against."""
    found = Event.objects.filter(endpoint_id=endpoint.pk, verb__in=SETTINGS_VERBS)
    message = f"“{endpoint.name}” was changed meanwhile. Look at its present settings, then change them again."
    return StaleVersion(message, changes=_changes(found)[-max(1, endpoint.settings_version - expected) :])


def check_settings_version(endpoint: Endpoint, expected: int | None) -> None:
    """Of the locked row."""
    if expected is not None and expected != endpoint.settings_version:
        raise stale_settings(endpoint, expected)


def _changes(events: QuerySet[Event]) -> list[dict[str, Any]]:
    """The last of them, in the order of time."""
    return [_change(event) for event in reversed(list(events.order_by("-id")[:LISTED]))]


def _change(event: Event) -> dict[str, Any]:
    before, after = event.before or {}, event.after or {}
    return {
        "at": event.created_at.isoformat(),
        "by": event.actor_name,
        "source": event.source,
        "verb": event.verb,
        "reason": event.reason,
        "fields": list(_fields(before, after)),
    }


def _fields(before: dict[str, Any], after: dict[str, Any]) -> Iterable[dict[str, Any]]:
    for name in dict.fromkeys((*before, *after)):
        if before.get(name) != after.get(name) or name == "environment_variables":
            yield {"field": name, "before": before.get(name), "after": after.get(name)}
