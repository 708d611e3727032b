"""The state of the site, for its IT."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from endpoints import wiring
from endpoints.domain.errors import ReadOnly
from endpoints.domain.replicas import Isolation
from endpoints.enums import BackupKind, NetworkAccess, OperationState, SleepState
from endpoints.models import BackupRecord, CollectorPass, Deployment, GatewayState, Operation, SiteState, User
from endpoints.selectors.endpoints import operations_for

RECENT_PASSES = 30
STUCK = timedelta(minutes=2)  # without a heartbeat


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayHealth:
    live: bool
    behind: int  # revisions that are desired and not confirmed
    confirmed_at: datetime | None
    refusal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorHealth:
    """Of the last passes: whether it is at work, and keeps up."""

    last: CollectorPass | None
    stands_still: bool  # no pass for three intervals
    behind: bool  # a pass took longer than an interval, or left some out
    skipped: int

    @property
    def error(self) -> str:
        return self.last.error if self.last else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteHealth:
    gateway: GatewayHealth
    collector: CollectorHealth
    isolation: Isolation
    closed: int  # deployments whose outbound network is disabled
    asleep: int
    stuck: list[Operation]


def site_health(*, interval: int = 10) -> SiteHealth:
    """`interval`: seconds between two passes of the collector."""
    present = Deployment.objects.present()
    return SiteHealth(
        gateway=_gateway(),
        collector=_collector(interval),
        isolation=wiring.compute().isolation(),
        closed=present.filter(egress_public_network_access=NetworkAccess.DISABLED).count(),
        asleep=present.filter(sleep=SleepState.ASLEEP).count(),
        stuck=list(stuck_operations(now=timezone.now())[:20]),
    )


def stuck_operations(*, now: datetime) -> QuerySet[Operation]:
    """Running by their word, and nobody has worked on them for a while: the longest first."""
    running = Operation.objects.filter(state=OperationState.RUNNING, created_at__lt=now - STUCK)
    stuck = running.exclude(heartbeat_at__gte=now - STUCK).order_by("created_at")
    return stuck.select_related("endpoint__workspace", "deployment", "created_by")


def site_state() -> SiteState:
    return SiteState.objects.filter(id=1).first() or SiteState()


def read_only_now(*, now: datetime) -> ReadOnly | None:
    """With what people's writes are refused; None where they are not."""
    state = site_state()
    if not state.closed(now=now):
        return None
    end = state.read_only_until
    until = f"until {end:%Y-%m-%d %H:%M} UTC" if end else "until IT ends it"
    why = state.read_only_reason.rstrip(".")
    message = f"The studio is read-only {until}: {why}. Nothing was changed, and endpoints go on answering."
    return ReadOnly(message, wait=max(1, int((end - now).total_seconds())) if end else 0)


def seen_by(user: User) -> tuple[SiteState, int]:
    """What stands on every page: the site's notices, and how many operations run that the person may see. One query."""
    running = operations_for(user).filter(state=OperationState.RUNNING).order_by().values("state")
    counted = running.annotate(number=Count("pk", distinct=True)).values("number")
    state = SiteState.objects.filter(id=1).annotate(running=Coalesce(Subquery(counted), 0)).first()
    if state is None:
        return SiteState(), running.count()
    return state, state.running


@dataclass(frozen=True, slots=True, kw_only=True)
class Backups:
    """The last that went well of each kind; and what was tried lately."""

    backup: BackupRecord | None
    trial: BackupRecord | None
    lately: list[BackupRecord]


def backups() -> Backups:
    well = BackupRecord.objects.filter(error="")
    return Backups(
        backup=well.filter(kind=BackupKind.BACKUP).first(),
        trial=well.filter(kind__in=[BackupKind.TRIAL, BackupKind.RESTORE]).first(),
        lately=list(BackupRecord.objects.all()[:20]),
    )


def _gateway() -> GatewayHealth:
    state = GatewayState.objects.filter(pk=1).first() or GatewayState()
    return GatewayHealth(
        live=wiring.gateway().observe().live,
        behind=state.desired_revision - state.confirmed_revision,
        confirmed_at=state.confirmed_at,
        refusal=state.refusal,
    )


def _collector(interval: int) -> CollectorHealth:
    recent = list(CollectorPass.objects.order_by("-started_at")[:RECENT_PASSES])
    last = recent[0] if recent else None
    since = timezone.now() - timedelta(seconds=3 * interval)
    return CollectorHealth(
        last=last,
        stands_still=last is None or last.started_at + timedelta(milliseconds=last.duration_ms) < since,
        behind=any(item.skipped or item.duration_ms > interval * 1000 for item in recent),
        skipped=sum(item.skipped for item in recent),
    )
