"""Who is inside a replica's box, and its way out. Standard library only: the keeper runs it."""

import contextlib
import fcntl
import json
import os
import select
import stat
import subprocess
import time
from pathlib import Path
from typing import Any

from endpoints.compute.local.files import remove_tree

NS_GET_USERNS = 0xB701  # ioctl_ns(2)
PATIENCE_SECONDS = 20
# It reads what a hostile replica sends. Its sandbox needs a user 0, whom a box of another user's does not have.
HARDENED = ("--enable-seccomp", *(() if os.geteuid() else ("--enable-sandbox",)))


class Box:
    """bubblewrap's process stands between the keeper and the server: what is meant for the server is sent inside."""

    def __init__(self, spec: dict[str, Any]) -> None:
        """`spec`: the descriptors that the command line names; the program that connects its network, or ""; the folder
        that the server makes its sockets in, as it is outside; and where each of these sockets has to stand."""
        self.info_fd: int = spec["info_fd"]
        self.block_fd: int = spec["block_fd"]
        self.slirp4netns: str = spec["slirp4netns"]
        self.inside = Path(spec["inside"]) if spec["inside"] else None
        self.sockets: list[Path] = [Path(each) for each in spec["sockets"]]
        self.first: int | None = None  # process 1 inside, by its number outside
        self.network: subprocess.Popen[bytes] | None = None
        self.complaint = ""  # why it has no network

    def open(self) -> tuple[int, ...]:
        """Pipes under the numbers that the box expects; those to hand on."""
        self._make_folder()
        self._info, told = os.pipe()
        os.dup2(told, self.info_fd)
        os.close(told)
        held, self._begin = os.pipe()
        os.dup2(held, self.block_fd)
        os.close(held)
        return (self.info_fd, self.block_fd) if self.slirp4netns else (self.info_fd,)

    def enter(self) -> None:
        """Once it was started: learn who is inside, connect its network, let it begin."""
        os.close(self.info_fd)
        os.close(self.block_fd)
        self.complaint = ""
        try:
            self.first = self._told()
            if self.first is not None and self.slirp4netns:
                self._connect(self.first)
        except OSError as error:  # it has ended already, and its output says why; or slirp4netns is gone
            self.complaint = str(error)
        finally:
            os.close(self._info)
            with contextlib.suppress(OSError):
                os.write(self._begin, b"1")
            os.close(self._begin)

    def _make_folder(self) -> None:
        """Empty: it was the last server's, who may have left anything there."""
        for each in self.sockets:
            each.unlink(missing_ok=True)
        if self.inside is not None:
            remove_tree(self.inside)
            self.inside.mkdir(mode=0o700, exist_ok=True)

    def lead_out(self) -> None:
        """A socket that the server made also gets a name where it cannot reach it. A link is not followed, above all
        not one to a socket of the studio's that it cannot see itself, and that the gateway would be led to."""
        for each in self.sockets:
            with contextlib.suppress(OSError):
                self._lead_out(each)

    def _lead_out(self, path: Path) -> None:
        assert self.inside is not None
        made = self.inside / path.name
        found = made.lstat()
        if not stat.S_ISSOCK(found.st_mode) or (path.exists() and path.lstat().st_ino == found.st_ino):
            return
        linked = path.with_name(f".{path.name}")
        linked.unlink(missing_ok=True)
        os.link(made, linked, follow_symlinks=False)
        if stat.S_ISSOCK(linked.lstat().st_mode):
            linked.replace(path)
        else:  # it was exchanged meanwhile
            linked.unlink()

    def _told(self) -> int | None:
        """None when it ended before it could tell."""
        text = b""
        while b"}" not in text:
            ready, _, _ = select.select([self._info], [], [], PATIENCE_SECONDS)
            part = os.read(self._info, 4096) if ready else b""
            if not part:
                return None
            text += part
        return int(json.loads(text)["child-pid"])

    def _connect(self, pid: int) -> None:
        """The network is owned by a user namespace that only its descriptor leads to. Raises OSError."""
        _await_loopback(pid)
        with open(f"/proc/{pid}/ns/net") as network:  # noqa: PTH123
            owner = fcntl.ioctl(network, NS_GET_USERNS)
        ready, told = os.pipe()
        command = [self.slirp4netns, "--configure", "--mtu=65520", "--disable-host-loopback", *HARDENED]
        over, self._alive = os.pipe()  # held open for as long as the keeper lives and the server does
        command += [f"--userns-path=/proc/self/fd/{owner}", f"--ready-fd={told}", f"--exit-fd={over}", str(pid), "tap0"]
        quiet = subprocess.DEVNULL
        try:
            self.network = subprocess.Popen(
                command, pass_fds=(owner, told, over), stdin=quiet, stdout=quiet, stderr=quiet
            )
        except OSError:
            os.close(self._alive)
            os.close(ready)
            raise
        finally:
            for descriptor in (told, owner, over):
                os.close(descriptor)
        try:
            came, _, _ = select.select([ready], [], [], PATIENCE_SECONDS)
            if not (came and os.read(ready, 1)):
                raise OSError("slirp4netns could not connect it to the network")
        finally:
            os.close(ready)

    def signal(self, number: int) -> bool:
        """To the server itself; False when it cannot be found."""
        if self.first is None:
            return False
        try:
            with open(f"/proc/{self.first}/task/{self.first}/children") as file:  # noqa: PTH123
                inside = [int(word) for word in file.read().split()]
        except OSError:
            return False
        for pid in inside[:1]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        return bool(inside)

    def close(self) -> None:
        """The server has ended."""
        if self.network is not None:
            os.close(self._alive)
            self.network.kill()
            self.network.wait()
            self.network = None
        self.first = None


def _await_loopback(pid: int) -> None:
    """bubblewrap gives it its address, which fails where slirp4netns was quicker and had it up already."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while "127.0.0.1" not in Path(f"/proc/{pid}/net/fib_trie").read_text():
        if time.monotonic() > deadline:
            raise OSError("bubblewrap did not bring up the loopback")
        time.sleep(0.001)


def exit_code(returncode: int) -> int:
    """bubblewrap tells a signal as a shell does."""
    return 128 - returncode if returncode > 128 else returncode
