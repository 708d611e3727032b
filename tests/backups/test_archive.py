"""The file of a backup: whole, or refused with a reason."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from endpoints.artifacts.store import LocalArtifactStore
from studio.backups.archive import BackupFailed, Manifest, check_files, encrypt, sha256_of, unpack, write_archive

PASSPHRASE = "correct horse battery"


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A backup of one file and one artifact."""
    folder, model = tmp_path / "files", tmp_path / "model"
    folder.mkdir()
    (folder / "database.sqlite3").write_bytes(b"rows")
    (model / "inner").mkdir(parents=True)
    (model / "inner" / "weights.txt").write_text("weights")
    store = LocalArtifactStore(tmp_path / "store")
    digest = store.put(model).digest
    manifest = Manifest(
        made_at="2030-01-01T00:00:00+00:00",
        engine="sqlite",
        database="database.sqlite3",
        migrations=[],
        site="",
        head_position=0,
        head_hash="",
        files={"database.sqlite3": sha256_of(folder / "database.sqlite3")},
        artifacts=[digest],
    )
    path = tmp_path / "plain.backup"
    write_archive(path, manifest, folder, {digest: store.path(digest)})
    return path


def opened(path: Path, folder: Path, passphrase: str = "") -> Manifest:
    folder.mkdir()
    manifest = unpack(path, folder, passphrase)
    check_files(manifest, folder)
    return manifest


def test_what_went_in_comes_out(plain: Path, tmp_path: Path) -> None:
    manifest = opened(plain, tmp_path / "out")
    assert (tmp_path / "out" / "database.sqlite3").read_bytes() == b"rows"
    weights = tmp_path / "out" / "artifacts" / manifest.artifacts[0] / "inner" / "weights.txt"
    assert weights.read_text() == "weights"
    assert plain.stat().st_mode & 0o777 == 0o600


def test_a_passphrase_opens_it_and_nothing_else_does(plain: Path, tmp_path: Path) -> None:
    sealed = tmp_path / "sealed.backup"
    encrypt(plain, sealed, PASSPHRASE)
    assert not plain.exists()
    assert sealed.stat().st_mode & 0o777 == 0o600
    assert b"weights" not in sealed.read_bytes()
    assert len(opened(sealed, tmp_path / "right", PASSPHRASE).artifacts) == 1
    assert not list((tmp_path / "right").glob("*age*"))
    for name, passphrase in (("wrong", "another"), ("none", "")):
        with pytest.raises(BackupFailed, match="passphrase"):
            opened(sealed, tmp_path / name, passphrase)


@pytest.mark.parametrize("sealed", [False, True])
def test_one_that_was_cut_off_is_refused(plain: Path, tmp_path: Path, sealed: bool) -> None:
    path = plain
    if sealed:
        path = tmp_path / "sealed.backup"
        encrypt(plain, path, PASSPHRASE)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 3])
    with pytest.raises(BackupFailed):
        opened(path, tmp_path / "out", PASSPHRASE)


def test_one_byte_that_changed_is_found(plain: Path, tmp_path: Path) -> None:
    for number, word in enumerate((b"rows", b"weights")):
        damaged = tmp_path / f"damaged-{number}"
        whole = plain.read_bytes()
        at = whole.rindex(word + b"\0")
        damaged.write_bytes(whole[:at] + b"X" + whole[at + 1 :])
        with pytest.raises(BackupFailed, match="not as it was backed up"):
            opened(damaged, tmp_path / f"out-{number}")


def hostile(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w") as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size = kind, link, 1 if kind == tarfile.REGTYPE else 0
    return made


@pytest.mark.parametrize(
    "made",
    [
        member("../outside"),
        member("/tmp/es-outside-of-a-backup"),
        member("link", tarfile.SYMTYPE, "/etc/passwd"),
        member("pipe", tarfile.FIFOTYPE),
    ],
    ids=["above", "absolute", "link", "pipe"],
)
def test_what_would_leave_its_folder_is_refused(tmp_path: Path, made: tarfile.TarInfo) -> None:
    path = hostile(tmp_path / "hostile.backup", made)
    with pytest.raises(BackupFailed):
        opened(path, tmp_path / "out")
    assert not (tmp_path / "outside").exists()
    assert not Path("/tmp/es-outside-of-a-backup").exists()


@pytest.mark.parametrize("manifest", ["{}", "[]", "nonsense", json.dumps({"format": 99}), json.dumps({"format": 1})])
def test_a_manifest_that_says_nothing_is_refused(tmp_path: Path, manifest: str) -> None:
    path = tmp_path / "odd.backup"
    with tarfile.open(path, "w") as tar:
        found = tarfile.TarInfo("manifest.json")
        found.size = len(manifest)
        tar.addfile(found, io.BytesIO(manifest.encode()))
    with pytest.raises(BackupFailed):
        opened(path, tmp_path / "out")


@pytest.mark.parametrize("content", [b"", b"nothing of a tar" * 100])
def test_what_is_no_backup_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.backup"
    path.write_bytes(content)
    with pytest.raises(BackupFailed):
        opened(path, tmp_path / "out")
