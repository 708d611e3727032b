"""Our own unpacker: archives are read entry by entry, and every byte is counted before it is kept."""

import bz2
import errno
import gzip
import lzma
import shutil
import stat
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from endpoints.artifacts.port import UnsafeUpload
from endpoints.domain.uploads import BadPath, UploadLimits, safe_path

CHUNK = 1024 * 1024
METADATA_BYTES = 4 * 1024 * 1024  # of one entry's long name or attributes, which tarfile reads into memory at once
_DAMAGE = (
    *(zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, struct.error),
    *(RuntimeError, NotImplementedError, ValueError, IndexError, OverflowError),
)
_OPENERS: dict[bytes, Callable[..., Any]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
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
        except UnsafeUpload:
            raise
        except _DAMAGE as error:
            raise UnsafeUpload(f"“{filename}” is damaged or encrypted: {error}.") from error
        except OSError as error:
            if error.errno not in (None, errno.EINVAL):  # the disk's own; decompressors give none
                raise
            raise UnsafeUpload(f"“{filename}” is damaged: {error}.") from error
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
        self._entries = 0
        self._total = 0

    def count_entry(self) -> None:
        """Folders too: an archive of nothing but folders would keep us busy for ever."""
        self._entries += 1
        if self._entries > 2 * self._limits.files:
            raise UnsafeUpload(f"There are more than {2 * self._limits.files} entries.")

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
        folded = unicodedata.normalize("NFC", path).casefold()
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
            writer.count_entry()
            kind = stat.S_IFMT(entry.external_attr >> 16)
            if kind and not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
                raise UnsafeUpload(f"“{entry.filename}” is a link or a device; only plain files are allowed.")
            if entry.is_dir():
                continue
            with archive.open(entry) as content:
                writer.write(entry.orig_filename, content)


def _tar(stream: IO[bytes], writer: _Writer) -> None:
    opener = next((opener for magic, opener in _OPENERS.items() if _head(stream).startswith(magic)), None)
    plain = _Sparing(opener(stream) if opener else stream)
    with tarfile.open(fileobj=cast(IO[bytes], plain), mode="r:") as archive:
        for entry in archive:
            writer.count_entry()
            archive.members = []  # type: ignore[attr-defined] # it would remember every one
            if entry.isdir():
                continue
            content = archive.extractfile(entry) if entry.isreg() else None
            if content is None:
                raise UnsafeUpload(f"“{entry.name}” is a link or a device; only plain files are allowed.")
            with content:
                writer.write(entry.name, content)


class _Sparing:
    """A stream that is read in small parts only. tarfile reads names and attributes whole, however long they are."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.seek, self.tell = stream.seek, stream.tell

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= METADATA_BYTES:
            raise UnsafeUpload("An entry's name or its attributes are larger than 4 MiB.")
        return self._stream.read(size)


def _lift_single_folder(folder: Path) -> None:
    """A zipped folder is meant as its content, unless it is a model of a Triton repository: then its name counts."""
    entries = list(folder.iterdir())
    if len(entries) != 1 or not entries[0].is_dir() or _is_triton_model(entries[0]):
        return
    only = entries[0].rename(folder.with_name(f"{folder.name}.lifted"))
    folder.rmdir()
    only.rename(folder)


def _is_triton_model(folder: Path) -> bool:
    """Numbered versions, and perhaps a config beside them."""
    inside = [path for path in folder.iterdir() if path.name != "config.pbtxt"]
    return bool(inside) and all(path.is_dir() and path.name.isdecimal() for path in inside)


def _head(stream: IO[bytes]) -> bytes:
    here = stream.tell()
    head = stream.read(6)
    stream.seek(here)
    return head


def _size(stream: IO[bytes]) -> int:
    here = stream.tell()
    size = stream.seek(0, 2)
    stream.seek(here)
    return size
