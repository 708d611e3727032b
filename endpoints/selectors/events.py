"""The history, searched."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from endpoints.models import Event, User
from endpoints.permissions import require_staff


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSearch:
    """All that is given must hold; text in letters of either case."""

    text: str = ""  # in verb, subject, actor or reason
    actor: str = ""  # part of the address
    verb: str = ""  # whole, or with a dot at its end all that begin so
    resource: str = ""  # an endpoint, "endpoint/deployment", or part of any other subject
    source: str = ""
    request_id: str = ""
    since: datetime | None = None
    until: datetime | None = None  # not included

    def condition(self) -> Q:
        exact: dict[str, Any] = {
            "actor_name__icontains": self.actor,
            "verb__istartswith" if self.verb.endswith(".") else "verb__iexact": self.verb,
            "source": self.source,
            "request_id": self.request_id,
            "created_at__gte": self.since,
            "created_at__lt": self.until,
        }
        found = Q(**{lookup: value for lookup, value in exact.items() if value})
        if self.text:
            fields = ("verb", "subject", "actor_name", "reason")
            found &= Q(*(Q(**{f"{name}__icontains": self.text}) for name in fields), _connector=Q.OR)
        return found & _of(self.resource) if self.resource else found


def _of(resource: str) -> Q:
    endpoint, _, deployment = resource.partition("/")
    if deployment:
        return Q(endpoint_name__iexact=endpoint, deployment_name__iexact=deployment) | Q(subject__icontains=resource)
    return Q(endpoint_name__iexact=endpoint) | Q(deployment_name__iexact=endpoint) | Q(subject__icontains=endpoint)


def site_events_for(user: User) -> QuerySet[Event]:
    """All that ever happened, for the site's IT."""
    require_staff(user)
    return Event.objects.select_related("workspace")
