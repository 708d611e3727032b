"""What everyone who uses the store may rely on, asked of each adapter."""

from pathlib import Path

import pytest

from endpoints.artifacts.port import ArtifactFile, ArtifactStore, StoredArtifact
from endpoints.artifacts.store import LocalArtifactStore

ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.fixture(params=["local"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ArtifactStore:
    return LocalArtifactStore(tmp_path / "store")


def incoming(tmp_path: Path, text: str = "abc") -> Path:
    folder = tmp_path / "in"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "x").write_text(text)
    (folder / "empty").touch()
    return folder


def test_a_folder_moves_in(store: ArtifactStore, tmp_path: Path) -> None:
    folder = incoming(tmp_path)
    stored = store.put(folder)
    assert (stored.size_bytes, stored.file_count) == (3, 2)
    assert not folder.exists()
    assert store.files(stored.digest)[0] == ArtifactFile(path="data/x", size_bytes=3, sha256=ABC)
    assert [file.path for file in store.files(stored.digest)] == ["data/x", "empty"]
    assert (store.path(stored.digest) / "data" / "x").read_text() == "abc"


def test_the_same_content_is_stored_once(store: ArtifactStore, tmp_path: Path) -> None:
    first: StoredArtifact = store.put(incoming(tmp_path))
    at = store.path(first.digest).stat().st_ino
    assert store.put(incoming(tmp_path)) == first
    assert store.path(first.digest).stat().st_ino == at
    assert store.put(incoming(tmp_path, "other")).digest != first.digest


def test_what_is_not_there(store: ArtifactStore) -> None:
    with pytest.raises(KeyError):
        store.path("0" * 64)
    with pytest.raises(KeyError):
        store.files("0" * 64)
    store.delete("0" * 64)


def test_gone_and_back(store: ArtifactStore, tmp_path: Path) -> None:
    stored = store.put(incoming(tmp_path))
    folder = store.path(stored.digest)
    store.delete(stored.digest)
    store.delete(stored.digest)
    with pytest.raises(KeyError):
        store.path(stored.digest)
    assert not folder.exists()
    assert store.put(incoming(tmp_path)) == stored
    assert (store.path(stored.digest) / "data" / "x").read_text() == "abc"
