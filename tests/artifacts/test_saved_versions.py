"""With which library a model was saved, from its bytes alone."""

import pickle
from pathlib import Path

import pytest

from endpoints.artifacts import saved_versions as module
from endpoints.artifacts.saved_versions import saved_versions

STATE = {"coef_": [1.0], "_sklearn_version": "1.5.2"}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_protocol_tells(tmp_path: Path, protocol: int) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "model.PKL").write_bytes(pickle.dumps(STATE, protocol=protocol))
    assert saved_versions(tmp_path) == {"scikit-learn": "1.5.2"}


@pytest.mark.parametrize("content", [b"", b"_sklearn_version", b"_sklearn_version\x8c\xff1.5", b"\x00" * 1000])
def test_what_is_no_pickle_tells_nothing_and_breaks_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.pkl").write_bytes(content)
    assert set(saved_versions(tmp_path)) <= {"scikit-learn"}


def test_either_end_of_a_large_file_is_read_and_not_of_all_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    monkeypatch.setattr(module, "MOST_FILES", 2)
    told, padding = pickle.dumps(STATE), b"\x00" * 5000
    contents = {"start": told + padding, "end": padding + told, "middle": padding + told + padding}
    for name, content in contents.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "model.joblib").write_bytes(content)
    assert [bool(saved_versions(tmp_path / name)) for name in contents] == [True, True, False]
    many = tmp_path / "many"
    many.mkdir()
    for number in range(2):
        (many / f"{number}.pkl").write_bytes(b"x")
    (many / "9.pkl").write_bytes(told)
    assert saved_versions(many) == {}
