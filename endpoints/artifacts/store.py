"""Artifacts as read-only folders of this machine, named by what is in them."""

import hashlib
import json
import os
import shutil
import stat
import time
import uuid
from dataclasses import asdict
from pathlib import Path

from endpoints.artifacts.port import ArtifactFile, StoredArtifact, UnsafeUpload

LEFTOVER_SECONDS = 24 * 3600


class LocalArtifactStore:
    """`root/ab/abcdef…/` holds the files, `root/ab/abcdef….json` their list, written last."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, folder: Path) -> StoredArtifact:
        _check_plain(folder)
        files = list_files(folder)
        digest = digest_of(files)
        target = self._folder(digest)
        if self._listing(digest).exists():
            shutil.rmtree(folder)
        else:
            self._move_in(folder, target, digest)
            self._write_listing(digest, files)
        size = sum(file.size_bytes for file in files)
        return StoredArtifact(digest=digest, size_bytes=size, file_count=len(files))

    def path(self, digest: str) -> Path:
        if not self._listing(digest).exists():
            raise KeyError(digest)
        return self._folder(digest)

    def files(self, digest: str) -> list[ArtifactFile]:
        try:
            found = json.loads(self._listing(digest).read_text())
        except FileNotFoundError:
            raise KeyError(digest) from None
        return [ArtifactFile(**file) for file in found]

    def delete(self, digest: str) -> None:
        self._listing(digest).unlink(missing_ok=True)
        _discard(self._folder(digest))

    def _folder(self, digest: str) -> Path:
        if not digest.isalnum():
            raise KeyError(digest)
        return self._root / digest[:2] / digest

    def _listing(self, digest: str) -> Path:
        return self._folder(digest).with_suffix(".json")

    def _move_in(self, folder: Path, target: Path, digest: str) -> None:
        """A folder without a listing is another's that will have one in a moment, or broken: then it is replaced."""
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target.parent)
        incoming = target.with_name(f".{uuid.uuid4().hex}")
        shutil.move(folder, incoming)
        _make_read_only(incoming)
        if target.exists() and digest_of(list_files(target)) != digest:
            _discard(target)
        try:
            incoming.rename(target)
        except OSError:
            _discard(incoming)
            if not target.exists():
                raise

    def _write_listing(self, digest: str, files: list[ArtifactFile]) -> None:
        listing = self._listing(digest)
        temporary = listing.with_name(f".{uuid.uuid4().hex}.json")
        with temporary.open("w") as file:
            json.dump([asdict(each) for each in files], file)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(listing)


def list_files(folder: Path) -> list[ArtifactFile]:
    """Plain files below the folder, sorted by path."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return [
        ArtifactFile(path=path.relative_to(folder).as_posix(), size_bytes=path.stat().st_size, sha256=_sha256(path))
        for path in paths
    ]


def digest_of(files: list[ArtifactFile]) -> str:
    lines = (f"{file.path}\0{file.size_bytes}\0{file.sha256}\n" for file in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_plain(folder: Path) -> None:
    """Raises UnsafeUpload for a link or device, which the store would have to follow or lose."""
    for path in folder.rglob("*"):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise UnsafeUpload(f"“{path.relative_to(folder)}” is a link or a device; only plain files are kept.")


def _discard(folder: Path) -> None:
    """Out of sight at once, so that no half of it is ever seen; then gone."""
    doomed = folder.with_name(f".{uuid.uuid4().hex}")
    try:
        folder.rename(doomed)
    except FileNotFoundError:
        return
    _make_writable(doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def _sweep(parent: Path) -> None:
    """What was coming or going when a process was killed, long ago."""
    for path in parent.glob(".*"):
        try:
            old = time.time() - path.stat().st_ctime > LEFTOVER_SECONDS
        except FileNotFoundError:
            continue
        if old and path.is_dir():
            _discard(path)
        elif old:
            path.unlink(missing_ok=True)


def _make_read_only(folder: Path) -> None:
    for path in folder.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    # The top folder keeps its write bit: without it, it cannot be renamed by other users than root.


def _make_writable(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir():
            path.chmod(path.stat().st_mode | stat.S_IRWXU)
