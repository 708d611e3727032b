"""How much memory a process and all that it started hold. Standard library only."""

import os

MOST_PROCESSES = 4096  # of one replica


def resident_bytes(pid: int) -> int:
    """Resident less what is read from files. Cheap; counts what several processes have in common once for each."""
    return sum(_own_bytes(each) for each in tree(pid))


def proportional_bytes(pid: int) -> int:
    """The same with common pages counted once. Walks page tables: milliseconds for every GiB."""
    return sum(_proportional(each) for each in tree(pid))


def tree(pid: int) -> list[int]:
    """The process and all that it started; no more than one above MOST_PROCESSES."""
    found = [pid]
    for each in found:
        if len(found) > MOST_PROCESSES:
            break
        found += _children(each)
    return found[: MOST_PROCESSES + 1]


def _children(pid: int) -> list[int]:
    try:
        tasks = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - every second, for every thread of every replica
    except OSError:
        return []
    return [int(child) for task in tasks for child in _read(f"/proc/{pid}/task/{task}/children").split()]


def _own_bytes(pid: int) -> int:
    return _kib(_read(f"/proc/{pid}/status"), (b"RssAnon:", b"RssShmem:")) * 1024


def _proportional(pid: int) -> int:
    rollup = _read(f"/proc/{pid}/smaps_rollup")
    return _kib(rollup, (b"Pss_Anon:", b"Pss_Shmem:", b"SwapPss:")) * 1024 if rollup else _own_bytes(pid)


def _kib(text: bytes, names: tuple[bytes, ...]) -> int:
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith(names))


def _read(path: str) -> bytes:
    """Empty for a process that has ended meanwhile."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            return file.read()
    except OSError:
        return b""
