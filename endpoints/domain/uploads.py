"""What an upload may be."""

import unicodedata
from dataclasses import dataclass

GIB = 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadLimits:
    """Sizes in bytes."""

    total_bytes: int = 5 * GIB
    file_bytes: int = 5 * GIB
    files: int = 20_000
    depth: int = 20
    path_length: int = 400
    ratio: int = 200  # unpacked to packed; text seldom passes 50
    free_of_ratio_bytes: int = 10 * 1024**2  # small archives may have any ratio


class BadPath(ValueError):
    """The message names the entry and the rule."""


def safe_path(name: str, limits: UploadLimits) -> str | None:
    """The relative path with forward slashes; None for what is silently left out (folders, macOS' shadows).

    Raises BadPath for whatever would leave the folder or could not be stored everywhere.
    """
    shown = name[:120]
    if "\0" in name or "\\" in name or any(unicodedata.category(char) in ("Cc", "Cs") for char in name):
        raise BadPath(f"{shown!a} has characters that no file name may have.")
    if name.startswith("/") or (len(name) > 1 and name[1] == ":"):
        raise BadPath(f"“{shown}” is an absolute path; only relative ones are allowed.")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise BadPath(f"“{shown}” leads out of the folder with “..”.")
    if not parts or name.endswith("/") or parts[0] == "__MACOSX" or parts[-1] == ".DS_Store":
        return None
    path = "/".join(parts)
    if len(path) > limits.path_length or any(len(part.encode()) > 255 for part in parts):
        raise BadPath(f"“{shown}…” is longer than {limits.path_length} characters.")
    if len(parts) > limits.depth:
        raise BadPath(f"“{shown}” lies deeper than {limits.depth} folders.")
    return path
