"""What the machines have, and what each workspace holds, may have and uses of them. For the site's IT."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from endpoints import wiring
from endpoints.domain.health_readings import HostReading, from_json
from endpoints.domain.replicas import ContainerEngine, Isolation
from endpoints.domain.rollups import MINUTE, SampleValues, aligned
from endpoints.enums import NetworkAccess, ReplicaState, SleepState
from endpoints.models import Deployment, Replica, SiteReading, Workspace
from endpoints.selectors.quota import Account, accounts, site_account
from endpoints.selectors.samples import measured

LATELY = timedelta(minutes=5)
MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What replicas really take, on the average of the last minutes; None: nothing was measured."""

    cores: float | None = None
    memory_bytes: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    host: HostReading | None
    seen_at: datetime | None
    replicas: int
    isolation: Isolation
    containers: ContainerEngine
    closed: int  # deployments whose outbound network is disabled
    asleep: int
    site: Account
    used: Use
    workspaces: list[tuple[Account, Use]]


def capacity(found: Iterable[Workspace], *, now: datetime) -> Capacity:
    """Of these workspaces, and of the site as a whole. Twenty queries, however many."""
    row = SiteReading.objects.filter(name="host").first()
    present = Deployment.objects.present()
    uses = _uses(now)
    return Capacity(
        host=from_json(HostReading, row.values) if row and row.values else None,
        seen_at=row.answered_at if row else None,
        replicas=Replica.objects.exclude(state=ReplicaState.STOPPED).count(),
        isolation=wiring.compute().isolation(),
        containers=wiring.compute().containers(),
        closed=present.filter(egress_public_network_access=NetworkAccess.DISABLED).count(),
        asleep=present.filter(sleep=SleepState.ASLEEP).count(),
        site=site_account(),
        used=_together(uses.values()),
        workspaces=[(account, uses.get(_pk(account), Use())) for account in accounts(found)],
    )


def _pk(account: Account) -> int:
    assert account.workspace is not None
    return account.workspace.pk


def _uses(now: datetime) -> dict[int, Use]:
    """By workspace, of the last whole minutes."""
    end = aligned(now, MINUTE)
    running = Replica.objects.exclude(state=ReplicaState.STOPPED)
    where = dict(running.order_by().values_list("deployment_id", "deployment__endpoint__workspace_id").distinct())
    parts: dict[int, list[Use]] = defaultdict(list)
    by_deployment: dict[UUID, list[SampleValues]] = defaultdict(list)
    for deployment, _, values in measured(where, resolution=MINUTE, start=end - LATELY, end=end):
        by_deployment[deployment].append(values)
    for deployment, found in by_deployment.items():
        parts[where[deployment]].append(_use(found))
    return {workspace: _together(found) for workspace, found in parts.items()}


def _use(minutes: list[SampleValues]) -> Use:
    cpu_ms = sum(each.cpu_ms for each in minutes)
    held = [each.memory_bytes.mean * each.ready.mean for each in minutes if each.memory_bytes and each.ready]
    return Use(
        cores=cpu_ms / (len(minutes) * MINUTE * 1000),
        memory_bytes=sum(held) / len(held) if held else None,
    )


def _together(uses: Iterable[Use]) -> Use:
    found = list(uses)
    cores = [each.cores for each in found if each.cores is not None]
    memory = [each.memory_bytes for each in found if each.memory_bytes is not None]
    return Use(cores=sum(cores) if cores else None, memory_bytes=sum(memory) if memory else None)
