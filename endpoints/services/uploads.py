"""Uploads, unpacked and waiting under the data folder until they are registered or swept away."""

import shutil
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.conf import settings

from endpoints.artifacts.port import UnsafeUpload
from endpoints.artifacts.unpack import is_archive, unpack_archive, write_files
from endpoints.domain import triton
from endpoints.domain.errors import Invalid, NotFound
from endpoints.enums import ModelType
from endpoints.models import User

KEPT_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedUpload:
    id: str
    folder: Path
    files: int
    size_bytes: int
    type: ModelType  # what it looks like, as a model
    scripts: tuple[str, ...]  # Python files, by relative path


def stage(*, user: User, files: Sequence[tuple[str, IO[bytes]]]) -> StagedUpload:
    """(relative path, stream) pairs; a single archive is unpacked. Raises Invalid, and then nothing remains."""
    if not files:
        raise Invalid({"files": "Choose files, a folder or an archive."})
    upload_id = uuid.uuid4().hex
    folder = _folder(user, upload_id)
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        if len(files) == 1 and is_archive(files[0][0]):
            unpack_archive(files[0][1], files[0][0], folder)
        else:
            write_files(files, folder)
    except UnsafeUpload as error:
        raise Invalid({"files": str(error)}) from error
    except OSError as error:
        raise Invalid({"files": f"The upload could not be kept: {error.strerror}."}) from error
    return _described(upload_id, folder)


def stage_text(*, user: User, filename: str, text: str) -> StagedUpload:
    """One file from a form's text, such as a scoring script."""
    upload_id = uuid.uuid4().hex
    folder = _folder(user, upload_id)
    folder.mkdir(parents=True)
    (folder / filename).write_text(text)
    return _described(upload_id, folder)


def staged(*, user: User, upload_id: str) -> StagedUpload:
    """An upload of this person's. Raises NotFound for anybody else's, and for one that was used or swept."""
    folder = _folder(user, upload_id)
    if not folder.is_dir():
        raise NotFound("This upload is not there any more. Upload the files again.")
    return _described(upload_id, folder)


def sweep_staging() -> int:
    """Remove what nobody registered within a day, and what requests that were cut off have left; how many."""
    root = Path(settings.STUDIO_DATA_DIR) / "staging"
    folders = [path for path in root.glob("*/*") if path.is_dir() and _is_old(path)]
    files = [path for path in root.glob("*") if path.is_file() and _is_old(path)]
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    for file in files:
        file.unlink(missing_ok=True)
    return len(folders) + len(files)


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > KEPT_SECONDS
    except FileNotFoundError:
        return False


def _folder(user: User, upload_id: str) -> Path:
    """Under the person's own folder: an id that was seen elsewhere is no use."""
    if len(upload_id) != 32 or not upload_id.isalnum():
        raise NotFound("This upload is not there any more. Upload the files again.")
    return Path(settings.STUDIO_DATA_DIR) / "staging" / f"user-{user.pk}" / upload_id


def _described(upload_id: str, folder: Path) -> StagedUpload:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    names = sorted(path.relative_to(folder).as_posix() for path in paths)
    return StagedUpload(
        id=upload_id,
        folder=folder,
        files=len(paths),
        size_bytes=sum(path.stat().st_size for path in paths),
        type=_type(names),
        scripts=tuple(name for name in names if name.endswith(".py")),
    )


def _type(names: Sequence[str]) -> ModelType:
    if "MLmodel" in names:
        return ModelType.MLFLOW
    return ModelType.TRITON if triton.looks_like_one(names) else ModelType.CUSTOM
