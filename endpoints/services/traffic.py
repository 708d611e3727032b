"""Traffic: which deployment gets which share."""

from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone

from endpoints.domain.actor import Actor
from endpoints.domain.errors import Conflict, StaleVersion
from endpoints.domain.traffic import checked_traffic
from endpoints.enums import ProvisioningState
from endpoints.models import Endpoint
from endpoints.permissions import Action, require
from endpoints.services import events
from endpoints.services.routes import next_revision


def set_traffic(
    *,
    actor: Actor,
    endpoint: Endpoint,
    traffic: Mapping[str, int],
    expected_version: int | None = None,
    reason: str = "",
) -> Endpoint:
    """Asks for these shares; they are live once the gateway confirms (`Endpoint.live_traffic`).

    `expected_version` is the `traffic_version` the change was made against; StaleVersion if it is not the
    present one any more. None means whatever is there now.
    """
    require(actor.user, Action.WRITE, endpoint.workspace)
    with transaction.atomic():
        locked = Endpoint.objects.select_for_update(no_key=True).get(pk=endpoint.pk)
        _check_version(locked, expected_version)
        present = list(locked.deployments.present().exclude(state=ProvisioningState.DELETING))
        shares = checked_traffic(
            traffic,
            deployments=[deployment.name for deployment in present],
            ready=[deployment.name for deployment in present if deployment.serving_generation],
        )
        if shares == locked.traffic:
            return locked
        before, locked.traffic = locked.traffic, shares
        locked.traffic_version += 1
        locked.traffic_changed_at = timezone.now()
        events.record(actor=actor, verb="traffic.updated", endpoint=locked, before=before, after=shares, reason=reason)
        locked.route_revision = next_revision()
        locked.save()
    return locked


def _check_version(endpoint: Endpoint, expected: int | None) -> None:
    if endpoint.deleted_at or endpoint.state == ProvisioningState.DELETING:
        raise Conflict(f"“{endpoint.name}” is being deleted.")
    if expected is not None and endpoint.traffic_version != expected:
        raise StaleVersion(
            "The traffic was changed meanwhile. Look at the present shares, then apply yours again if they still hold."
        )
