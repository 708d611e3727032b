"""Puts a backup back: everything is looked at before anything is changed."""

import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader

from endpoints import wiring
from endpoints.services.backups import after_restore
from studio.backups.archive import BackupFailed, Manifest, check_files, room_for, unpack
from studio.backups.backup import DEMO_MADE, SECRET_KEY
from studio.backups.database import check_database, load, occupied, put_aside
from studio.env import ROOT, Env
from studio.launch import checks, strays, tree

# Of the studio that was here: its replicas' and gateway's state, its queue, the anchors of its chain.
OF_BEFORE = ("replicas", "supervisor", "gateway", "valkey", "audit", "beat-schedule", SECRET_KEY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacked:
    folder: Path
    manifest: Manifest


@contextmanager
def checked(env: Env, path: Path, passphrase: str) -> Iterator[Unpacked]:
    """The backup's files, once all that can be known of them is good. Raises BackupFailed."""
    if not path.is_file():
        raise BackupFailed(f"There is no file {path}.")
    room_for(env.data_dir, path.stat().st_size * 2)
    folder = env.data_dir / f"restore-{secrets.token_hex(6)}"
    folder.mkdir(mode=0o700)
    try:
        manifest = unpack(path, folder, passphrase)
        check_files(manifest, folder)
        check_database(folder / manifest.database, manifest.engine)
        _check_versions(manifest)
        yield Unpacked(folder=folder, manifest=manifest)
    except OSError as error:
        raise BackupFailed(f"The backup cannot be unpacked ({error.strerror or error}).") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _check_versions(manifest: Manifest) -> None:
    if manifest.engine != connection.vendor:
        raise BackupFailed(
            f"This backup is of {manifest.engine}, and this studio's database is {connection.vendor}. Set DATABASE_URL "
            "to one of the same kind."
        )
    loader = MigrationLoader(None)
    known = {f"{app}.{name}" for app, name in loader.disk_migrations}
    replaced = {f"{app}.{name}" for each in loader.disk_migrations.values() for app, name in each.replaces}
    strange = [name for name in manifest.migrations if name not in known | replaced]
    if strange:
        raise BackupFailed(f"This backup is of a newer studio, which has {strange[0]}. Install that version first.")


def restore(env: Env, unpacked: Unpacked, *, force: bool, now: datetime) -> Path | None:
    """Where what was here lies now, if there was something. The studio must be down."""
    try:
        with checks.lock(env):
            return _put_back(env, unpacked, force=force, now=now)
    except checks.CannotStart as error:
        raise BackupFailed(f"{error} Stop it first.") from None


def _put_back(env: Env, unpacked: Unpacked, *, force: bool, now: datetime) -> Path | None:
    _check_secret(env, (unpacked.folder / SECRET_KEY).read_text())
    if occupied() and not force:
        raise BackupFailed(
            f"There is a studio in {env.data_dir} or its database. --force moves it aside, and puts the backup there."
        )
    aside = _move_aside(env, now)
    try:
        _place(env, unpacked)
        _migrate()
        _made_known(unpacked.manifest, now)
    except (BackupFailed, DatabaseError, OSError) as error:
        where = f" What was here lies in {aside}." if aside else ""
        raise BackupFailed(f"The restore was cut off: {error}{where} Mend that, and restore again.") from error
    return aside


def _place(env: Env, unpacked: Unpacked) -> None:
    _place_artifacts(unpacked)
    for name in (SECRET_KEY, DEMO_MADE):
        if (unpacked.folder / name).exists():
            (unpacked.folder / name).replace(env.data_dir / name)
    load(unpacked.folder / unpacked.manifest.database)


def _made_known(manifest: Manifest, now: datetime) -> None:
    after_restore(now=now, made_at=datetime.fromisoformat(manifest.made_at), head=manifest.head_position)


def _check_secret(env: Env, secret: str) -> None:
    """A variable goes before the file that a restore brings."""
    kept = env.data_dir / SECRET_KEY
    if env.secret_key != secret and not (kept.exists() and kept.read_text() == env.secret_key):
        raise BackupFailed("STUDIO_SECRET_KEY is not the backup's, whose keys could not be read with it. Unset it.")


def _migrate() -> None:
    """In a process that knows the secret which has just been put back."""
    command = [sys.executable, str(ROOT / "manage.py"), "migrate", "--verbosity", "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise BackupFailed(f"The database is back, and cannot be brought up to this version: {last}")


def _move_aside(env: Env, now: datetime) -> Path | None:
    """Processes of before are ended first: nobody else will know of them."""
    supervisor = tree.supervisor_dir(env)
    strays.reap([supervisor, supervisor / "specs", supervisor / "studio" / "specs"])
    was_there = occupied()
    aside = env.data_dir / f"before-restore-{now:%Y%m%dT%H%M%SZ}"
    aside.mkdir(mode=0o700)
    if was_there:
        put_aside(aside)
    for path in (env.data_dir / name for name in OF_BEFORE):
        if path.exists():
            path.rename(aside / path.name)
    if was_there or [each for each in aside.iterdir() if each.name != SECRET_KEY]:
        return aside
    shutil.rmtree(aside)  # of a folder that is new, whose secret has encrypted nothing
    return None


def _place_artifacts(unpacked: Unpacked) -> None:
    """By the store's own way in, which knows what it has."""
    for digest in unpacked.manifest.artifacts:
        stored = wiring.store().put(unpacked.folder / "artifacts" / digest)
        assert stored.digest == digest
