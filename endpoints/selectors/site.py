"""The state of the site, for its IT."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, QuerySet, Subquery
from django.db.models.functions import Coalesce

from endpoints.domain.errors import ReadOnly
from endpoints.enums import BackupKind, OperationState
from endpoints.models import BackupRecord, Operation, SiteState, User
from endpoints.selectors.endpoints import operations_for

STUCK = timedelta(minutes=2)  # without a heartbeat


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
