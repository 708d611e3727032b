"""Looks for pickles that would do more than load a model. Reads opcodes; executes nothing.

Advice, not a wall: what really protects is that models are loaded only in their own deployment's processes. A file that
cannot be read as what it claims to be is unverified, never clean.
"""

import bz2
import gzip
import io
import logging
import lzma
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from picklescan.scanner import SafetyLevel, ScanResult, scan_bytes, scan_pickle_bytes

from endpoints.enums import ScanStatus

logging.getLogger("picklescan").setLevel(logging.CRITICAL)  # what it finds is in its result

FILE_BYTES = 1024**3  # of one file, unpacked; more is unverified
SECONDS = 120.0
NESTING = 3
_PICKLES = (".pkl", ".pickle", ".joblib", ".pk", ".p", ".dill", ".cloudpickle", ".sav")
_TORCH = (".pt", ".pth", ".ckpt", ".bin")
_NUMPY = (".npy", ".npz")
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".z", ".lzma")
_PICKLE_MAGIC = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))
# What models of these libraries are made of; picklescan calls everything suspicious that it does not know.
_KNOWN = frozenset(
    "sklearn numpy scipy pandas joblib mlflow xgboost lightgbm catboost torch torchvision transformers tokenizers "
    "statsmodels prophet spacy onnx tensorflow keras jax flax collections datetime decimal fractions functools "
    "_codecs copy_reg copyreg pathlib uuid operator cloudpickle dill __main__".split()
)


def _gunzip(stream: IO[bytes]) -> bytes:
    with gzip.GzipFile(fileobj=stream) as file:
        return file.read(FILE_BYTES + 1)


def _bunzip(stream: IO[bytes]) -> bytes:
    with bz2.BZ2File(stream) as file:
        return file.read(FILE_BYTES + 1)


def _unxz(stream: IO[bytes]) -> bytes:
    with lzma.LZMAFile(stream) as file:
        return file.read(FILE_BYTES + 1)


def _inflate(stream: IO[bytes]) -> bytes:
    """joblib's zlib files."""
    return zlib.decompressobj().decompress(stream.read(), FILE_BYTES + 1)


_DECOMPRESS: dict[bytes, Callable[[IO[bytes]], bytes]] = {
    b"\x1f\x8b": _gunzip,
    b"BZh": _bunzip,
    b"\xfd7zXZ": _unxz,
    b"]\x00\x00": _unxz,
    **{bytes([0x78, level]): _inflate for level in (0x01, 0x5E, 0x9C, 0xDA)},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    path: str
    severity: str  # "dangerous", "suspicious" or "unverified"
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanReport:
    status: ScanStatus
    findings: tuple[Finding, ...]
    scanned: int  # files looked into


def scan(folder: Path) -> ScanReport:
    """Every file that could hold a pickle, by name and by its first bytes."""
    deadline = time.monotonic() + SECONDS
    findings: list[Finding] = []
    scanned = 0
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if not _may_hold_pickle(path):
            continue
        scanned += 1
        if time.monotonic() > deadline:
            findings.append(_unverified(name, "the scan ran out of time"))
            continue
        findings.extend(_scan_file(path, name))
    return ScanReport(status=_status(findings), findings=tuple(findings), scanned=scanned)


def _status(findings: list[Finding]) -> ScanStatus:
    if any(finding.severity != "unverified" for finding in findings):
        return ScanStatus.FINDINGS
    return ScanStatus.UNVERIFIED if findings else ScanStatus.CLEAN


def _may_hold_pickle(path: Path) -> bool:
    if path.suffix.lower() in (*_PICKLES, *_TORCH, *_NUMPY, *_ARCHIVES):
        return True
    with path.open("rb") as file:
        head = file.read(4)
    return head.startswith((*_PICKLE_MAGIC, b"PK\x03\x04", b"\x1f\x8b"))


def _scan_file(path: Path, name: str) -> list[Finding]:
    try:
        with path.open("rb") as stream:
            return list(_scan_stream(stream, name, NESTING))
    except Exception as error:  # hostile input may break any parser; broken is unverified
        return [_unverified(name, f"{type(error).__name__}: {error}")]


def _scan_stream(stream: IO[bytes], name: str, depth: int) -> Iterator[Finding]:
    if depth == 0:
        yield _unverified(name, "archives in archives in archives")
        return
    head = stream.read(6)
    stream.seek(0)
    plain = _decompressed(stream, head)
    if plain is not None:
        yield from _scan_stream(plain, name, depth - 1)
    elif zipfile.is_zipfile(stream):
        stream.seek(0)
        yield from _scan_zip(stream, name, depth)
    elif _is_tar(stream):
        yield from _scan_tar(stream, name, depth)
    else:
        stream.seek(0)
        yield from _scan_plain(stream, name)


def _decompressed(stream: IO[bytes], head: bytes) -> IO[bytes] | None:
    """The content in memory, bounded; None for what is not compressed."""
    unpack = next((unpack for magic, unpack in _DECOMPRESS.items() if head.startswith(magic)), None)
    return io.BytesIO(_checked(unpack(stream))) if unpack else None


def _bounded(stream: IO[bytes]) -> bytes:
    return _checked(stream.read(FILE_BYTES + 1))


def _checked(data: bytes) -> bytes:
    if len(data) > FILE_BYTES:
        raise ValueError(f"larger than {FILE_BYTES // 2**20} MiB when unpacked")
    return data


def _is_tar(stream: IO[bytes]) -> bool:
    stream.seek(257)
    magic = stream.read(5)
    stream.seek(0)
    return magic == b"ustar"


def _scan_zip(stream: IO[bytes], name: str, depth: int) -> Iterator[Finding]:
    with zipfile.ZipFile(stream) as archive:
        for entry in archive.infolist():
            with archive.open(entry) as content:
                yield from _scan_entry(content, f"{name}!{entry.filename}", depth)


def _scan_tar(stream: IO[bytes], name: str, depth: int) -> Iterator[Finding]:
    with tarfile.open(fileobj=stream, mode="r:") as archive:
        for entry in archive:
            content = archive.extractfile(entry) if entry.isreg() else None
            if content is not None:
                yield from _scan_entry(content, f"{name}!{entry.name}", depth)


def _scan_entry(content: IO[bytes], name: str, depth: int) -> Iterator[Finding]:
    data = _bounded(content)
    suffix = Path(name).suffix.lower()
    if suffix in (*_PICKLES, *_NUMPY, *_ARCHIVES) or data[:2] in _PICKLE_MAGIC:
        yield from _scan_stream(io.BytesIO(data), name, depth - 1)


def _scan_plain(stream: IO[bytes], name: str) -> Iterator[Finding]:
    suffix = Path(name).suffix.lower()
    head = stream.read(2)
    stream.seek(0)
    if suffix in _TORCH and head not in _PICKLE_MAGIC:
        return  # raw weights
    if suffix in (*_TORCH, *_NUMPY):
        result = scan_bytes(stream, name, suffix)
    elif suffix in _PICKLES or head in _PICKLE_MAGIC:
        result = scan_pickle_bytes(stream, name)
    else:
        return
    yield from _findings(result, name)


def _findings(result: ScanResult, name: str) -> Iterator[Finding]:
    for found in sorted(result.globals, key=lambda each: (each.module, each.name)):
        what = f"{found.module}.{found.name}"
        if found.safety == SafetyLevel.Dangerous:
            yield Finding(path=name, severity="dangerous", message=f"Loading it would call {what}.")
        elif found.safety == SafetyLevel.Suspicious and found.module.split(".")[0] not in _KNOWN:
            yield Finding(path=name, severity="suspicious", message=f"Loading it would call {what}.")
    if result.scan_err:
        yield _unverified(name, "it could not be read to its end")


def _unverified(name: str, why: str) -> Finding:
    return Finding(path=name, severity="unverified", message=f"Not verified: {why}.")
