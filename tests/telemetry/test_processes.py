"""Processes of this machine, looked at from outside."""

import os
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from endpoints.telemetry.processes import LocalProcesses, identity_of, started_at
from tests.gateway.running import eventually

BUSY = """
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0))).start()
while True:
    pass
"""

# Starts a child that works until its input ends, and outlives it.
FAMILY = f"""
import subprocess, sys, time
subprocess.run([sys.executable, "-c", {BUSY!r}], stdin=sys.stdin)
print("over", flush=True)
time.sleep(600)
"""


@pytest.fixture
def family() -> Iterator[subprocess.Popen[bytes]]:
    parent = subprocess.Popen([sys.executable, "-c", FAMILY], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield parent
    finally:
        assert parent.stdin
        parent.stdin.close()
        parent.kill()
        parent.wait()


def cpu_ms(process: subprocess.Popen[bytes]) -> int:
    return LocalProcesses().scrape({"r": process.pid})["r"].cpu_ms


def test_children_count_while_they_live_and_after(family: subprocess.Popen[bytes]) -> None:
    eventually(lambda: psutil.Process(family.pid).children())
    eventually(lambda: cpu_ms(family) > 300)
    own = psutil.Process(family.pid).cpu_times()
    assert own.user + own.system < 0.3
    before = cpu_ms(family)
    assert family.stdin and family.stdout
    family.stdin.close()
    assert family.stdout.readline() == b"over\n"
    assert cpu_ms(family) >= before


def test_memory_is_that_of_the_whole_family(family: subprocess.Popen[bytes]) -> None:
    eventually(lambda: psutil.Process(family.pid).children())
    reading = LocalProcesses().scrape({"r": family.pid})["r"]
    assert reading.memory_bytes > psutil.Process(family.pid).memory_info().rss


def test_a_clock_that_is_set_makes_no_process_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else everything that it counted so far would be counted again."""
    before = identity_of(os.getpid()), started_at(os.getpid())
    booted = psutil.boot_time()
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: booted + 3600)
    assert identity_of(os.getpid()) == before[0]
    assert started_at(os.getpid()) != before[1]


def test_the_identity_of_what_is_gone_is_an_error() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with pytest.raises(OSError, match=str(gone.pid)):
        identity_of(gone.pid)
