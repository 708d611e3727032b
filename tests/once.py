"""What many processes of one test run need alike is made by the first who asks."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def once(name: str, make: Callable[[Path], None]) -> Path:
    """The folder `name` that all processes of this run share. Where `make` failed, the next begins anew."""
    folder = Path(os.environ["STUDIO_TEST_SHARED_DIR"]) / name
    with Path(f"{folder}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            make(folder)
            (folder / "complete").touch()
    return folder


def migrated() -> Path:
    """An SQLite database as the migrations make it, without rows of anybody's."""
    return once("tables", lambda folder: manage(["migrate", "--verbosity", "0"], folder)) / "studio.sqlite3"


def manage(arguments: list[str], data_dir: Path, **more: str) -> None:
    """A management command with the product's settings, on a data folder of its own."""
    passed_on = {key: value for key, value in os.environ.items() if not key.startswith(("STUDIO_", "DJANGO_"))}
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**passed_on, "STUDIO_DATA_DIR": str(data_dir), **more},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
