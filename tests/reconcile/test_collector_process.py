"""`manage.py collector` as a process."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.running import eventually

MANAGE = Path(__file__).resolve().parents[2] / "manage.py"


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="es-"))
    yield made
    shutil.rmtree(made)


def test_without_a_database_it_waits_and_sigterm_ends_it(folder: Path) -> None:
    """There is no table and no gateway: a line for each pass, and no exit before it is asked for."""
    log = folder / "log"
    environment = {**os.environ, "STUDIO_DATA_DIR": str(folder), "STUDIO_COLLECTOR_INTERVAL_SECONDS": "1"}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, str(MANAGE), "collector"], stderr=out, stdout=out, env=environment)
    try:
        told = "Pass: OperationalError: no such table"
        eventually(lambda: log.read_text().count(told) >= 2 or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
    assert "Traceback" not in log.read_text()
