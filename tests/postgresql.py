"""A PostgreSQL server of the tests' own: no TCP, nothing durable, gone when they end."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 60
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "50",
    "deadlock_timeout": "200ms",
}


@contextmanager
def postgresql(**settings: str) -> Iterator[str]:
    """Its URL; `settings` beside or instead of SETTINGS. Raises RuntimeError where the machine has none."""
    programs = find_programs()
    folder = Path(tempfile.mkdtemp(prefix="es-pg-"))
    try:
        own(folder)
        as_owner([programs / "initdb", "-D", folder / "data", "-U", "studio", "-A", "trust", "-E", "UTF8", "--no-sync"])
        with server(programs, folder, SETTINGS | settings):
            yield f"postgresql://studio@/postgres?host={folder}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def find_programs() -> Path:
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = shutil.which("initdb") or (str(installed[-1]) if installed else "")
    if not found:
        raise RuntimeError("There is no PostgreSQL server here. Debian's package postgresql has one.")
    return Path(found).resolve().parent


def prefix() -> list[str]:
    """PostgreSQL refuses to run as root. Ends with us, however we end."""
    if os.getuid() != 0:
        return ["setpriv", "--pdeathsig", "INT"]
    return ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups", "--pdeathsig", "INT"]


def own(folder: Path) -> None:
    if os.getuid() == 0:
        shutil.chown(folder, "postgres", "postgres")


def as_owner(command: list[str | Path]) -> None:
    done = subprocess.run([*prefix(), *map(str, command)], capture_output=True, text=True, check=False, cwd="/")
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr.strip()}")


@contextmanager
def server(programs: Path, folder: Path, settings: Mapping[str, str]) -> Iterator[None]:
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    command = [*prefix(), str(programs / "postgres"), "-D", str(folder / "data"), "-k", str(folder), *options]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/")
    try:
        wait_until_ready(process, programs, folder)
        yield
    finally:
        process.send_signal(2)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_ready(process: "subprocess.Popen[bytes]", programs: Path, folder: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        asked = subprocess.run([programs / "pg_isready", "-q", "-U", "studio", "-h", folder], check=False, cwd="/")
        if asked.returncode == 0:
            return
        time.sleep(0.05)
    raise RuntimeError(f"PostgreSQL did not start: {(folder / 'log').read_text()[-2000:]}")
