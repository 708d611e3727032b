"""The port of the store of model, code and output files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class UnsafeUpload(ValueError):
    """The upload breaks a rule; the message names the file, the rule and what is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredArtifact:
    digest: str  # sha256 over the sorted (path, size, sha256) of its files, hex
    size_bytes: int
    file_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactFile:
    path: str  # relative, forward slashes
    size_bytes: int
    sha256: str


class ArtifactStore(Protocol):
    """Content-addressed, write-once folders of plain files."""

    def put(self, folder: Path) -> StoredArtifact:
        """Move a folder in. The same content is stored once. The folder is gone afterwards."""

    def path(self, digest: str) -> Path:
        """A read-only folder on this machine. KeyError when there is none."""

    def files(self, digest: str) -> list[ArtifactFile]: ...

    def delete(self, digest: str) -> None: ...
