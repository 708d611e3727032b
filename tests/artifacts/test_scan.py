"""Every hostile pickle here would make a file if it were loaded; none does."""

import bz2
import collections
import datetime
import decimal
import gzip
import io
import lzma
import os
import pickle
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from endpoints.artifacts import scan as scanning
from endpoints.artifacts.scan import ScanReport, scan
from endpoints.enums import ScanStatus

MARK = Path("/tmp") / f"es-pickle-ran-{os.getpid()}"


class Evil:
    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {MARK}",)


def hostile(protocol: int = 4) -> bytes:
    return pickle.dumps({"weights": [1.0, 2.0], "bonus": Evil()}, protocol)


def calling(module: str, name: str) -> bytes:
    """A pickle that calls module.name("x"), by hand: nothing is imported."""
    return b"\x80\x02c" + f"{module}\n{name}\n".encode() + b"X\x01\x00\x00\x00x\x85R."


def zipped(**files: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), data)
    return stream.getvalue()


def tarred(name: str, data: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    return stream.getvalue()


def numpy_file(data: bytes, descr: str = "|O", version: int = 1) -> bytes:
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': (1,), }}".ljust(117).encode() + b"\n"
    size = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + size + header + data


def scanned(tmp_path: Path, name: str, data: bytes) -> ScanReport:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_bytes(data)
    return scan(tmp_path)


@pytest.fixture(autouse=True)
def nothing_runs() -> Any:
    yield
    assert not MARK.exists()


HIDING_PLACES: dict[str, Callable[[bytes], bytes]] = {
    "model.pkl": bytes,
    "data/model/weights.joblib": zlib.compress,
    "best.joblib": gzip.compress,
    "bz2.joblib": bz2.compress,
    "xz.joblib": lzma.compress,
    "old.joblib": lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE),
    "no-ending-at-all": bytes,
    "readme.txt": bytes,
    "model.zip": lambda data: zipped(model_pkl=data),
    "model.pt": lambda data: zipped(archive__data_pkl=data, archive__data__0=b"\0" * 64),
    "raw.bin": bytes,
    "unknown.model": lambda data: zipped(archive__anything=data),
    "model.tar": lambda data: tarred("deep/model.pkl", data),
    "model.tar.gz": lambda data: gzip.compress(tarred("model.pkl", data)),
    "deep.tar.gz": lambda data: gzip.compress(tarred("a.zip", zipped(b_joblib=zlib.compress(data)))),
    "array.npy": numpy_file,
    "new.npy": lambda data: numpy_file(data, version=3),
    "arrays.npz": lambda data: zipped(a_npy=numpy_file(data)),
}


@pytest.mark.parametrize("name", HIDING_PLACES)
def test_a_pickle_that_would_run_a_command_is_found(tmp_path: Path, name: str) -> None:
    report = scanned(tmp_path, name, HIDING_PLACES[name](hostile()))
    assert report.status == ScanStatus.FINDINGS
    found = report.findings[0]
    assert found.severity == "dangerous"
    assert found.path.startswith(name)
    assert found.message == "Loading it would call posix.system."


@pytest.mark.parametrize("protocol", range(6))
def test_in_whichever_protocol(tmp_path: Path, protocol: int) -> None:
    assert scanned(tmp_path, "model.pkl", hostile(protocol)).status == ScanStatus.FINDINGS


def test_after_another_pickle(tmp_path: Path) -> None:
    """joblib and old torch files hold several."""
    assert scanned(tmp_path, "model.pkl", pickle.dumps([1]) + hostile()).status == ScanStatus.FINDINGS


@pytest.mark.parametrize("name", HIDING_PLACES)
def test_plain_content_is_clean(tmp_path: Path, name: str) -> None:
    plain = {"at": datetime.datetime(2026, 1, 1), "n": decimal.Decimal(1), "o": collections.OrderedDict(a=[1.5, "x"])}
    report = scanned(tmp_path, name, HIDING_PLACES[name](pickle.dumps(plain, 4)))
    assert (report.status, report.findings, report.scanned) == (ScanStatus.CLEAN, (), 1)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("sklearn.linear_model._base", "LinearRegression"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("joblib.numpy_pickle", "NumpyArrayWrapper"),
        ("xgboost.sklearn", "XGBRegressor"),
    ],
)
def test_what_models_are_made_of_is_clean(tmp_path: Path, module: str, name: str) -> None:
    assert scanned(tmp_path, "model.pkl", calling(module, name)).status == ScanStatus.CLEAN


@pytest.mark.parametrize(
    ("module", "name", "severity"),
    [
        ("builtins", "eval", "dangerous"),
        ("subprocess", "Popen", "dangerous"),
        ("nobody.knows", "this", "suspicious"),
        ("pandas", "eval", "suspicious"),
        ("pandas.io.pickle", "read_pickle", "suspicious"),
    ],
)
def test_what_runs_what_it_is_given_is_not(tmp_path: Path, module: str, name: str, severity: str) -> None:
    report = scanned(tmp_path, "model.pkl", calling(module, name))
    assert [(found.severity, found.message) for found in report.findings] == [
        (severity, f"Loading it would call {module}.{name}.")
    ]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("model.pkl", pickle.dumps(list(range(1000)))[:-200]),
        ("model.joblib", zlib.compress(os.urandom(9000))[:-100]),
        ("model.joblib", gzip.compress(pickle.dumps([1] * 5000))[:-6]),
        ("model.zip", zipped(a_pkl=pickle.dumps([1]))[:-30]),
        ("lz4.joblib", b"\x04\x22\x4d\x18" + os.urandom(99)),
        ("model.npy", b"\x93NUMPY\x01\x00"),
        ("model.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\xff"),
        ("a.zip", zipped(a_zip=zipped(a_zip=zipped(a_zip=zipped(a_zip=zipped(a_zip=zipped(a_pkl=hostile()))))))),
    ],
)
def test_what_cannot_be_read_is_never_clean(tmp_path: Path, name: str, data: bytes) -> None:
    report = scanned(tmp_path, name, data)
    assert report.status == ScanStatus.UNVERIFIED
    assert report.findings[0].message.startswith("Not verified: ")


def test_what_was_found_before_it_broke_counts(tmp_path: Path) -> None:
    stream = zipped(a_pkl=hostile(), b_pkl=b"\x80\x04" + b"\xff" * 50)
    report = scanned(tmp_path, "model.zip", stream)
    assert [found.severity for found in report.findings] == ["dangerous", "unverified"]
    assert report.status == ScanStatus.FINDINGS


def test_a_bomb_is_unverified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "FILE_BYTES", 3 * 2**20)
    for name, data in {"a.zip": zipped(a_pkl=b"\0" * 2**22), "a.joblib": zlib.compress(b"\0" * 2**22)}.items():
        report = scanned(tmp_path / name, name, data)
        assert report.status == ScanStatus.UNVERIFIED
        assert "larger than 3 MiB when unpacked" in report.findings[0].message


def test_time_runs_out_inside_an_archive_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "SECONDS", -1)
    assert "ran out of time" in scanned(tmp_path, "a.pkl", pickle.dumps(1)).findings[0].message
    found = scanning._scan_file(tmp_path / "a.pkl", "a.pkl", deadline=0)
    assert found == []
    (tmp_path / "b.zip").write_bytes(zipped(a_pkl=pickle.dumps(1)))
    assert "ran out of time" in scanning._scan_file(tmp_path / "b.zip", "b.zip", deadline=0)[0].message


def test_what_holds_no_pickle_is_not_looked_into(tmp_path: Path) -> None:
    (tmp_path / "weights.npy").write_bytes(numpy_file(struct.pack("<d", 1.0), "<f8"))
    (tmp_path / "weights.bin").write_bytes(b"GGUF" + b"\0" * 99)
    (tmp_path / "table.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n"))
    report = scanned(tmp_path, "score.py", b"import os\nos.system('ls')\n")
    assert (report.status, report.scanned) == (ScanStatus.CLEAN, 3)
