"""A real container engine for tests: Podman with storage, network and socket of its own, and a small image with Python.

Where Podman is not installed, or may not run, what needs it fails in its set-up: nothing is left out in silence.
"""

import json
import random
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from endpoints.compute.containers.engine import Engine, EngineError

IMAGE = "localhost/es-python:1"
LIMIT_SECONDS = 60
SOCKET = "p.sock"
CONFIGURATION = """
[containers]
default_ulimits = ["nofile=1024:1024"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
network_config_dir = "{folder}/networks"
default_network = "es"
"""
# A registry of a test's own speaks plain HTTP.
REGISTRIES = """
[[registry]]
prefix = "127.0.0.1"
location = "127.0.0.1"
insecure = true
"""
# Mounts of its own over what all engines of a machine would share: their namespaces' files, their locks.
ALONE = ("unshare", "--mount", "--propagation", "private", "sh", "-c")
SETS_UP = 'mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /dev/shm && exec "$@"'
# Of the standard library, what no server in a test needs.
LEFT_OUT = ("test", "idlelib", "tkinter", "ensurepip", "site-packages", "lib2to3", "__pycache__", "pydoc_data")


@dataclass(frozen=True)
class Podman:
    folder: Path
    service: "subprocess.Popen[bytes]"

    @property
    def socket(self) -> str:
        return str(self.folder / SOCKET)

    @property
    def engine(self) -> Engine:
        return Engine(self.socket)

    def run(self, *arguments: str, **options: object) -> str:
        beside = ("nsenter", f"--mount=/proc/{self.service.pid}/ns/mnt")
        done = subprocess.run(
            (*beside, *_command(self.folder), *arguments),
            env=_environment(self.folder),
            capture_output=True,
            check=False,
            **options,  # type: ignore[call-overload]
        )
        assert done.returncode == 0, done.stderr.decode()
        return str(done.stdout.decode())


@contextmanager
def running_podman() -> Iterator[Podman]:
    assert shutil.which("podman"), "Podman is not installed; .ci/system-packages installs it where it may."
    folder = Path(tempfile.mkdtemp(prefix="es-"))
    (folder / "containers.conf").write_text(CONFIGURATION.format(folder=folder))
    (folder / "registries.conf").write_text(REGISTRIES)
    _network(folder / "networks")
    podman = Podman(folder, _service(folder))
    try:
        _answers(podman)
        _image(podman)
        yield podman
    finally:
        podman.run("rm", "--force", "--all", "--time", "0")
        podman.service.kill()
        podman.service.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _service(folder: Path) -> "subprocess.Popen[bytes]":
    serving = (*_command(folder), "system", "service", "--time", "0", f"unix://{folder / SOCKET}")
    with (folder / "service.log").open("w") as log:
        command = (*ALONE, SETS_UP, "sh", *serving)
        return subprocess.Popen(command, cwd=folder, env=_environment(folder), stdout=log, stderr=log)


def _command(folder: Path) -> tuple[str, ...]:
    return ("podman", "--root", str(folder / "root"), "--runroot", str(folder / "run"), "--storage-driver", "vfs")


def _environment(folder: Path) -> dict[str, str]:
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(folder),
        "CONTAINERS_CONF": str(folder / "containers.conf"),
        "CONTAINERS_REGISTRIES_CONF": str(folder / "registries.conf"),
    }


def _answers(podman: Podman) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while True:
        try:
            podman.engine.name()
        except EngineError:
            assert time.monotonic() < deadline, (podman.folder / "service.log").read_text()
            time.sleep(0.05)
        else:
            return


def _network(folder: Path) -> None:
    """A bridge and a range of its own, so that two do not meet."""
    folder.mkdir()
    number = random.randrange(1, 255 * 255)
    base = f"10.{100 + number % 100}.{number // 255}"
    described = {
        "name": "es",
        "id": f"{number:064x}",
        "driver": "bridge",
        "network_interface": f"es{number}",
        "created": "2026-01-01T00:00:00Z",
        "subnets": [{"subnet": f"{base}.0/24", "gateway": f"{base}.1"}],
        "ipv6_enabled": False,
        "internal": False,
        "dns_enabled": False,
        "ipam_options": {"driver": "host-local"},
    }
    (folder / "es.json").write_text(json.dumps(described))


def _image(podman: Podman) -> None:
    """This Python and what it links to, FROM scratch."""
    tree = podman.folder / "tree"
    python = Path(sys.executable).resolve()
    library = Path(sysconfig.get_path("stdlib"))
    shutil.copytree(library, tree / library.relative_to("/"), ignore=shutil.ignore_patterns(*LEFT_OUT, "config-*"))
    (tree / python.relative_to("/")).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(python, tree / python.relative_to("/"))
    extensions = sorted((library / "lib-dynload").glob("*.so"))
    for linked in sorted({path for each in (python, *extensions) for path in _linked(each)}):
        (tree / linked.relative_to("/")).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(linked, tree / linked.relative_to("/"))
    for name in ("usr/bin", "tmp", "etc"):
        (tree / name).mkdir(parents=True, exist_ok=True)
    (tree / "usr/bin/python3").symlink_to(python)
    packed = podman.folder / "tree.tar"
    subprocess.run(("tar", "--create", "--file", packed, "--directory", tree, "."), check=True)
    podman.run("import", str(packed), IMAGE)
    packed.unlink()
    shutil.rmtree(tree)


def _linked(path: Path) -> set[Path]:
    told = subprocess.run(("ldd", path), capture_output=True, text=True, check=False).stdout
    return {Path(word) for word in told.split() if word.startswith("/")}
