"""Our own unpacker: archives are read entry by entry, and every byte is counted before it is kept."""

import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from endpoints.artifacts.port import UnsafeUpload
from endpoints.domain.uploads import BadPath, UploadLimits, safe_path

CHUNK = 1024 * 1024
_TAR_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")


def is_archive(filename: str) -> bool:
    return filename.lower().endswith((".zip", *_TAR_ENDINGS))


def unpack_archive(stream: IO[bytes], filename: str, folder: Path, limits: UploadLimits | None = None) -> None:
    """Into `folder`, which is made and on refusal removed. A single folder at the top is left out.

    Raises UnsafeUpload.
    """
    with _all_or_nothing(folder):
        writer = _Writer(folder, limits or UploadLimits(), packed_bytes=_size(stream))
        try:
            if filename.lower().endswith(".zip"):
                _zip(stream, writer)
            elif filename.lower().endswith(_TAR_ENDINGS):
                _tar(stream, writer)
            else:
                raise UnsafeUpload(f"“{filename}” is no archive that can be read. Use .zip, .tar, .tar.gz or .tar.xz.")
        except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, RuntimeError, NotImplementedError) as error:
            raise UnsafeUpload(f"“{filename}” is damaged or encrypted: {error}.") from error
        writer.check_not_empty()
        _lift_single_folder(folder)


def write_files(files: Iterable[tuple[str, IO[bytes]]], folder: Path, limits: UploadLimits | None = None) -> None:
    """(relative path, stream) pairs, as a browser sends a folder. Raises UnsafeUpload, and leaves nothing then."""
    with _all_or_nothing(folder):
        writer = _Writer(folder, limits or UploadLimits())
        for name, stream in files:
            writer.write(name, stream)
        writer.check_not_empty()
        _lift_single_folder(folder)


@contextmanager
def _all_or_nothing(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True)
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


class _Writer:
    """Writes entries under a folder and keeps the limits while it does."""

    def __init__(self, folder: Path, limits: UploadLimits, packed_bytes: int | None = None) -> None:
        self._folder = folder
        self._limits = limits
        self._packed = packed_bytes
        self._seen: set[str] = set()
        self._total = 0

    def write(self, name: str, stream: IO[bytes]) -> None:
        try:
            path = safe_path(name, self._limits)
        except BadPath as error:
            raise UnsafeUpload(str(error)) from error
        if path is None:
            return
        self._note(path)
        target = self._folder / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                self._copy(path, stream, file)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            raise UnsafeUpload(f"“{path}” is there twice, or is both a file and a folder.") from None

    def check_not_empty(self) -> None:
        if not self._seen:
            raise UnsafeUpload("There is no file in this upload.")

    def _note(self, path: str) -> None:
        """Names that differ only by case would be one file on some systems."""
        folded = path.casefold()
        if folded in self._seen:
            raise UnsafeUpload(f"“{path}” is there twice (or differs from another only by the case of its letters).")
        self._seen.add(folded)
        if len(self._seen) > self._limits.files:
            raise UnsafeUpload(f"There are more than {self._limits.files} files.")

    def _copy(self, path: str, stream: IO[bytes], file: IO[bytes]) -> None:
        size = 0
        while chunk := stream.read(CHUNK):
            size += len(chunk)
            self._total += len(chunk)
            if size > self._limits.file_bytes:
                raise UnsafeUpload(f"“{path}” is larger than {self._limits.file_bytes // 2**20} MiB.")
            if self._total > self._limits.total_bytes:
                raise UnsafeUpload(f"Together the files are larger than {self._limits.total_bytes // 2**20} MiB.")
            self._check_ratio()
            file.write(chunk)

    def _check_ratio(self) -> None:
        if self._packed is None or self._total <= self._limits.free_of_ratio_bytes:
            return
        if self._total > self._packed * self._limits.ratio:
            raise UnsafeUpload(f"It unpacks to more than {self._limits.ratio} times its size; that is refused.")


def _zip(stream: IO[bytes], writer: _Writer) -> None:
    with zipfile.ZipFile(stream) as archive:
        for entry in archive.infolist():
            kind = stat.S_IFMT(entry.external_attr >> 16)
            if kind and not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
                raise UnsafeUpload(f"“{entry.filename}” is a link or a device; only plain files are allowed.")
            if entry.is_dir():
                continue
            with archive.open(entry) as content:
                writer.write(entry.filename, content)


def _tar(stream: IO[bytes], writer: _Writer) -> None:
    with tarfile.open(fileobj=stream, mode="r:*") as archive:
        for entry in archive:
            if entry.isdir():
                continue
            content = archive.extractfile(entry) if entry.isreg() else None
            if content is None:
                raise UnsafeUpload(f"“{entry.name}” is a link or a device; only plain files are allowed.")
            with content:
                writer.write(entry.name, content)


def _lift_single_folder(folder: Path) -> None:
    """A zipped folder is meant as its content."""
    entries = list(folder.iterdir())
    if len(entries) != 1 or not entries[0].is_dir():
        return
    only = entries[0].rename(folder.with_name(f"{folder.name}.lifted"))
    folder.rmdir()
    only.rename(folder)


def _size(stream: IO[bytes]) -> int:
    here = stream.tell()
    size = stream.seek(0, 2)
    stream.seek(here)
    return size
