"""Small files that are either wholly there or not, and folders that go whatever is in them. Standard library only."""

import contextlib
import json
import os
import subprocess
import uuid
from pathlib import Path
from typing import Any


def write_private(path: Path, text: str) -> None:
    """0600, and by rename: a reader never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def read_json(path: Path) -> dict[str, Any] | None:
    """None when it is missing or no JSON object."""
    with contextlib.suppress(OSError, ValueError):
        found = json.loads(path.read_text())
        return found if isinstance(found, dict) else None
    return None


def remove_tree(folder: Path) -> None:
    """What a replica wrote, whatever that is: folders nested deeper than Python goes, or closed to their owner too. A
    link is removed and never followed. What cannot be removed stays."""
    for command in (("rm", "-rf", "--"), ("chmod", "-R", "u+rwX", "--"), ("rm", "-rf", "--")):
        if not os.path.lexists(folder):
            return
        quiet = subprocess.DEVNULL
        subprocess.run((*command, str(folder)), check=False, stdin=quiet, stdout=quiet, stderr=quiet)
