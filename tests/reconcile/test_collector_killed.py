"""Collectors that are processes, killed with -9 in the middle of their writing."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from endpoints.models import Deployment, Replica
from tests.factories import DeploymentFactory
from tests.gateway.running import eventually
from tests.telemetry.admin_socket import answering, whole

ROOT = Path(__file__).resolve().parents[2]
# As `manage.py collector`, but stands still between its last statement and the commit.
STANDING_STILL = """
import time
import django
django.setup()
from endpoints.reconcile import collector, cursors
save = cursors.save
def stand_still(*given, **named):
    save(*given, **named)
    print("written, not committed", flush=True)
    time.sleep(600)
cursors.save = stand_still
collector.run(interval=1, wait=time.sleep)
"""


@dataclass
class Site:
    """A data folder with a deployment and its replica, and a gateway whose counters grow by seven with each look."""

    folder: Path
    cluster: str
    requests: int = 0
    looks: list[int] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        own = {"STUDIO_DATA_DIR": str(self.folder), "STUDIO_COLLECTOR_INTERVAL_SECONDS": "1"}
        return {**os.environ, **own, "DJANGO_SETTINGS_MODULE": "studio.settings"}

    def answer(self, caller: socket.socket, over: threading.Event) -> None:
        self.requests += 7
        self.looks.append(self.requests)
        caller.sendall(whole(f"cluster.{self.cluster}.upstream_rq_2xx: {self.requests}\n"))

    def ask(self, statement: str) -> list[Any]:
        with closing(sqlite3.connect(self.folder / "studio.sqlite3", timeout=20)) as database, database:
            return database.execute(statement).fetchall()

    def free_the_lease(self) -> None:
        """As if the time of the one that was killed had run out."""
        self.ask("UPDATE endpoints_lease SET expires_at = '1970-01-01 00:00:00'")

    @contextmanager
    def running(self, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
        process = subprocess.Popen(
            [sys.executable, *arguments], env=self.environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()


@pytest.fixture
def site(transactional_db: None) -> Iterator[Site]:
    """The tests' own database, which is there already, copied to where the product has its own."""
    deployment: Deployment = DeploymentFactory(replicas=1)
    Replica.objects.update(pid=None, started_at=timezone.now() - timedelta(seconds=30))
    with tempfile.TemporaryDirectory(prefix="es-") as name:
        made = Site(Path(name), deployment.cluster)
        with closing(sqlite3.connect(made.folder / "studio.sqlite3")) as database:
            connection.ensure_connection()
            connection.connection.backup(database)
            database.execute("PRAGMA journal_mode=WAL")
        with answering(made.folder / "run" / "envoy-admin.sock", made.answer):
            yield made


@pytest.mark.skipif(connection.vendor != "sqlite", reason="what is killed is the same; the transaction is the server's")
def test_killed_in_the_middle_of_writing(site: Site) -> None:
    """Whatever was not committed has not been, and the next pass counts it, once."""
    with site.running("manage.py", "collector") as first:
        eventually(lambda: site.ask("SELECT count(*) FROM endpoints_collectorpass") > [(1,)])
        os.kill(first.pid, signal.SIGKILL)  # wherever it is
    for _ in range(2):
        before = site.ask("SELECT * FROM endpoints_sample"), site.ask("SELECT * FROM endpoints_usage")
        site.free_the_lease()
        with site.running("-c", STANDING_STILL) as killed:
            assert killed.stdout
            assert killed.stdout.readline() == b"written, not committed\n"
            os.kill(killed.pid, signal.SIGKILL)
            killed.wait()
        assert (site.ask("SELECT * FROM endpoints_sample"), site.ask("SELECT * FROM endpoints_usage")) == before
    site.free_the_lease()
    counted = site.ask("SELECT max(id) FROM endpoints_collectorpass")
    with site.running("manage.py", "collector") as last:
        eventually(lambda: site.ask("SELECT max(id) FROM endpoints_collectorpass") > counted)
        last.send_signal(signal.SIGTERM)
        assert last.wait(60) == 0
    [(kept,)] = site.ask("SELECT counters FROM endpoints_countercursor WHERE name = 'gateway'")
    assert f'"2xx": {site.looks[-1]}' in kept
    sums = "SELECT resolution, sum(requests) FROM endpoints_sample WHERE resolution < 3600 GROUP BY 1 ORDER BY 1"
    assert site.ask(sums) == [(10, site.looks[-1]), (60, site.looks[-1])]
    billed = site.ask("SELECT started_at, ended_at FROM endpoints_usage ORDER BY started_at")
    assert all(end == start for (_, end), (start, _) in pairwise(billed))
