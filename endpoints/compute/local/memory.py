"""How much memory a process and all that it started hold. Standard library only."""

import os
from collections.abc import Iterator

_PAGE = os.sysconf("SC_PAGE_SIZE")


def resident_bytes(pid: int) -> int:
    """Resident less what is shared with files. Cheap; counts what forked workers have in common once for each."""
    return sum(_own_bytes(each) for each in _tree(pid))


def proportional_bytes(pid: int) -> int:
    """The same with common pages counted once. Walks page tables: milliseconds for every GiB."""
    return sum(_proportional(each) for each in _tree(pid))


def _tree(pid: int) -> Iterator[int]:
    yield pid
    try:
        tasks = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - every second, for every thread of every replica
    except OSError:
        return
    for task in tasks:
        for child in _read(f"/proc/{pid}/task/{task}/children").split():
            yield from _tree(int(child))


def _own_bytes(pid: int) -> int:
    words = _read(f"/proc/{pid}/statm").split()
    return (int(words[1]) - int(words[2])) * _PAGE if len(words) > 2 else 0


def _proportional(pid: int) -> int:
    lines = _read(f"/proc/{pid}/smaps_rollup").splitlines()
    kib = sum(int(line.split()[1]) for line in lines if line.startswith((b"Pss_Anon:", b"SwapPss:")))
    return kib * 1024 if lines else _own_bytes(pid)


def _read(path: str) -> bytes:
    """Empty for a process that has ended meanwhile."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            return file.read()
    except OSError:
        return b""
