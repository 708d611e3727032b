"""What processes of this machine use."""

import os
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

from endpoints.domain.counters import ProcessReading
from endpoints.telemetry.gpus import Gpu, NvidiaGpus, mean, of_processes


class LocalProcesses:
    def __init__(self, gpus: NvidiaGpus | None = None) -> None:
        self._gpus = gpus or NvidiaGpus()

    def scrape(self, pids: Mapping[str, int]) -> dict[str, ProcessReading]:
        """One look at the process table and at the GPUs, however many replicas."""
        if not pids:
            return {}
        children, gpus = _children(), self._gpus.scrape()
        found = {replica: _reading(pid, children, gpus) for replica, pid in pids.items()}
        return {replica: reading for replica, reading in found.items() if reading is not None}


def _children() -> dict[int, list[int]]:
    children: dict[int, list[int]] = defaultdict(list)
    for process in psutil.process_iter(["ppid"]):
        children[process.info["ppid"]].append(process.pid)
    return children


def _reading(pid: int, children: Mapping[int, list[int]], gpus: Sequence[Gpu]) -> ProcessReading | None:
    """Resident memory is summed: pages that processes share count in each."""
    try:
        identity, started = identity_of(pid), started_at(pid)
    except (OSError, psutil.Error):
        return None
    tree = list(_tree(pid, children))
    used = [_used(each) for each in tree]
    own = of_processes(gpus, tree)
    return ProcessReading(
        identity=identity,
        started_at=started,
        cpu_ms=round(sum(cpu for cpu, _ in used) * 1000),
        memory_bytes=sum(memory for _, memory in used),
        disk=_disk(pid),
        gpu=mean(gpu.busy for gpu in own),
        gpu_memory=mean(gpu.memory for gpu in own),
        energy_mj={gpu.uuid: gpu.energy_mj for gpu in own if gpu.energy_mj is not None},
    )


def _disk(pid: int) -> int | None:
    """How full the disk is on which it works, in hundredths of a percent of what a process may use."""
    try:
        found = os.statvfs(f"/proc/{pid}/cwd")
    except OSError:
        return None
    used = found.f_blocks - found.f_bfree
    return used * 10_000 // (used + found.f_bavail) if used + found.f_bavail else None


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
