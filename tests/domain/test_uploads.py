import pytest
from hypothesis import given
from hypothesis import strategies as st

from endpoints.domain.uploads import BadPath, UploadLimits, safe_path

LIMITS = UploadLimits()


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a", "a"),
        ("a/b.txt", "a/b.txt"),
        ("./a//./b", "a/b"),
        ("..a/b..", "..a/b.."),
        ("a/", None),
        ("", None),
        (".", None),
        ("__MACOSX/a", None),
        ("a/.DS_Store", None),
        ("grün/模型.pkl", "grün/模型.pkl"),
    ],
)
def test_relative_paths_are_kept(name: str, path: str | None) -> None:
    assert safe_path(name, LIMITS) == path


@pytest.mark.parametrize(
    "name",
    ["..", "../a", "a/..", "a/../b", "/", "/a", "C:a", "c:/a", "a\\b", "a\0b", "a\x1bb", "a\x7f", "\udc80", "é" * 200],
)
def test_others_are_refused(name: str) -> None:
    with pytest.raises(BadPath) as caught:
        safe_path(name, LIMITS)
    assert str(caught.value).isprintable()


@given(st.text())
def test_whatever_is_kept_stays_below_its_folder(name: str) -> None:
    try:
        path = safe_path(name, LIMITS)
    except BadPath:
        return
    if path is not None:
        assert not path.startswith("/")
        assert {"", ".", ".."}.isdisjoint(path.split("/"))
        assert len(path) <= LIMITS.path_length
        assert safe_path(path, LIMITS) in (path, None)
