"""The record of backups, and what a database needs to know that was put back."""

from datetime import datetime

from django.db import transaction

from endpoints.domain.actor import Actor
from endpoints.enums import BackupKind, BuildState, Source
from endpoints.models import BackupRecord, EnvironmentBuild, GatewayState, Lease, Replica
from endpoints.services import events
from endpoints.services.routes import next_revision

COMMAND = Actor(source=Source.CLI, label="manage.py")  # whoever may run manage.py on this machine
VERBS = {BackupKind.BACKUP: "backup.made", BackupKind.TRIAL: "backup.tried", BackupKind.RESTORE: "backup.restored"}


def record_backup(*, kind: BackupKind, path: str, started_at: datetime, now: datetime, **facts: object) -> BackupRecord:
    """For IT's page and the history. `error` says why it failed."""
    with transaction.atomic():
        made = BackupRecord.objects.create(kind=kind, path=path[:1000], started_at=started_at, finished_at=now, **facts)
        verb = f"{VERBS[kind]}" if not made.error else f"{VERBS[kind]}_failed"
        after = {"size_bytes": made.size_bytes, "artifacts": made.artifacts, "encrypted": made.encrypted}
        events.record(actor=COMMAND, verb=verb, subject=path[:200], after=after, reason=made.error)
    return made


def after_restore(*, now: datetime, made_at: datetime, head: int) -> None:
    """Nothing that ran when the backup was made runs here: replicas start anew, environments are built where they are
    not there, the gateway gets a fresh configuration, and nobody holds a lease."""
    with transaction.atomic():
        Replica.objects.all().delete()
        Lease.objects.all().delete()
        EnvironmentBuild.objects.filter(state__in=[BuildState.SUCCEEDED, BuildState.BUILDING]).update(
            state=BuildState.PENDING, error=""
        )
        next_revision()
        GatewayState.objects.update(version="", published_version="", refused_version="", refusal="")
        events.record(
            actor=COMMAND,
            verb="site.restored",
            subject="site",
            after={"backup_of": made_at.isoformat(), "chain_position": head},
            reason="What was changed after the backup is not in this history.",
        )
