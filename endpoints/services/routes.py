"""The gateway's revision: every change that concerns routes takes the next one, in its own transaction."""

from django.db.models import Case, F, When
from django.utils import timezone

from endpoints import hints
from endpoints.models import GatewayState


def next_revision() -> int:
    """The revision that will carry this transaction's change. Call inside atomic(), and last in it.

    The row stays locked until the end: so revisions are committed in their order, and whoever locks anything else
    after it can meet somebody who did it the other way round.
    """
    GatewayState.objects.get_or_create(id=1)
    begins = When(desired_revision=F("confirmed_revision"), then=timezone.now())
    GatewayState.objects.filter(id=1).update(
        desired_revision=F("desired_revision") + 1, behind_since=Case(begins, default=F("behind_since"))
    )
    hints.routes_changed()
    return GatewayState.objects.values_list("desired_revision", flat=True).get(id=1)
