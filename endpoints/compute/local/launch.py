"""Starts a program from a specification file: its environment and nothing else, and its end with its parent's.

usage: python launch.py SPEC.json [SIGNAL]

SPEC holds {"command": [...], "environment": {...}, "directory": "..."}; it may hold secrets, so it is 0600 and none of
it stands on a command line. SIGNAL (default TERM) is what the program gets when its parent dies. Beside SPEC stands
SPEC.pid, "PID START": enough to find a process that outlived its parent all the same. Standard library only.
"""

import ctypes
import json
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def start_time(pid: int) -> str:
    """In clock ticks since boot; with the pid, the identity of a process."""
    with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123 - pathlib costs a third of this program's start
        return file.read().rpartition(")")[2].split()[19]


def main(path: str, death_signal: str = "TERM") -> None:
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, getattr(signal, f"SIG{death_signal}"), 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the parent ended before this could start")
    with open(path) as file:  # noqa: PTH123
        spec = json.load(file)
    with open(f"{path}.pid", "w") as file:  # noqa: PTH123
        file.write(f"{os.getpid()} {start_time(os.getpid())}")
    os.chdir(spec["directory"])
    os.execve(spec["command"][0], spec["command"], spec["environment"])  # noqa: S606


if __name__ == "__main__":
    main(*sys.argv[1:])
