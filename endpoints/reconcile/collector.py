"""The collector: scrape, find what is new since the last scrape, add it to the samples and to what is billed.

What was made of a scrape and the scrape itself are written in one transaction: a pass that is killed has not been.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Q
from django.utils import timezone

from endpoints import wiring
from endpoints.domain.counters import GatewaySnapshot, ProcessReading, growth
from endpoints.enums import ReplicaState
from endpoints.models import Deployment, Replica
from endpoints.reconcile import cursors, passes, rolling
from endpoints.reconcile.alerting import look_at_alerts
from endpoints.reconcile.billing import bill
from endpoints.reconcile.budgets import look_at_budgets
from endpoints.reconcile.leases import lease
from endpoints.reconcile.measuring import Wanted, measured
from endpoints.reconcile.totals import add_totals
from endpoints.telemetry.port import TelemetryUnreachable

logger = logging.getLogger(__name__)

LEASE_SECONDS = 30
GONE = timedelta(hours=1)  # how long a deleted deployment may still have requests that end

# What a replica holds resources in. STOPPED has none any more.
HOLDING = tuple(state for state in ReplicaState if state != ReplicaState.STOPPED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scraped:
    """What was seen outside of the database. The gateway may be down: then nothing is known of requests."""

    gateway: GatewaySnapshot | None
    processes: Mapping[str, ProcessReading]
    replicas: list[Replica]


def collect(*, interval: int) -> bool:
    """One pass; False when another collector is at work. `interval` is the time between passes in seconds."""
    with lease("collector", seconds=LEASE_SECONDS) as held:
        if held is None:
            return False
        clock = passes.Clock.start(interval)
        scraped = scrape()
        now = scraped.gateway.at if scraped.gateway else timezone.now()
        slot = now - timedelta(seconds=interval) / 2
        with transaction.atomic():
            told = _write(scraped, now=now, slot=slot) if held.keep() else 0
        look_at_budgets(now=timezone.now())
        rolling.roll_up(slot=slot, keep=held.keep)
        rolling.prune(settings.STUDIO_SAMPLE_RETENTION, now=now)
        passes.record(clock, deployments=told)
        return True


def scrape() -> Scraped:
    replicas = list(Replica.objects.filter(state__in=HOLDING).select_related("instance_type"))
    pids = {replica.pk: replica.pid for replica in replicas if replica.pid}
    processes = wiring.process_statistics().scrape(pids)
    try:
        gateway = wiring.gateway_statistics().scrape()
    except TelemetryUnreachable as error:
        logger.warning("%s Requests are counted when it is back.", error)
        gateway = None
    return Scraped(gateway=gateway, processes=processes, replicas=replicas)


def _write(scraped: Scraped, *, now: datetime, slot: datetime) -> int:
    """Of how many deployments there was something to say."""
    known = cursors.load()
    grown = growth(known.gateway, scraped.gateway) if scraped.gateway else None
    deployments = _deployments(now)
    found = measured(deployments, scraped.replicas, scraped.processes, known.processes, scraped.gateway, grown, now=now)
    rolling.add(found, slot=slot)
    add_totals(found, deployments, now=now)
    billed = bill(scraped.replicas, known.billing, now=now)
    cursors.save(known, scraped.gateway if grown else None, scraped.processes, billed, now=now)
    return len(found)


def _deployments(now: datetime) -> dict[UUID, Wanted]:
    """What is wanted, by deployment; those deleted a moment ago too."""
    rows = Deployment.objects.filter(Q(deleted_at=None) | Q(deleted_at__gt=now - GONE))
    return {
        pk: Wanted(replicas=0 if state == "Deleting" or deleted_at else wanted, at_once=at_once)
        for pk, wanted, at_once, state, deleted_at in rows.values_list(
            "pk", "instance_count", "max_concurrent_requests_per_instance", "state", "deleted_at"
        )
    }


def run(*, interval: int, wait: Callable[[float], bool]) -> None:
    """Passes at every full interval until `wait` (seconds) tells to stop. No failure ends it."""
    while not wait(_until_next(interval)):
        clock = passes.Clock.start(interval)
        try:
            if not collect(interval=interval):
                logger.info("Another collector is at work.")
            look_at_alerts()
        except DatabaseError as error:
            logger.warning("The database does not answer: %s", error)
            passes.record_failure(clock, error)
        except Exception as error:
            logger.exception("A pass failed; the next one goes on.")
            passes.record_failure(clock, error)


def _until_next(interval: int) -> float:
    return interval - timezone.now().timestamp() % interval
