"""Everything that a start needs done first, in one process: tables, static files, the first workspace."""

import hashlib
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand

from endpoints.services.identity import ensure_studio_provider
from endpoints.services.signing import ensure_key


class Command(BaseCommand):
    help = "Migrate, collect static files where they changed, and bootstrap."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", verbosity=0)
        call_command("createcachetable", verbosity=0)
        collect_static()
        call_command("bootstrap", stdout=self.stdout)
        ensure_key()
        ensure_studio_provider()


def collect_static() -> None:
    """Compressing them takes longer than all the rest, so it is done only for files that are new."""
    mark, present = Path(settings.STATIC_ROOT) / ".collected", _fingerprint()
    if mark.exists() and mark.read_text() == present:
        return
    call_command("collectstatic", interactive=False, verbosity=0)
    mark.write_text(present)


def _fingerprint() -> str:
    """Of every static file's path, size and time."""
    digest = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list([]):
            stat = Path(storage.path(path)).stat()
            digest.update(f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()
