"""The collector: scrape, find what is new since the last scrape, add it to the samples and to what is billed.

What was made of a scrape and the scrape itself are written in one transaction: a pass that is killed has not been.
The steps of a pass are independent: one that fails is told with the pass, and the others are taken.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from endpoints import wiring
from endpoints.domain.counters import GatewaySnapshot, ProcessReading, growth
from endpoints.enums import ReplicaState, ServerKind
from endpoints.models import Deployment, Replica
from endpoints.reconcile import cursors, passes, rolling
from endpoints.reconcile.alerting import look_at_alerts
from endpoints.reconcile.billing import bill
from endpoints.reconcile.budgets import look_at_budgets
from endpoints.reconcile.leases import lease
from endpoints.reconcile.measuring import Wanted, measured
from endpoints.reconcile.totals import add_totals
from endpoints.selectors.samples import rolled_up

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
        running = passes.Pass.start(interval)
        until: rolling.Until = rolled_up()
        scraped = scrape(running)
        now = scraped.gateway.at if scraped.gateway else timezone.now()
        slot = now - timedelta(seconds=interval) / 2
        with running.step("Samples and usage"), transaction.atomic():
            if held.keep():
                running.deployments = _write(scraped, until, now=now, slot=slot)
        with running.step("Roll-up"):
            until = rolling.roll_up(until, slot=slot, keep=held.keep)
        with running.step("Retention"):
            rolling.prune(settings.STUDIO_SAMPLE_RETENTION, until, now=now)
        with running.step("Budgets"):
            look_at_budgets(now=timezone.now())
        with running.step("Alerts"):
            look_at_alerts()
        passes.record(running)
        return True


def scrape(running: passes.Pass) -> Scraped:
    """What does not answer is left out; what it counts meanwhile comes with the next scrape."""
    replicas = list(Replica.objects.filter(state__in=HOLDING).prefetch_related("instance_type"))
    processes: Mapping[str, ProcessReading] = {}
    gateway = None
    with running.step("Replicas"):
        processes = wiring.process_statistics().scrape({row.pk: row.pid for row in replicas if row.pid})
    with running.step("Servers"):
        processes = _with_tokens(processes)
    with running.step("Gateway"):
        gateway = wiring.gateway_statistics().scrape()
        if gateway.left_out:
            running.failed("Gateway", f"It names at least {gateway.left_out} clusters too many; they are left out.")
    return Scraped(gateway=gateway, processes=processes, replicas=replicas)


def _with_tokens(processes: Mapping[str, ProcessReading]) -> Mapping[str, ProcessReading]:
    """Of servers that are brought: ours and the others that the studio knows count none."""
    rows = Replica.objects.filter(state=ReplicaState.READY, deployment__server=ServerKind.CUSTOM)
    told = wiring.server_statistics().scrape(dict(rows.values_list("pk", "socket")))
    return {key: replace(reading, tokens=told[key]) if key in told else reading for key, reading in processes.items()}


def _write(scraped: Scraped, until: Mapping[int, datetime], *, now: datetime, slot: datetime) -> int:
    """Of how many deployments there was something to say."""
    deployments = _deployments(now)
    known = cursors.load()
    gateway = _of(deployments, scraped.gateway) if scraped.gateway else None
    grown = growth(known.gateway, gateway) if gateway else None
    found = measured(deployments, scraped.replicas, scraped.processes, known.processes, gateway, grown, now=now)
    rolling.add(found, until, slot=slot)
    add_totals(found, deployments, now=now)
    billed = bill(scraped.replicas, known.billing, now=now)
    cursors.save(known, gateway if grown else None, scraped.processes, billed, now=now)
    return len(found)


def _of(deployments: Iterable[UUID], gateway: GatewaySnapshot) -> GatewaySnapshot:
    """Without what the gateway names that is none of ours."""
    ours = {f"{kind}-{deployment.hex}" for deployment in deployments for kind in "dm"}
    return replace(gateway, clusters={name: found for name, found in gateway.clusters.items() if name in ours})


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
        running = passes.Pass.start(interval)
        with running.step("Pass"):
            if not collect(interval=interval):
                logger.info("Another collector is at work.")
        if running.failures:
            passes.record_failure(running)


def _until_next(interval: int) -> float:
    return interval - timezone.now().timestamp() % interval
