"""The file: a tar with a manifest first, and around it, where there is a passphrase, age's encryption.

An encrypted backup is a tar of `identity.age` (a key, under the passphrase) and `backup.tar.age` (the rest, under that
key): both are age's own format, which any age opens, and neither is ever in memory as a whole."""

import hashlib
import json
import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

import pyrage

FORMAT = 1
MANIFEST, IDENTITY, SEALED = "manifest.json", "identity.age", "backup.tar.age"
MOST_MANIFEST_BYTES = 64 * 1024**2


class BackupFailed(Exception):
    """Why it cannot be made or put back. Nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What is in the backup. `files` maps the path of each file but those of artifacts to its SHA-256."""

    made_at: str  # ISO 8601, in UTC
    engine: str  # sqlite or postgresql
    database: str  # path of its file
    migrations: list[str]  # app.name
    site: str
    head_position: int
    head_hash: str
    files: dict[str, str]
    artifacts: list[str] = field(default_factory=list)  # digests
    format: int = FORMAT


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_archive(path: Path, manifest: Manifest, folder: Path, artifacts: dict[str, Path]) -> None:
    """A tar of the manifest, what is in the folder, and the artifacts by their digest."""
    (folder / MANIFEST).write_text(json.dumps(asdict(manifest)))
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as tar:
            for name in (MANIFEST, *manifest.files):
                tar.add(folder / name, name, filter=_plain)
            for digest, files in artifacts.items():
                tar.add(files, f"artifacts/{digest}", filter=_plain)
        _to_disk(out.fileno())


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Whoever puts it back owns it; folders can be written into until they are whole."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o700 if member.isdir() else 0o600
    return member


def encrypt(plain: Path, sealed: Path, passphrase: str) -> None:
    """In place of the plain file, which is removed."""
    identity = pyrage.x25519.Identity.generate()
    inner = plain.with_name(SEALED)
    with plain.open("rb") as source, _private(inner) as target:
        pyrage.encrypt_io(source, target, [identity.to_public()])
    plain.unlink()
    key = plain.with_name(IDENTITY)
    with _private(key) as file:
        file.write(pyrage.passphrase.encrypt(str(identity).encode(), passphrase))
    with _private(sealed) as out:
        with tarfile.open(fileobj=out, mode="w|") as tar:
            tar.add(key, IDENTITY, filter=_plain)
            tar.add(inner, SEALED, filter=_plain)
        _to_disk(out.fileno())
    inner.unlink()


@contextmanager
def _private(path: Path) -> Iterator[IO[bytes]]:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        yield file


def _to_disk(descriptor: int) -> None:
    os.fsync(descriptor)


def unpack(path: Path, folder: Path, passphrase: str) -> Manifest:
    """All of the backup as files in the folder, each one compared with the manifest. Raises BackupFailed."""
    try:
        with _opened(path) as tar:
            encrypted = tar.next()
            sealed = encrypted is not None and encrypted.name == IDENTITY
        plain = _decrypted(path, folder, passphrase) if sealed else path
        _extract(plain, folder)
        if sealed:
            plain.unlink()
        return _read_manifest(folder)
    except (tarfile.TarError, EOFError) as error:
        raise BackupFailed(f"{path} is no whole backup: {error}.") from error


def _decrypted(path: Path, folder: Path, passphrase: str) -> Path:
    if not passphrase:
        raise BackupFailed(f"{path} is encrypted. Give its passphrase: --passphrase-file, or STUDIO_BACKUP_PASSPHRASE.")
    _extract(path, folder)
    inner, key = folder / SEALED, folder / IDENTITY
    plain = folder / ".backup.tar"
    try:
        secret = pyrage.passphrase.decrypt(key.read_bytes(), passphrase)
        identity = pyrage.x25519.Identity.from_str(secret.decode())
        with inner.open("rb") as source, _private(plain) as target:
            pyrage.decrypt_io(source, target, [identity])
    except (pyrage.DecryptError, pyrage.IdentityError, ValueError, OSError) as error:
        raise BackupFailed(f"{path} cannot be decrypted: the passphrase is another, or the file is damaged.") from error
    inner.unlink()
    key.unlink()
    return plain


@contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        tar = tarfile.open(path, "r|")  # noqa: SIM115 - entered below
    except OSError as error:
        raise BackupFailed(f"{path} cannot be read ({error.strerror}).") from error
    with tar:
        yield tar


def _extract(path: Path, folder: Path) -> None:
    """Plain files and folders below the folder alone: a backup may come from anywhere."""
    with _opened(path) as tar:
        for member in tar:
            if not (member.isfile() or member.isdir()):
                raise BackupFailed(f"{path} holds “{member.name}”, which is neither a file nor a folder.")
            tar.extract(member, folder, filter="data")


def _read_manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    if not path.exists() or path.stat().st_size > MOST_MANIFEST_BYTES:
        raise BackupFailed("This is no backup of a studio: it has no manifest.")
    try:
        found = json.loads(path.read_text())
        if found.get("format") != FORMAT:
            raise BackupFailed(f"This backup has the format {found.get('format')}; this studio reads {FORMAT}.")
        return Manifest(**found)
    except (ValueError, TypeError, AttributeError) as error:
        raise BackupFailed("The manifest of this backup cannot be read.") from error


def check_files(manifest: Manifest, folder: Path) -> None:
    """Everything that the manifest names is there, as it was. Raises BackupFailed."""
    from endpoints.artifacts.store import digest_of, list_files

    for name, digest in manifest.files.items():
        path = folder / name
        if Path(name).is_absolute() or ".." in Path(name).parts or not path.is_file():
            raise BackupFailed(f"The backup lacks “{name}”.")
        if sha256_of(path) != digest:
            raise BackupFailed(f"“{name}” is not as it was backed up: its hash is another.")
    for digest in manifest.artifacts:
        files = folder / "artifacts" / digest
        if not files.is_dir() or digest_of(list_files(files)) != digest:
            raise BackupFailed(f"The artifact {digest[:12]} is missing or not as it was backed up.")


def room_for(path: Path, needed: int) -> None:
    free = shutil.disk_usage(path).free
    if free < needed:
        raise BackupFailed(f"{path} has {free // 2**20} MiB free; about {needed // 2**20} are needed.")
