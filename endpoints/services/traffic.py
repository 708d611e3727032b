"""Traffic: which deployment gets which share."""

from collections.abc import Iterable, Mapping

from django.db import transaction
from django.utils import timezone

from endpoints.domain.actor import Actor
from endpoints.domain.errors import Conflict
from endpoints.domain.traffic import check_no_share_for_mirror, checked_mirror, checked_traffic
from endpoints.enums import ProvisioningState
from endpoints.models import Deployment, Endpoint
from endpoints.permissions import Action, require
from endpoints.services import events
from endpoints.services.routes import next_revision
from endpoints.services.staleness import stale_traffic


def set_traffic(
    *,
    actor: Actor,
    endpoint: Endpoint,
    traffic: Mapping[str, int],
    mirror: Mapping[str, int] | None = None,
    expected_version: int | None = None,
    reason: str = "",
) -> Endpoint:
    """Asks for these shares; they are live once the gateway confirms (`Endpoint.live_traffic`, `live_mirror`).

    `mirror` names the one deployment that gets copies of so many percent of the requests; {} is none, None leaves it.
    `expected_version` is the `traffic_version` the change was made against; StaleVersion if it is not the
    present one any more. None means whatever is there now.
    """
    require(actor.user, Action.WRITE, endpoint)
    with transaction.atomic():
        locked = Endpoint.objects.select_for_update(no_key=True).get(pk=endpoint.pk)
        _check_version(locked, expected_version)
        present = list(locked.deployments.present().exclude(state=ProvisioningState.DELETING))
        shares, copies = _checked(locked, present, traffic, mirror)
        if (shares, copies) == (locked.traffic, locked.mirror_traffic):
            return locked
        _record(actor, locked, shares, copies, reason)
        locked.traffic, locked.mirror_traffic = shares, copies
        locked.traffic_version += 1
        locked.traffic_changed_at = timezone.now()
        locked.route_revision = next_revision()
        locked.save()
    return locked


Shares = dict[str, int]


def _checked(
    endpoint: Endpoint, present: Iterable[Deployment], traffic: Mapping[str, int], mirror: Mapping[str, int] | None
) -> tuple[Shares, Shares]:
    """The shares of the live requests, and of the copies."""
    names = [deployment.name for deployment in present]
    serving = [deployment for deployment in present if deployment.serving_generation]
    shares = checked_traffic(traffic, deployments=names, ready=[deployment.name for deployment in serving])
    if mirror is None:
        check_no_share_for_mirror(shares, endpoint.mirror_traffic)
        return shares, endpoint.mirror_traffic
    ready = [deployment.name for deployment in serving if not deployment.at_zero]
    return shares, checked_mirror(mirror, traffic=shares, deployments=names, ready=ready)


def _record(actor: Actor, endpoint: Endpoint, shares: Shares, copies: Shares, reason: str) -> None:
    changes = (
        ("traffic.updated", endpoint.traffic, shares),
        ("mirror.updated", endpoint.mirror_traffic, copies),
    )
    for verb, before, after in changes:
        if before != after:
            events.record(actor=actor, verb=verb, endpoint=endpoint, before=before, after=after, reason=reason)


def _check_version(endpoint: Endpoint, expected: int | None) -> None:
    if endpoint.deleted_at or endpoint.state == ProvisioningState.DELETING:
        raise Conflict(f"“{endpoint.name}” is being deleted.")
    if expected is not None and endpoint.traffic_version != expected:
        raise stale_traffic(endpoint, expected)
