import io
import os
import time
import zipfile
from pathlib import Path

import pytest
from django.conf import settings

from endpoints.domain.errors import Invalid, NotFound
from endpoints.services import uploads
from tests.people import People


@pytest.fixture(autouse=True)
def data_dir(settings: object, tmp_path: Path) -> Path:
    settings.STUDIO_DATA_DIR = tmp_path  # type: ignore[attr-defined]
    return tmp_path


def archive(files: dict[str, bytes]) -> io.BytesIO:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    stream.seek(0)
    return stream


def left(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_files_of_a_folder(people: People) -> None:
    given = [("model/MLmodel", io.BytesIO(b"flavors: {}")), ("model/code/score.py", io.BytesIO(b"x = 1"))]
    staged = uploads.stage(user=people.owner, files=given)
    assert (staged.files, staged.size_bytes, staged.type, staged.scripts) == (2, 16, "mlflow_model", ("code/score.py",))
    assert left(staged.folder) == ["MLmodel", "code/score.py"]
    assert uploads.staged(user=people.owner, upload_id=staged.id) == staged


def test_an_upload_is_told_what_it_looks_like(people: People) -> None:
    repository = archive({"half/config.pbtxt": b'name: "half"', "half/1/model.py": b"x = 1"})
    assert uploads.stage(user=people.owner, files=[("half.zip", repository)]).type == "triton_model"
    assert uploads.stage(user=people.owner, files=[("a.pkl", io.BytesIO(b"x"))]).type == "custom_model"


def test_an_archive_is_unpacked(people: People) -> None:
    packed = archive({"score.py": b"x = 1", "data/a.csv": b"1,2"})
    staged = uploads.stage(user=people.owner, files=[("code.zip", packed)])
    assert left(staged.folder) == ["data/a.csv", "score.py"]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"../evil.py": b""}, "leads out of the folder"),
        ({"/etc/passwd": b""}, "absolute path"),
        ({"bomb": b"\0" * 60_000_000}, "unpacks to more than 200 times its size"),
        ({}, "no file in this upload"),
    ],
)
def test_hostile_archives_leave_nothing(people: People, data_dir: Path, files: dict[str, bytes], said: str) -> None:
    with pytest.raises(Invalid) as caught:
        uploads.stage(user=people.owner, files=[("a.zip", archive(files))])
    assert said in caught.value.fields["files"]
    assert left(data_dir) == []


def test_no_archive_though_it_says_so(people: People) -> None:
    with pytest.raises(Invalid, match="damaged or encrypted"):
        uploads.stage(user=people.owner, files=[("a.zip", io.BytesIO(b"hello"))])
    with pytest.raises(Invalid, match="Choose files"):
        uploads.stage(user=people.owner, files=[])


def test_text_from_a_form(people: People) -> None:
    staged = uploads.stage_text(user=people.owner, filename="score.py", text="x = 1\n")
    assert (staged.folder / "score.py").read_text() == "x = 1\n"


def test_an_upload_is_its_persons_own(people: People) -> None:
    staged = uploads.stage_text(user=people.owner, filename="score.py", text="")
    for user, upload_id in ((people.staff, staged.id), (people.owner, "../" + staged.id), (people.owner, "0" * 32)):
        with pytest.raises(NotFound, match="Upload the files again"):
            uploads.staged(user=user, upload_id=upload_id)


def test_what_nobody_registered_is_swept(people: People) -> None:
    old = uploads.stage_text(user=people.owner, filename="score.py", text="")
    new = uploads.stage_text(user=people.owner, filename="score.py", text="")
    yesterday = time.time() - uploads.KEPT_SECONDS - 1
    cut_off = old.folder.parent.parent / "tmp1.upload.zip"
    cut_off.write_bytes(b"half")
    for path in (old.folder, cut_off):
        os.utime(path, (yesterday, yesterday))
    assert uploads.sweep_staging() == 2
    assert (old.folder.exists(), cut_off.exists(), new.folder.exists()) == (False, False, True)
    assert Path(settings.STUDIO_DATA_DIR) in new.folder.parents
