"""The box that a replica runs in, by bubblewrap: its own mounts, processes and network, as nobody.

It sees its model, code and environment read-only, a scratch folder and the folder of its socket, and of the rest of the
machine what a program needs to start. A box whose deployment may reach out gets a network of its own through
slirp4netns, in which this machine's own services do not exist; the others have a network with nobody in it.
"""

import contextlib
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from endpoints.compute.local.box import Box
from endpoints.domain.replicas import Isolation

# Kept by the keeper: who is inside, and when it may begin. High, so that nothing else has these numbers.
INFO_FD, BLOCK_FD = 200, 201
VERSION = 2  # of what `boxed` makes: a replica in the box of another starts anew with the studio
NOBODY = "65534"
RESOLVER = "nameserver 10.0.2.3\n"  # slirp4netns answers there
TRIAL_SECONDS = 20
_SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
# Of /etc/ssl and /etc/pki not the private keys: to a studio that runs as root these are no secret.
_ETC = (
    "alternatives ca-certificates group hosts ld.so.cache ld.so.conf ld.so.conf.d localtime mime.types "
    "nsswitch.conf passwd pki/ca-trust pki/tls/cert.pem pki/tls/certs pki/tls/openssl.cnf protocols services "
    "ssl/cert.pem ssl/certs ssl/openssl.cnf"
).split()
_KEPT_FROM_WRITING = ("/proc/sys", "/proc/irq", "/proc/bus", "/proc/fs", "/proc/sysrq-trigger")
_MEMORY_BYTES = 2 * 2**30  # where its instance type does not say


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What this machine has. `bubblewrap` and `slirp4netns` are empty where they are missing or do not work, and
    `reason` and `network_reason` say so."""

    bubblewrap: str
    slirp4netns: str
    reason: str = ""
    network_reason: str = ""

    @property
    def isolation(self) -> Isolation:
        return Isolation(
            boxed=bool(self.bubblewrap),
            own_network=bool(self.slirp4netns),
            reason=self.reason,
            network_reason=self.network_reason,
        )

    def kind(self, *, egress: bool) -> str:
        """Of the box that a replica gets; empty for none."""
        network = "own" if self.slirp4netns else "shared"
        return f"{VERSION} {network if egress else 'none'}" if self.bubblewrap else ""


NO_TOOLS = Tools(bubblewrap="", slirp4netns="", reason="Replicas are not boxed in: it is switched off.")


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What is in a box. `sockets`: the folder of its sockets, as it is called inside, and what that is outside."""

    visible: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()  # even where they are below a folder that is visible
    sockets: tuple[str, str] | None = None
    memory_bytes: int | None = None


def tools_for(wish: str) -> Tools:
    """`wish`: "off", or whatever there is."""
    return NO_TOOLS if wish == "off" else tools()


@cache
def tools() -> Tools:
    """Tried once: a container may have the programs and not the right to use them."""
    found = shutil.which("bwrap")
    if not found:
        return Tools(bubblewrap="", slirp4netns="", reason="bubblewrap is not installed (Debian: bubblewrap).")
    if complaint := box_complaint(found):
        return Tools(bubblewrap="", slirp4netns="", reason=f"bubblewrap does not work here: {complaint}")
    boxed = Tools(bubblewrap=found, slirp4netns="")
    network = shutil.which("slirp4netns")
    if not network:
        return replace(boxed, network_reason="slirp4netns is not installed (Debian: slirp4netns).")
    if complaint := network_complaint(found, network):
        return replace(boxed, network_reason=f"slirp4netns does not work here: {complaint}")
    return replace(boxed, slirp4netns=network)


def box_complaint(bubblewrap: str) -> str:
    box = (bubblewrap, *_namespaces(), "--ro-bind", "/", "/", "--proc", "/proc", "/bin/true")
    try:
        tried = subprocess.run(
            box, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=TRIAL_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    lines = tried.stderr.strip().splitlines() or ["it gave no reason."]
    return lines[-1] if tried.returncode else ""


def network_complaint(bubblewrap: str, slirp4netns: str) -> str:
    """By a real box: /dev/net/tun may be missing."""
    box = Box({"info_fd": INFO_FD, "block_fd": BLOCK_FD, "slirp4netns": slirp4netns, "inside": "", "sockets": []})
    quiet = subprocess.DEVNULL
    waits = ("--info-fd", str(INFO_FD), "--block-fd", str(BLOCK_FD), "--ro-bind", "/", "/", "/bin/true")
    inherited = box.open()
    try:
        tried = subprocess.Popen(
            (bubblewrap, *_namespaces(), *waits), pass_fds=inherited, stdin=quiet, stdout=quiet, stderr=quiet
        )
        box.enter()
        with contextlib.suppress(subprocess.TimeoutExpired):
            tried.wait(TRIAL_SECONDS)
        tried.kill()
        ended = tried.wait()
    finally:
        box.close()
    return box.complaint or ("a box with it ends at once" if ended else "")


def boxed(command: Iterable[str], *, tools: Tools, egress: bool, view: View, folder: Path) -> list[str]:
    """The command within its box. `folder` is the replica's own, where its resolver's address is written."""
    share = str((view.memory_bytes or _MEMORY_BYTES) // 2)
    return [
        tools.bubblewrap,
        *_namespaces(network=not egress or bool(tools.slirp4netns)),
        *_system(share),
        *_resolver(tools, egress, folder),
        *_shown(view),
        *("--remount-ro", "/"),
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


def _system(share: str) -> Iterator[str]:
    """`share`: the most that each folder in memory may take, in bytes."""
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
    yield from ("--dev", "/dev", "--ro-bind-try", *["/sys/devices/system/cpu"] * 2)
    for device in sorted(Path("/dev").glob("nvidia*")):
        yield from ("--dev-bind", str(device), str(device))
    yield from ("--perms", "1777", "--size", share, "--tmpfs", "/dev/shm", "--remount-ro", "/dev")  # noqa: S108
    yield from ("--perms", "1777", "--size", share, "--tmpfs", "/tmp")  # noqa: S108


def _resolver(tools: Tools, egress: bool, folder: Path) -> Iterator[str]:
    if not egress:
        return
    source = folder / "resolv.conf"
    if tools.slirp4netns:
        source.write_text(RESOLVER)
    else:
        source = Path("/etc/resolv.conf")
    yield from ("--ro-bind-try", str(source), "/etc/resolv.conf")


def _shown(view: View) -> Iterator[str]:
    prefixes = tuple(_prefixes(view.visible))
    yield from _bound("--ro-bind", prefixes)
    hidden = [each for each in view.hidden if any(Path(each).is_relative_to(over) for over in ("/usr", *prefixes))]
    for each in hidden:
        yield from ("--tmpfs", each)
    yield from _bound("--ro-bind", view.visible)
    yield from _bound("--bind", view.writable)
    if view.sockets:
        inside, outside = view.sockets
        yield from ("--bind", outside, inside)
    for each in hidden:
        yield from ("--remount-ro", each)


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
            if not base.is_relative_to("/usr") and (base / "lib").is_dir() and base not in (Path("/"), Path.home()):
                yield str(base)
