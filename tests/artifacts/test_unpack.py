"""Archives that mean harm, and those that do not. Whatever is refused leaves nothing behind."""

import bz2
import gzip
import io
import lzma
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from endpoints.artifacts.port import UnsafeUpload
from endpoints.artifacts.unpack import METADATA_BYTES, is_archive, unpack_archive, write_files
from endpoints.domain.uploads import UploadLimits

SMALL = UploadLimits(
    total_bytes=3 * 2**20, file_bytes=2 * 2**20, files=5, depth=4, path_length=60, free_of_ratio_bytes=2**20, ratio=50
)
BAD_NAMES = [
    ("../evil", "leads out of the folder"),
    ("a/../../evil", "leads out of the folder"),
    ("/etc/evil", "absolute path"),
    ("a\\..\\evil", "characters that no file name may have"),
    ("C:/evil", "absolute path"),
    ("a\nb", "characters that no file name may have"),
    ("1/2/3/4/5", "lies deeper than 4 folders"),
    ("x" * 61, "longer than 60 characters"),
]


def test_what_counts_as_an_archive() -> None:
    names = ["a.zip", "A.ZIP", "a.tar", "a.tar.gz", "a.tgz", "a.tar.bz2", "a.txz", "a.gz", "zip", "a.7z", "model.pkl"]
    assert [is_archive(name) for name in names] == [True] * 7 + [False] * 4


@pytest.mark.parametrize("ending", ["zip", "tar", "tar.gz", "tgz", "tar.bz2", "tar.xz"])
def test_a_single_folder_at_the_top_is_left_out(tmp_path: Path, ending: str) -> None:
    given = {"model/MLmodel": b"m", "model/data/x.bin": b"x" * 100, "__MACOSX/model/._x": b"", "model/.DS_Store": b""}
    unpack_archive(pack(ending, given), f"a.{ending}", tmp_path / "out", SMALL)
    assert content(tmp_path) == {"out/MLmodel": b"m", "out/data/x.bin": b"x" * 100}


def test_a_model_of_a_triton_repository_keeps_its_folder(tmp_path: Path) -> None:
    unpack_archive(pack("zip", {"half/1/model.py": b"m", "half/config.pbtxt": b"c"}), "a.zip", tmp_path / "out", SMALL)
    assert content(tmp_path) == {"out/half/1/model.py": b"m", "out/half/config.pbtxt": b"c"}


@pytest.mark.parametrize("ending", ["zip", "tar.gz"])
def test_several_at_the_top_stay(tmp_path: Path, ending: str) -> None:
    unpack_archive(pack(ending, {"./a/b": b"1", "c": b"2"}), f"a.{ending}", tmp_path / "out", SMALL)
    assert content(tmp_path) == {"out/a/b": b"1", "out/c": b"2"}


def test_an_archives_modes_are_not_taken_over(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        entry = tarfile.TarInfo("run.sh")
        entry.mode = 0o6777
        archive.addfile(entry)
    stream.seek(0)
    unpack_archive(stream, "a.tar", tmp_path / "out", SMALL)
    assert stat.S_IMODE((tmp_path / "out" / "run.sh").stat().st_mode) & 0o6111 == 0


@pytest.mark.parametrize(("name", "said"), BAD_NAMES)
@pytest.mark.parametrize("ending", ["zip", "tar.gz"])
def test_names_that_lead_elsewhere(tmp_path: Path, ending: str, name: str, said: str) -> None:
    refused(tmp_path, pack(ending, {"fine": b"", name: b"x"}), ending, said)


@pytest.mark.parametrize(("name", "said"), BAD_NAMES)
def test_names_that_a_browser_could_send(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(UnsafeUpload, match=said):
        write_files([("fine", io.BytesIO(b"x")), (name, io.BytesIO(b"x"))], tmp_path / "out", SMALL)
    assert content(tmp_path) == {}


def test_a_name_that_hides_its_end(tmp_path: Path) -> None:
    """zipfile cuts names at NUL: what is checked must be what is written there."""
    hidden = pack("zip", {"score.py@.txt": b"x"}).getvalue().replace(b"score.py@.txt", b"score.py\0.txt")
    refused(tmp_path, io.BytesIO(hidden), "zip", "characters that no file name may have")


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("caf\udce9"))
    stream.seek(0)
    refused(tmp_path, stream, "tar", "characters that no file name may have")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar(tmp_path: Path, kind: bytes) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        entry = tarfile.TarInfo("x")
        entry.type, entry.linkname = kind, "/etc/passwd"
        archive.addfile(entry)
    stream.seek(0)
    refused(tmp_path, stream, "tar.gz", "is a link or a device")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK])
def test_links_and_devices_in_a_zip(tmp_path: Path, kind: int) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        entry = zipfile.ZipInfo("x")
        entry.external_attr = (kind | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    stream.seek(0)
    refused(tmp_path, stream, "zip", "is a link or a device")


@pytest.mark.parametrize("ending", ["zip", "tar.gz", "tar.bz2", "tar.xz"])
def test_bombs(tmp_path: Path, ending: str) -> None:
    refused(tmp_path, pack(ending, {"bomb": b"\0" * 1_900_000}), ending, "unpacks to more than 50 times its size")


@pytest.mark.parametrize("ending", ["zip", "tar"])
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"big": 2**21 + 1}, "“big” is larger than 2 MiB"),
        ({"a": 2**21, "b": 2**21}, "Together the files are larger than 3 MiB"),
        (dict.fromkeys("abcdef", 1), "more than 5 files"),
        ({"Model": 1, "model": 1}, "differs from another only by the case"),
        ({"caf\u00e9": 1, "cafe\u0301": 1}, "is there twice"),
        ({"a": 1, "a/b": 1}, "is both a file and a folder"),
        ({"a/b": 1, "a": 1}, "is both a file and a folder"),
        ({}, "no file in this upload"),
        ({f"folder-{number}/": 0 for number in range(11)}, "more than 10 entries"),
    ],
)
def test_caps_and_clashes(tmp_path: Path, ending: str, given: dict[str, int], said: str) -> None:
    noise = bytes(range(256)) * 2**14
    packed = pack(ending, {name: noise[:size] for name, size in given.items()}, compressed=False)
    refused(tmp_path, packed, ending, said)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("ending", ["zip", "tar"])
def test_the_same_name_twice(tmp_path: Path, ending: str) -> None:
    refused(tmp_path, pack(ending, [("a", b"1"), ("a", b"2")]), ending, "is there twice")


def test_a_name_that_would_fill_the_memory(tmp_path: Path) -> None:
    """tarfile reads a long name whole, and a thousand of its bytes are packed in one."""
    entry = tarfile.TarInfo("././@LongLink")
    entry.type, entry.size = tarfile.GNUTYPE_LONGNAME, METADATA_BYTES + 512
    packed = gzip.compress(entry.tobuf(tarfile.GNU_FORMAT) + b"x" * entry.size + b"\0" * 1024)
    refused(tmp_path, io.BytesIO(packed), "tar.gz", "name or its attributes are larger than 4 MiB")


def test_an_encrypted_zip(tmp_path: Path) -> None:
    data = bytearray(pack("zip", {"a": b"secret"}).getvalue())
    data[6] |= 1  # the flag in the file's header
    data[data.index(b"PK\x01\x02") + 8] |= 1  # and in the directory
    refused(tmp_path, io.BytesIO(bytes(data)), "zip", "damaged or encrypted")


@pytest.mark.parametrize("ending", ["zip", "tar", "tar.gz", "tar.bz2", "tar.xz"])
def test_cut_off_or_garbled(tmp_path: Path, ending: str) -> None:
    """At whichever place: refused, or, where only the padding is missing, whole."""
    data = pack(ending, {"a": bytes(range(256)) * 40, "b": b"b" * 5000}).getvalue()
    whole = {"out/a": bytes(range(256)) * 40, "out/b": b"b" * 5000}
    for number, end in enumerate(range(0, len(data), max(1, len(data) // 40))):
        garbled = bytearray(data)
        garbled[end] ^= 0xFF
        for broken in (data[:end], bytes(garbled)):
            folder = tmp_path / str(number) / str(len(broken) == len(data))
            folder.mkdir(parents=True)
            try:
                unpack_archive(io.BytesIO(broken), f"a.{ending}", folder / "out", SMALL)
            except UnsafeUpload:
                assert content(folder) == {}
            else:
                assert broken is not data
                assert content(folder) == whole or ending == "tar" or len(broken) == len(data)


@pytest.mark.parametrize("pack_it", [gzip.compress, bz2.compress, lzma.compress, bytes])
def test_no_archive_at_all(tmp_path: Path, pack_it: Callable[[bytes], bytes]) -> None:
    refused(tmp_path, io.BytesIO(pack_it(b"hello" * 200)), "tar.gz", "damaged or encrypted")
    refused(tmp_path, io.BytesIO(b""), "tar", "damaged")
    refused(tmp_path, io.BytesIO(b"Rar!"), "rar", "is no archive that can be read")


def test_a_disk_that_is_full_is_not_the_archives_fault(tmp_path: Path) -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_files([("a", Failing())], tmp_path / "out")
    assert content(tmp_path) == {}


def test_a_folder_that_is_there_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "kept").touch()
    with pytest.raises(FileExistsError):
        write_files([("a", io.BytesIO(b""))], tmp_path / "out")
    assert content(tmp_path) == {"out/kept": b""}


def refused(tmp_path: Path, stream: io.BytesIO, ending: str, said: str) -> None:
    with pytest.raises(UnsafeUpload, match=said):
        unpack_archive(stream, f"a.{ending}", tmp_path / "out", SMALL)
    assert list(tmp_path.iterdir()) == []


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def pack(ending: str, files: dict[str, bytes] | list[tuple[str, bytes]], *, compressed: bool = True) -> io.BytesIO:
    stream = io.BytesIO()
    entries = list(files.items()) if isinstance(files, dict) else files
    if ending == "zip":
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED) as archive:
            for name, data in entries:
                archive.writestr(name, data)
    else:
        _pack_tar(stream, ending, entries)
    stream.seek(0)
    return stream


def _pack_tar(stream: io.BytesIO, ending: str, entries: list[tuple[str, bytes]]) -> None:
    packing = {"tgz": "gz", "tar": ""}.get(ending, ending.removeprefix("tar."))
    with tarfile.open(fileobj=stream, mode=f"w:{packing}") as archive:  # type: ignore[call-overload]
        for name, data in entries:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            if name.endswith("/"):
                entry.type = tarfile.DIRTYPE
            archive.addfile(entry, io.BytesIO(data))
