"""`manage.py backup PATH`: all of this studio in one file, while it runs."""

import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from endpoints.enums import BackupKind
from endpoints.services.backups import record_backup
from studio.backups.archive import BackupFailed
from studio.backups.backup import make_backup
from studio.env import env

FILE_HELP = "the first line of this file is the passphrase; STUDIO_BACKUP_PASSPHRASE is the other way"


class Command(BaseCommand):
    help = "Back up database, artifacts, keys and configuration to a file, or into a folder under the time's name."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path)
        parser.add_argument("--passphrase-file", type=Path, help=FILE_HELP)

    def handle(self, *args: Any, **options: Any) -> None:
        path, passphrase = options["path"].absolute(), passphrase_of(options["passphrase_file"])
        began = timezone.now()
        known: dict[str, Any] = {"kind": BackupKind.BACKUP, "started_at": began, "encrypted": bool(passphrase)}
        try:
            made, manifest = make_backup(env, path, now=began, passphrase=passphrase)
        except BackupFailed as error:
            record_backup(path=str(path), now=timezone.now(), error=str(error), **known)
            raise CommandError(str(error)) from error
        size = made.stat().st_size
        record_backup(path=str(made), now=timezone.now(), size_bytes=size, artifacts=len(manifest.artifacts), **known)
        self.stdout.write(f"{made}: {size} bytes, {len(manifest.artifacts)} artifacts")
        if not passphrase:
            self.stdout.write("It is not encrypted, and holds every key of this studio. Keep it as you keep those.")


def passphrase_of(file: Path | None) -> str:
    """Never an argument: a command line is for all to read."""
    if file is None:
        return os.environ.get("STUDIO_BACKUP_PASSPHRASE", "")
    try:
        lines = file.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file} cannot be read: {error}.") from error
    if not lines or not lines[0].strip():
        raise CommandError(f"{file} has no passphrase in its first line.")
    return lines[0].strip()
