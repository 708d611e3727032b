"""The box that a replica runs in, by bubblewrap: its own mounts, processes and network, as nobody.

It sees its model, code and environment read-only, a scratch folder and the folder of its socket, and of the rest of the
machine what a program needs to start. A box whose deployment may reach out gets a network of its own through
slirp4netns, in which this machine's own services do not exist; the others have a network with nobody in it.
"""

import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from endpoints.domain.replicas import Isolation

# Kept by the keeper: who is inside, and when it may begin. High, so that nothing else has these numbers.
INFO_FD, BLOCK_FD = 200, 201
NOBODY = "65534"
RESOLVER = "nameserver 10.0.2.3\n"  # slirp4netns answers there
_SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_ETC = (
    "alternatives ca-certificates group hosts ld.so.cache ld.so.conf ld.so.conf.d localtime mime.types "
    "nsswitch.conf passwd pki protocols services ssl"
).split()
_KEPT_FROM_WRITING = ("/proc/sys", "/proc/irq", "/proc/bus", "/proc/sysrq-trigger")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What this machine has. `bubblewrap` is empty where it is missing or does not work, and `reason` says so."""

    bubblewrap: str
    slirp4netns: str
    reason: str = ""

    @property
    def isolation(self) -> Isolation:
        return Isolation(boxed=bool(self.bubblewrap), own_network=bool(self.slirp4netns), reason=self.reason)


NO_TOOLS = Tools(bubblewrap="", slirp4netns="", reason="Replicas are not boxed in: it is switched off.")


@cache
def tools() -> Tools:
    """Tried once: a container may have the program and not the right to use it."""
    found = shutil.which("bwrap")
    if not found:
        return Tools(bubblewrap="", slirp4netns="", reason="bubblewrap is not installed (Debian: bubblewrap).")
    box = (found, *_namespaces(), "--ro-bind", "/", "/", "--proc", "/proc", "/bin/true")
    tried = subprocess.run(box, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if tried.returncode:
        why = tried.stderr.strip().splitlines()[-1:] or ["it gave no reason"]
        return Tools(bubblewrap="", slirp4netns="", reason=f"bubblewrap does not work here: {why[0]}")
    return Tools(bubblewrap=found, slirp4netns=shutil.which("slirp4netns") or "")


def boxed(
    command: Iterable[str], *, tools: Tools, egress: bool, visible: Iterable[str], writable: Iterable[str], folder: Path
) -> list[str]:
    """The command within its box. `folder` is the replica's own, where its resolver's address is written."""
    return [
        tools.bubblewrap,
        *_namespaces(network=not egress or bool(tools.slirp4netns)),
        *_system(),
        *_resolver(tools, egress, folder),
        *_bound("--ro-bind", (*visible, *_prefixes(visible))),
        *_bound("--bind", writable),
        *("--info-fd", str(INFO_FD)),
        *(("--block-fd", str(BLOCK_FD)) if egress and tools.slirp4netns else ()),
        "--",
        *command,
    ]


def _namespaces(*, network: bool = True) -> tuple[str, ...]:
    return (
        *("--unshare-user", "--uid", NOBODY, "--gid", NOBODY, "--disable-userns", "--cap-drop", "ALL"),
        *("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--hostname", "replica"),
        *(("--unshare-net",) if network else ()),
        *("--new-session", "--die-with-parent"),
    )


def _system() -> Iterator[str]:
    yield from ("--ro-bind", "/usr", "/usr")
    for path in map(Path, _SYSTEM):
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), str(path))
        elif path.exists():
            yield from ("--ro-bind", str(path), str(path))
    for name in _ETC:
        yield from ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")
    yield from ("--proc", "/proc")
    for kept in _KEPT_FROM_WRITING:
        yield from ("--ro-bind-try", kept, kept)
    yield from ("--dev", "/dev", "--tmpfs", "/tmp", "--ro-bind-try", *["/sys/devices/system/cpu"] * 2)  # noqa: S108
    for device in sorted(Path("/dev").glob("nvidia*")):
        yield from ("--dev-bind", str(device), str(device))


def _resolver(tools: Tools, egress: bool, folder: Path) -> Iterator[str]:
    if not egress:
        return
    source = folder / "resolv.conf"
    if tools.slirp4netns:
        source.write_text(RESOLVER)
    else:
        source = Path("/etc/resolv.conf")
    yield from ("--ro-bind-try", str(source), "/etc/resolv.conf")


def _bound(option: str, paths: Iterable[str]) -> Iterator[str]:
    for path in dict.fromkeys(paths):
        if path:
            yield from (option, path, path)


def _prefixes(visible: Iterable[str]) -> Iterator[str]:
    """The Python that a virtual environment was made of stands elsewhere."""
    for folder in map(Path, visible):
        python = folder / "bin" / "python"
        if (folder / "pyvenv.cfg").exists() and python.exists():
            base = python.resolve().parent.parent
            if not base.is_relative_to("/usr"):
                yield str(base)
