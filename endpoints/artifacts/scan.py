"""Looks for pickles that would do more than load a model. Reads opcodes; executes nothing.

Advice, not a wall: what really protects is that models are loaded only in their own deployment's processes. A file that
cannot be read as what it claims to be is unverified, never clean.
"""

import ast
import bz2
import gzip
import logging
import lzma
import pickletools
import tarfile
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from picklescan.scanner import SafetyLevel, ScanResult, scan_bytes, scan_pickle_bytes

from endpoints.enums import ScanStatus

logging.getLogger("picklescan").setLevel(logging.CRITICAL)  # what it finds is in its result

FILE_BYTES = 1024**3  # of one file, unpacked; more is unverified
SECONDS = 120.0
NESTING = 6  # a compressed file in a zip in a tar.gz is 5
CHUNK = 1024 * 1024
MEMORY_BYTES = 64 * CHUNK
_PICKLES = (".pkl", ".pickle", ".joblib", ".pk", ".p", ".dill", ".cloudpickle", ".sav")
_TORCH = (".pt", ".pth", ".ckpt", ".bin")
_NUMPY = (".npy", ".npz")
_NUMPY_MAGIC = b"\x93NUMPY"
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".z", ".lzma")
_PICKLE_MAGIC = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))
# What models of these libraries are made of; picklescan calls everything suspicious that it does not know.
_KNOWN = frozenset(
    "sklearn numpy scipy pandas joblib mlflow xgboost lightgbm catboost torch torchvision transformers tokenizers "
    "statsmodels prophet spacy onnx tensorflow keras jax flax collections datetime decimal fractions functools "
    "_codecs copy_reg copyreg pathlib uuid operator cloudpickle dill __main__".split()
)


# But for what evaluates text, or loads another file.
_RUNS_WHAT_IT_IS_GIVEN = frozenset("eval exec query load loads read_pickle load_pickle runstring".split())
_OPENERS: dict[bytes, Callable[..., Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ": lzma.open,
    b"]\x00\x00": lzma.open,
}
_ZLIB = tuple(bytes([0x78, level]) for level in (0x01, 0x5E, 0x9C, 0xDA))  # joblib's


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
        findings.extend(_scan_file(path, name, deadline))
    return ScanReport(status=_status(findings), findings=tuple(findings), scanned=scanned)


def _status(findings: list[Finding]) -> ScanStatus:
    if any(finding.severity != "unverified" for finding in findings):
        return ScanStatus.FINDINGS
    return ScanStatus.UNVERIFIED if findings else ScanStatus.CLEAN


def _may_hold_pickle(path: Path) -> bool:
    with path.open("rb") as file:
        return _worth_a_look(path.suffix.lower(), file.read(4))


def _worth_a_look(suffix: str, head: bytes) -> bool:
    by_name = suffix in (*_PICKLES, *_TORCH, *_NUMPY, *_ARCHIVES)
    return by_name or head.startswith((*_PICKLE_MAGIC, b"PK\x03\x04", b"\x1f\x8b"))


def _scan_file(path: Path, name: str, deadline: float) -> list[Finding]:
    findings: list[Finding] = []
    try:
        with path.open("rb") as stream:
            for finding in _scan_stream(stream, name, NESTING, deadline):
                findings.append(finding)
    except Exception as error:  # hostile input may break any parser; broken is unverified
        findings.append(_unverified(name, f"{type(error).__name__}: {error}"))
    return findings


def _scan_stream(stream: IO[bytes], name: str, depth: int, deadline: float) -> Iterator[Finding]:
    if depth == 0:
        yield _unverified(name, "archives in archives in archives")
        return
    head = stream.read(6)
    stream.seek(0)
    if (chunks := _decompressed(stream, head)) is not None:
        with _kept(chunks, deadline) as plain:
            inside = f"{name}!" if Path(name).suffix.lower() in _ARCHIVES else name
            yield from _scan_stream(plain, inside, depth - 1, deadline)
    elif zipfile.is_zipfile(stream):
        stream.seek(0)
        yield from _scan_zip(stream, name, depth, deadline)
    elif _is_tar(stream):
        yield from _scan_tar(stream, name, depth, deadline)
    else:
        stream.seek(0)
        yield from _scan_plain(stream, name)


def _decompressed(stream: IO[bytes], head: bytes) -> Iterator[bytes] | None:
    """None for what is not compressed."""
    if head.startswith(_ZLIB):
        return _inflated(stream)
    opener = next((opener for magic, opener in _OPENERS.items() if head.startswith(magic)), None)
    return _chunks(opener(stream)) if opener else None


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: stream.read(CHUNK), b"")


def _inflated(stream: IO[bytes]) -> Iterator[bytes]:
    unpacker = zlib.decompressobj()
    for chunk in _chunks(stream):
        yield unpacker.decompress(chunk, CHUNK)
        while unpacker.unconsumed_tail:
            yield unpacker.decompress(unpacker.unconsumed_tail, CHUNK)
    if not unpacker.eof:
        raise EOFError("the compressed data are cut off")


def _kept(chunks: Iterator[bytes], deadline: float) -> IO[bytes]:
    """In memory while it is small. Raises ValueError for what is too large, TimeoutError."""
    plain = tempfile.SpooledTemporaryFile(max_size=MEMORY_BYTES)  # noqa: SIM115 - the caller closes it
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > FILE_BYTES:
            raise ValueError(f"larger than {FILE_BYTES // 2**20} MiB when unpacked")
        if time.monotonic() > deadline:
            raise TimeoutError("the scan ran out of time")
        plain.write(chunk)
    plain.seek(0)
    return cast(IO[bytes], plain)


def _is_tar(stream: IO[bytes]) -> bool:
    stream.seek(257)
    magic = stream.read(5)
    stream.seek(0)
    return magic == b"ustar"


def _scan_zip(stream: IO[bytes], name: str, depth: int, deadline: float) -> Iterator[Finding]:
    with zipfile.ZipFile(stream) as archive:
        for entry in archive.infolist():
            with archive.open(entry) as content:
                yield from _scan_entry(content, f"{name}!{entry.filename}", depth, deadline)


def _scan_tar(stream: IO[bytes], name: str, depth: int, deadline: float) -> Iterator[Finding]:
    with tarfile.open(fileobj=stream, mode="r:") as archive:
        for entry in archive:
            content = archive.extractfile(entry) if entry.isreg() else None
            if content is not None:
                yield from _scan_entry(content, f"{name}!{entry.name}", depth, deadline)


def _scan_entry(content: IO[bytes], name: str, depth: int, deadline: float) -> Iterator[Finding]:
    with _kept(_chunks(content), deadline) as plain:
        head = plain.read(4)
        plain.seek(0)
        if _worth_a_look(Path(name).suffix.lower(), head):
            yield from _scan_stream(plain, name, depth - 1, deadline)


def _scan_plain(stream: IO[bytes], name: str) -> Iterator[Finding]:
    suffix = Path(name).suffix.lower()
    head = stream.read(len(_NUMPY_MAGIC))
    stream.seek(0)
    if head == _NUMPY_MAGIC and not _skip_numpy_header(stream):
        return  # an array of numbers
    if suffix in _TORCH and not head.startswith(_PICKLE_MAGIC):
        return  # raw weights
    if suffix in _TORCH:
        yield from _judged(stream, name, lambda: scan_bytes(stream, name, suffix))
    elif suffix in (*_PICKLES, *_NUMPY) or head.startswith(_PICKLE_MAGIC):
        yield from _judged(stream, name, lambda: scan_pickle_bytes(stream, name))
    elif suffix in _ARCHIVES or head.startswith(b"PK\x03\x04"):
        yield _unverified(name, "it is no archive that can be read")


def _judged(stream: IO[bytes], name: str, scanner: Callable[[], ScanResult]) -> Iterator[Finding]:
    """picklescan takes what it cannot read, and finds nothing in, for no pickle at all: that is not clean here."""
    start = stream.tell()
    result = scanner()
    yield from _findings(result, name)
    if not result.globals and not result.scan_err:
        stream.seek(start)
        _read_to_its_end(stream)


def _read_to_its_end(stream: IO[bytes]) -> None:
    """Raises ValueError where one of the pickles is broken."""
    while stream.read(1):
        stream.seek(-1, 1)
        for _ in pickletools.genops(stream):
            pass


def _skip_numpy_header(stream: IO[bytes]) -> bool:
    """Whether a pickle follows, as in an array of objects (numpy.lib.format says how the header looks)."""
    stream.seek(len(_NUMPY_MAGIC))
    major = stream.read(2)[0]
    size = int.from_bytes(stream.read(2 if major == 1 else 4), "little")
    if size > CHUNK:
        raise ValueError("its header is longer than a header is")
    return "O" in str(ast.literal_eval(stream.read(size).decode("utf-8"))["descr"])


def _findings(result: ScanResult, name: str) -> Iterator[Finding]:
    for found in sorted(result.globals, key=lambda each: (each.module, each.name)):
        what = f"{found.module}.{found.name}"
        if found.safety == SafetyLevel.Dangerous:
            yield Finding(path=name, severity="dangerous", message=f"Loading it would call {what}.")
        elif found.safety == SafetyLevel.Suspicious and not _is_known(found.module, found.name):
            yield Finding(path=name, severity="suspicious", message=f"Loading it would call {what}.")
    if result.scan_err:
        yield _unverified(name, "it could not be read to its end")


def _is_known(module: str, name: str) -> bool:
    return module.split(".", maxsplit=1)[0] in _KNOWN and name.rsplit(".", maxsplit=1)[-1] not in _RUNS_WHAT_IT_IS_GIVEN


def _unverified(name: str, why: str) -> Finding:
    return Finding(path=name, severity="unverified", message=f"Not verified: {why}.")
