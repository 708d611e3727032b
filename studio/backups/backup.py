"""Makes a backup, while the studio runs."""

import json
import os
import secrets
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from endpoints import wiring
from endpoints.domain.audit import genesis
from studio.backups.archive import BackupFailed, Manifest, encrypt, room_for, sha256_of, write_archive
from studio.backups.database import take_snapshot
from studio.env import Env

SECRET_KEY, CONFIGURATION, DEMO_MADE = "secret-key", "configuration.json", "demo-made"
SECRETS = ("STUDIO_SECRET_KEY", "STUDIO_KEY")
SECRETS_END = ("_PASSWORD", "_PASSPHRASE", "_TOKEN", "_HEADERS")


def make_backup(env: Env, path: Path, *, now: datetime, passphrase: str = "") -> tuple[Path, Manifest]:
    """Where it lies, and what is in it. A folder gets a file that is named by the time. Raises BackupFailed."""
    if path.is_dir():
        path = path / f"studio-{now:%Y%m%dT%H%M%SZ}.backup"
    if path.exists():
        raise BackupFailed(f"{path} is there already. Name another file, or a folder.")
    work = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        work.mkdir(mode=0o700)
        manifest = _write(env, work, now=now, passphrase=passphrase)
        (work / "whole").rename(path)
    except OSError as error:
        raise BackupFailed(f"{path} cannot be written ({error.strerror or error}).") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return path, manifest


def _write(env: Env, work: Path, *, now: datetime, passphrase: str) -> Manifest:
    """The snapshot first: whatever it names was stored before it, and is never changed."""
    folder = work / "files"
    folder.mkdir(mode=0o700)
    snapshot = take_snapshot(folder, _facts)
    _keep(env, folder)
    artifacts = _artifacts(snapshot.facts.pop("artifacts"))
    room_for(work, sum(_size(each) for each in artifacts.values()) * (3 if passphrase else 1))
    names = sorted(each.name for each in folder.iterdir())
    manifest = Manifest(
        made_at=now.isoformat(),
        engine=snapshot.engine,
        database=snapshot.file,
        files={name: sha256_of(folder / name) for name in names},
        artifacts=sorted(artifacts),
        **snapshot.facts,
    )
    plain = work / ("plain" if passphrase else "whole")
    write_archive(plain, manifest, folder, artifacts)
    if passphrase:
        encrypt(plain, work / "whole", passphrase)
    return manifest


def _facts(ask: Callable[[str], list[Any]]) -> dict[str, Any]:
    sites = [str(UUID(str(row[0]))) for row in ask("SELECT site FROM endpoints_auditstate")]
    heads = ask("SELECT position, hash FROM endpoints_seal ORDER BY position DESC LIMIT 1")
    site = sites[0] if sites else ""
    head = heads[0] if heads else (0, genesis(site))
    return {
        "migrations": sorted(f"{app}.{name}" for app, name in ask("SELECT app, name FROM django_migrations")),
        "site": site,
        "head_position": head[0],
        "head_hash": head[1],
        "artifacts": [row[0] for row in ask("SELECT digest FROM endpoints_artifact ORDER BY digest")],
    }


def _keep(env: Env, folder: Path) -> None:
    """What the database cannot be read without, and how the studio was set."""
    _private(folder / SECRET_KEY, env.secret_key)
    _private(folder / CONFIGURATION, json.dumps(configuration(os.environ), indent=2, sort_keys=True))
    if (env.data_dir / DEMO_MADE).exists():
        _private(folder / DEMO_MADE, "")


def _private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


def configuration(variables: Any) -> dict[str, str]:
    """What was set, for people to set again: without passwords, and never taken on by itself."""
    ours = {name for name in variables if name.startswith("STUDIO_")} | {"DATABASE_URL", "BROKER_URL"}
    told = {name for name in ours if name not in SECRETS and not name.endswith(SECRETS_END) and variables.get(name)}
    return {name: _unnamed(variables[name]) if name.endswith("_URL") else variables[name] for name in told}


def _unnamed(url: str) -> str:
    """A user stays, a password does not; nor do options, among which one may be."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "…"
    user, at, host = parts.netloc.rpartition("@")
    name, colon, _ = user.partition(":")
    return parts._replace(netloc=f"{name}{colon and ':…'}{at}{host}", query=parts.query and "…").geturl()


def _artifacts(digests: list[str]) -> dict[str, Path]:
    found = {}
    for digest in digests:
        try:
            found[digest] = wiring.store().path(digest)
        except KeyError:
            raise BackupFailed(f"The database has the artifact {digest}, and the store does not.") from None
    return found


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
