"""`manage.py restore PATH`: a studio from its backup."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from endpoints.enums import BackupKind
from endpoints.services.backups import record_backup
from studio.backups.archive import BackupFailed, Manifest
from studio.backups.database import occupied
from studio.backups.restore import checked, restore
from studio.env import env
from studio.management.commands.backup import FILE_HELP, passphrase_of


class Command(BaseCommand):
    help = "Put a backup back. Everything is checked before anything is changed; the studio must be down."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path)
        parser.add_argument("--passphrase-file", type=Path, help=FILE_HELP)
        parser.add_argument("--check", action="store_true", help="only read and compare all of it; change nothing")
        parser.add_argument("--force", action="store_true", help="move the studio that is here aside")

    def handle(self, *args: Any, **options: Any) -> None:
        path, passphrase = options["path"].absolute(), passphrase_of(options["passphrase_file"])
        began = timezone.now()
        known: dict[str, Any] = {"path": str(path), "started_at": began, "encrypted": bool(passphrase)}
        try:
            with checked(env, path, passphrase) as unpacked:
                manifest = unpacked.manifest
                aside = None if options["check"] else restore(env, unpacked, force=options["force"], now=began)
        except BackupFailed as error:
            if options["check"] and occupied():
                record_backup(kind=BackupKind.TRIAL, now=timezone.now(), error=str(error), **known)
            raise CommandError(str(error)) from error
        self._note(options["check"], manifest, path, known)
        self._say(options["check"], manifest, aside)

    def _note(self, only_checked: bool, manifest: Manifest, path: Path, known: dict[str, Any]) -> None:
        if only_checked and not occupied():
            return
        record_backup(
            kind=BackupKind.TRIAL if only_checked else BackupKind.RESTORE,
            now=timezone.now(),
            size_bytes=path.stat().st_size,
            artifacts=len(manifest.artifacts),
            made_at=manifest.made_at,
            **known,
        )

    def _say(self, only_checked: bool, manifest: Manifest, aside: Path | None) -> None:
        if only_checked:
            self.stdout.write(f"Good: the backup of {manifest.made_at}, with {len(manifest.artifacts)} artifacts")
            return
        self.stdout.write(f"Restored: the studio of {manifest.made_at}, with {len(manifest.artifacts)} artifacts")
        if aside is not None:
            self.stdout.write(f"What was here lies in {aside}")
        self.stdout.write("Start it with manage.py up. configuration.json in the backup says how it was set.")
