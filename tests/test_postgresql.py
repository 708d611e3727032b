"""What writes and what reconciles, and the races of both, on PostgreSQL: in a pytest of its own, with its settings."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgresql import postgresql

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    with postgresql() as url:
        yield url


@pytest.mark.postgres
@pytest.mark.parametrize("folder", ["tests/races", "tests/services", "tests/reconcile", "tests/selectors"])
def test_on_postgresql(postgresql_url: str, folder: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "--create-db", folder],
        env={**environment, "STUDIO_TEST_DATABASE_URL": postgresql_url},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
