"""What processes of this machine use."""

import os
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

from endpoints.domain.counters import ProcessReading


class LocalProcesses:
    def scrape(self, pids: Mapping[str, int]) -> dict[str, ProcessReading]:
        """One look at the process table, however many replicas."""
        if not pids:
            return {}
        children = _children()
        found = {replica: _reading(pid, children) for replica, pid in pids.items()}
        return {replica: reading for replica, reading in found.items() if reading is not None}


def _children() -> dict[int, list[int]]:
    children: dict[int, list[int]] = defaultdict(list)
    for process in psutil.process_iter(["ppid"]):
        children[process.info["ppid"]].append(process.pid)
    return children


def _reading(pid: int, children: Mapping[int, list[int]]) -> ProcessReading | None:
    """Resident memory is summed: pages that processes share count in each."""
    try:
        identity, started = identity_of(pid), started_at(pid)
    except (OSError, psutil.Error):
        return None
    used = [_used(each) for each in _tree(pid, children)]
    return ProcessReading(
        identity=identity,
        started_at=started,
        cpu_ms=round(sum(cpu for cpu, _ in used) * 1000),
        memory_bytes=sum(memory for _, memory in used),
    )


def _tree(pid: int, children: Mapping[int, list[int]]) -> Iterator[int]:
    yield pid
    for child in children.get(pid, ()):
        yield from _tree(child, children)


def _used(pid: int) -> tuple[float, int]:
    """Seconds of CPU, with those of children that have ended, and bytes of memory."""
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            return sum(process.cpu_times()[:4]), process.memory_info().rss
    except psutil.Error:
        return 0.0, 0


def identity_of(pid: int) -> str:
    """Of this run of a program. Raises OSError when it is gone.

    By its start in ticks since boot (proc_pid_stat(5)): the time of its start moves whenever the clock is set.
    """
    return f"{pid}@{_start_ticks(pid)}"


def age_of(pid: int) -> timedelta:
    """How long it runs, whatever the time of day was set to meanwhile. Raises OSError when it is gone."""
    since_boot = time.clock_gettime(time.CLOCK_BOOTTIME)
    return timedelta(seconds=since_boot - int(_start_ticks(pid)) / os.sysconf("SC_CLK_TCK"))


def _start_ticks(pid: int) -> str:
    _, _, fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")
    return fields.split()[19]


def started_at(pid: int) -> datetime:
    """Raises psutil.Error."""
    return datetime.fromtimestamp(psutil.Process(pid).create_time(), UTC)
