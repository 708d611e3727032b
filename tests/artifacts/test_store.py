import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from endpoints.artifacts.port import UnsafeUpload
from endpoints.artifacts.store import LocalArtifactStore, digest_of, list_files

ROOT = Path(__file__).parents[2]


@pytest.fixture
def store(tmp_path: Path) -> LocalArtifactStore:
    return LocalArtifactStore(tmp_path / "store")


def folder_of(path: Path, **files: str) -> Path:
    for name, text in files.items():
        target = path / name.replace("__", "/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return path


def test_files_are_read_only(store: LocalArtifactStore, tmp_path: Path) -> None:
    kept = store.path(store.put(folder_of(tmp_path / "in", a="1", b__c="2")).digest)
    modes = {path.relative_to(kept).as_posix(): stat.S_IMODE(path.stat().st_mode) for path in kept.rglob("*")}
    assert modes == {"a": 0o444, "b": 0o555, "b/c": 0o444}


def test_a_crash_before_the_listing_is_made_good(store: LocalArtifactStore, tmp_path: Path) -> None:
    """Whole or half: the same content again completes it."""
    digest = store.put(folder_of(tmp_path / "in", a="1", b="2")).digest
    kept = store.path(digest)
    for missing in ("none", "a"):
        kept.with_suffix(".json").unlink()
        (kept / missing).unlink(missing_ok=True)
        with pytest.raises(KeyError):
            store.path(digest)
        assert store.put(folder_of(tmp_path / "in", a="1", b="2")).digest == digest
        assert digest_of(list_files(store.path(digest))) == digest
        assert not (tmp_path / "in").exists()


def test_what_killed_processes_left_goes_after_a_day(
    store: LocalArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = store.path(store.put(folder_of(tmp_path / "in", a="1")).digest)
    folder_of(kept.parent / ".left", x="1")
    (kept.parent / ".left.json").touch()
    store.delete(kept.name)
    store.put(folder_of(tmp_path / "in", a="1"))
    assert (kept.parent / ".left" / "x").exists()
    monkeypatch.setattr("endpoints.artifacts.store.LEFTOVER_SECONDS", -1)
    store.delete(kept.name)
    store.put(folder_of(tmp_path / "in", a="1"))
    assert sorted(path.name for path in kept.parent.iterdir()) == [kept.name, f"{kept.name}.json"]


def test_links_are_neither_followed_nor_lost(store: LocalArtifactStore, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.touch(mode=0o640)
    given = folder_of(tmp_path / "in", a="1")
    (given / "link").symlink_to(outside)
    with pytest.raises(UnsafeUpload, match="“link” is a link or a device"):
        store.put(given)
    assert stat.S_IMODE(outside.stat().st_mode) == 0o640
    assert given.exists()


def test_processes_that_put_the_same_at_once(store: LocalArtifactStore, tmp_path: Path) -> None:
    go = tmp_path / "go"
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom endpoints.artifacts.store import LocalArtifactStore\n"
        "store = LocalArtifactStore(Path(sys.argv[1]))\nprint('up', flush=True)\n"
        f"while not Path({str(go)!r}).exists(): time.sleep(0.001)\n"
        "print(*{store.put(Path(each)).digest for each in sys.argv[2:]})\n"
    )
    processes = []
    for number in range(3):
        folders = [
            str(folder_of(tmp_path / f"{number}-{turn}", **{f"f{n}": "x" for n in range(50)})) for turn in range(5)
        ]
        command = [sys.executable, "-c", script, str(tmp_path / "store"), *folders]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT))
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
    go.touch()
    digests = {process.communicate()[0].strip() for process in processes}
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert len(digests) == 1
    digest = digests.pop()
    assert len(store.files(digest)) == 50
    assert digest_of(list_files(store.path(digest))) == digest
    assert len(list((tmp_path / "store" / digest[:2]).iterdir())) == 2


def test_the_order_of_files_does_not_matter_but_names_and_content_do(tmp_path: Path) -> None:
    def digest(**files: str) -> str:
        found = digest_of(list_files(folder_of(tmp_path / "in", **files)))
        shutil.rmtree(tmp_path / "in")
        return found

    assert digest(a="1", b="2") == digest(b="2", a="1")
    assert len({digest(a="1", b="2"), digest(a="2", b="1"), digest(a="12", b=""), digest(a__b="12")}) == 4


def test_a_digest_is_no_path(store: LocalArtifactStore, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    for digest in ("../kept", "", "..", os.fspath(tmp_path)):
        with pytest.raises(KeyError):
            store.path(digest)
        with pytest.raises(KeyError):
            store.delete(digest)
    assert (tmp_path / "kept").exists()
