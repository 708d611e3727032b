"""What first starts have in common, done once for all studios of a test run: tables without rows, and static files."""

import os
import shutil
from pathlib import Path

from tests.once import manage, migrated, once

CODE = "from studio.management.commands.prepare import collect_static; collect_static()"


def prepare(data_dir: Path) -> None:
    """Of a folder that is still empty. Outside a test run nothing: then the start itself does it."""
    if not os.environ.get("STUDIO_TEST_SHARED_DIR"):
        return
    static = once("static", lambda folder: manage(["shell", "--no-imports", "-c", CODE], folder))
    shutil.copy(migrated(), data_dir)
    shutil.copytree(static / "staticfiles", data_dir / "staticfiles", copy_function=os.link)
