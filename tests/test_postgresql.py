"""What races, and what asks the database for more than rows, on PostgreSQL: in a pytest of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest

from tests.once import ROOT, manage
from tests.postgresql import postgresql

TEMPLATE = "migrated"
# Hundreds of steps of the reconciler each, which say the same on any database; tests/races has its locks.
SLOW = ("test_autoscale", "test_deployments", "test_egress", "test_revisions", "test_traffic")
RUNS = {
    "races": ["tests/races"],
    "services": ["tests/services", *(f"--ignore=tests/services/{name}.py" for name in SLOW)],
    "measurements": [
        "tests/models",
        "tests/selectors",
        *(f"tests/reconcile/test_{name}.py" for name in ("alerting", "auditing", "billing", "collector", "faults")),
        *(f"tests/reconcile/test_{name}.py" for name in ("leases", "ports", "probing", "rolling", "traffic_log")),
    ],
}


@pytest.fixture(scope="session")
def postgresql_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a server whose database TEMPLATE has all tables."""
    with postgresql() as url:
        with psycopg.connect(url, autocommit=True) as server:
            server.execute(f"CREATE DATABASE {TEMPLATE}")
        template = url.replace("/postgres?", f"/{TEMPLATE}?")
        manage(["migrate", "--verbosity", "0"], tmp_path_factory.mktemp("template"), DATABASE_URL=template)
        yield url


@pytest.mark.postgres
@pytest.mark.parametrize("run", RUNS)
def test_on_postgresql(postgresql_url: str, run: str) -> None:
    passed_on = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "--create-db", *RUNS[run]],
        env={**passed_on, "STUDIO_TEST_DATABASE_URL": postgresql_url, "STUDIO_TEST_TEMPLATE": TEMPLATE},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
