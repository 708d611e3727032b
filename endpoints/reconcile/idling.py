"""Which deployments sleep, and which have come to themselves."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Max, Q
from django.utils import timezone

from endpoints import wiring
from endpoints.domain.actor import SYSTEM
from endpoints.domain.errors import Conflict
from endpoints.enums import ProvisioningState, SleepState
from endpoints.models import Deployment, Sample
from endpoints.reconcile.leases import lease
from endpoints.services import sleeping
from endpoints.telemetry.port import TelemetryUnreachable

logger = logging.getLogger(__name__)

RESOLUTION = 10  # seconds, of the samples that tell when it was last called: they are kept for a day
FRESH = timedelta(seconds=90)  # what was measured longer ago says nothing of now
SETTLED = timedelta(seconds=30)  # after it came into rotation, those who waited have been served
CALLED = Q(requests__gt=0) | Q(in_flight__gt=0)


def look_for_idle() -> None:
    with lease("idling", seconds=60) as held:
        if held is None:
            return
        now = timezone.now()
        _settle(now)
        _send_to_sleep(now)


def _settle(now: datetime) -> None:
    waking = Deployment.objects.present().filter(sleep=SleepState.WAKING, sleep_changed_at__lt=now - SETTLED)
    up = waking.filter(replicas__routed=True, replicas__ready_at__lt=now - SETTLED)
    found = list(up.distinct())
    waiting = _waiting() if found else set()
    for deployment in found:
        if deployment.cluster not in waiting:
            sleeping.settle(deployment.pk)


def _waiting() -> set[str]:
    """Clusters with requests still in line. To the usual limits these would be too many."""
    try:
        clusters = wiring.gateway_statistics().scrape().clusters
    except TelemetryUnreachable:
        return set()
    return {cluster for cluster, counters in clusters.items() if counters.waiting}


def _send_to_sleep(now: datetime) -> None:
    awake = Deployment.objects.present().filter(
        scale_to_zero_after__isnull=False, sleep=SleepState.AWAKE, state=ProvisioningState.SUCCEEDED
    )
    candidates = list(awake.select_related("endpoint__workspace"))
    called = _last_called([deployment.pk for deployment in candidates], now)
    for deployment in candidates:
        since = _idle_since(deployment, called)
        if since is not None and (now - since).total_seconds() >= (deployment.scale_to_zero_after or 0):
            _sleep(deployment, now - since)


def _sleep(deployment: Deployment, idle: timedelta) -> None:
    reason = f"No request for {int(idle.total_seconds())} s."
    try:
        sleeping.put_to_sleep(actor=SYSTEM, deployment=deployment, reason=reason)
    except Conflict as error:  # somebody began to change it meanwhile
        logger.info("%s is not scaled to zero: %s", deployment, error)


def _idle_since(deployment: Deployment, called: Mapping[UUID, datetime | None]) -> datetime | None:
    """None when nobody knows: a collector that stands still must not put to sleep what is in use."""
    if deployment.pk not in called or deployment.name in deployment.endpoint.mirror_traffic:
        return None
    times = (called[deployment.pk], deployment.updated_at, deployment.sleep_changed_at)
    return max(at for at in times if at is not None)


def _last_called(ids: list[UUID], now: datetime) -> dict[UUID, datetime | None]:
    """The end of the last interval with a call, for those that were measured just now; None: none for a day."""
    samples = Sample.objects.filter(deployment__in=ids, resolution=RESOLUTION, at__gte=now - timedelta(days=1))
    found = samples.values("deployment_id").annotate(seen=Max("at"), called=Max("at", filter=CALLED))
    return {
        row["deployment_id"]: row["called"] and row["called"] + timedelta(seconds=RESOLUTION)
        for row in found
        if row["seen"] >= now - FRESH
    }


def in_rotation() -> set[str]:
    """Deployments (32 hex) with a replica that the gateway sends requests to, as the gateway says."""
    healthy = wiring.gateway().observe().healthy or {}
    return {cluster.removeprefix("d-") for cluster, count in healthy.items() if count}
