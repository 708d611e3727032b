"""Starts a program from a specification file: its environment and nothing else, and its end with its parent's.

usage: python launch.py SPEC.json [SIGNAL [PARENT]]

SPEC holds {"command": [...], "environment": {...}, "directory": "..."}; it may hold secrets, so it is 0600 and none of
it stands on a command line. With {"inside": {...}} the command is bubblewrap, and that is the environment in its box
alone: outside, a variable such as LD_PRELOAD would let whoever chose it run what they like. SIGNAL (default TERM) is
what the program gets when its parent dies; PARENT is the parent's pid, for the case that it ends before we look.
Beside SPEC stands SPEC.pid, "PID START": enough to find a process that outlived its parent all the same. Standard
library only.
"""

import contextlib
import ctypes
import json
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
CLONE_NEWNS = 0x20000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")


def start_time(pid: int) -> str:
    """In clock ticks since boot; with the pid, the identity of a process."""
    with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123 - pathlib costs a third of this program's start
        return file.read().rpartition(")")[2].split()[19]


def main(path: str, death_signal: str = "TERM", parent: str = "") -> None:
    expected = int(parent or _supervisor())
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, getattr(signal, f"SIG{death_signal}"), 0, 0, 0)
    if os.getppid() != expected:
        sys.exit("the parent ended before this could start")
    with open(path) as file:  # noqa: PTH123
        spec = json.load(file)
    with contextlib.suppress(OSError), open(f"{path}.pid", "w") as file:  # noqa: PTH123 - a full disk stops nobody
        file.write(f"{os.getpid()} {start_time(os.getpid())}")
    os.chdir(spec["directory"])
    command = spec["command"]
    if "inside" in spec:
        keep_devices()
        command = [command[0], "--args", str(told(spec["inside"])), *command[1:]]
    os.execve(command[0], command, spec["environment"])  # noqa: S606


def told(environment: dict[str, str]) -> int:
    """A descriptor from which bubblewrap reads what is to be set within."""
    words = ["--clearenv", *(word for pair in environment.items() for word in ("--setenv", *pair))]
    descriptor = os.memfd_create("environment", 0)
    os.write(descriptor, b"".join(os.fsencode(word) + b"\0" for word in words))
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def keep_devices() -> None:
    """To a studio of root's the machine's /dev/null is its own: without this, a replica could change its permissions.
    Writing to a device does not need a mount that is writable."""
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() or libc.unshare(CLONE_NEWNS):
        return
    libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None)
    gpus = [name for name in os.listdir("/dev") if name.startswith("nvidia")]  # noqa: PTH208
    for path in (f"/dev/{name}".encode() for name in (*DEVICES, *gpus)):
        if not libc.mount(path, path, None, MS_BIND, None):
            libc.mount(None, path, None, MS_REMOUNT | MS_BIND | MS_RDONLY, None)


def _supervisor() -> int:
    """The parent; but where supervisord started us and something else is our parent, it is dead, and this is nobody."""
    parent = os.getppid()
    if "SUPERVISOR_ENABLED" not in os.environ:
        return parent
    with open(f"/proc/{parent}/cmdline", "rb") as file:  # noqa: PTH123
        return parent if b"supervisord" in file.read() else -1


if __name__ == "__main__":
    main(*sys.argv[1:])
