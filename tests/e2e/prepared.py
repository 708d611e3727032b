"""What first starts have in common, done once for all studios of a test run: tables without rows, and static files."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = """
from django.core.management import call_command
from studio.management.commands.prepare import collect_static
call_command("migrate", verbosity=0)
collect_static()
"""


def prepare(data_dir: Path) -> None:
    """Of a folder that is still empty. Outside a test run nothing: then the start itself does it."""
    shared = os.environ.get("STUDIO_TEST_SHARED_DIR")
    if not shared:
        return
    ready = _made_once(Path(shared) / "prepared")
    shutil.copy(ready / "studio.sqlite3", data_dir)
    shutil.copytree(ready / "staticfiles", data_dir / "staticfiles", copy_function=os.link)


def _made_once(folder: Path) -> Path:
    with Path(f"{folder}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            kept = {key: value for key, value in os.environ.items() if not key.startswith(("STUDIO_", "DJANGO_"))}
            command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", CODE]
            environment = {**kept, "STUDIO_DATA_DIR": str(folder)}
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            (folder / "complete").touch()
    return folder
