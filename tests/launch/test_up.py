"""What keeps a studio from starting: one line, at once, and nothing was touched. And what supervisord is told."""

import dataclasses
import fcntl
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from endpoints.compute.local.supervisor import SupervisorPrograms
from studio.env import Env, read
from studio.launch import checks, tree
from tests.compute.running import eventually

ROOT = Path(__file__).parents[2]


@pytest.fixture
def data_dir() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="es-"))
    yield folder
    shutil.rmtree(folder)


def up(data_dir: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Tried, and ended by itself."""
    environment = {"PATH": "/usr/bin:/bin", "STUDIO_DATA_DIR": str(data_dir), **variables}
    command = [sys.executable, "manage.py", "up"]
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=240)


def told_in_one_line(done: "subprocess.CompletedProcess[str]") -> str:
    assert done.returncode != 0
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("ours", "other"), [("STUDIO_PORT", "STUDIO_GATEWAY_PORT"), ("STUDIO_GATEWAY_PORT", "STUDIO_PORT")]
)
def test_a_port_in_use(data_dir: Path, ours: str, other: str) -> None:
    with socket.socket() as taken, socket.socket() as free:
        for each in (taken, free):
            each.bind(("127.0.0.1", 0))
        taken.listen()
        port, other_port = (str(each.getsockname()[1]) for each in (taken, free))
        free.close()
        said = told_in_one_line(up(data_dir, **{ours: port, other: other_port}))
    assert said.startswith(f"Port {port} on 127.0.0.1 cannot be used (Address already in use).")
    assert ours in said
    assert not (data_dir / "supervisor" / "supervisord.conf").exists()


def test_a_second_studio_on_the_same_data(data_dir: Path) -> None:
    with (data_dir / "up.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert told_in_one_line(up(data_dir)).startswith(f"A studio is up on {data_dir} already.")


def test_both_ports_the_same_and_hosts_that_are_none(data_dir: Path) -> None:
    env = read({"STUDIO_DATA_DIR": str(data_dir), "STUDIO_PORT": "9", "STUDIO_GATEWAY_PORT": "9"})
    with pytest.raises(checks.CannotStart, match="are both 9"):
        checks.check_ports(env)
    with pytest.raises(checks.CannotStart, match="STUDIO_PORT to another port"):
        checks.check_ports(dataclasses.replace(env, host="no.such.host.invalid", port=10))


def test_a_disk_that_is_full(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env = read({"STUDIO_DATA_DIR": str(data_dir)})
    checks.check_disk(env)
    monkeypatch.setattr(checks, "MIN_FREE_BYTES", 2**62)
    with pytest.raises(checks.CannotStart, match=r"^Only \d+ MiB are free under .* set STUDIO_DATA_DIR"):
        checks.check_disk(env)
    with pytest.raises(checks.CannotStart, match=r"^/proc cannot be written to \(.*\)\. Set STUDIO_DATA_DIR"):
        checks.check_writable(Path("/proc"))


def test_no_start_without_a_box_where_one_is_required(data_dir: Path) -> None:
    empty = data_dir / "empty"
    empty.mkdir()
    said = told_in_one_line(up(data_dir, STUDIO_SANDBOX="require", PATH=str(empty)))
    assert said.startswith("Replicas cannot be boxed in, and STUDIO_SANDBOX=require asks for it: bubblewrap is not in")
    assert not (data_dir / "supervisor" / "supervisord.conf").exists()
    env = read({"STUDIO_DATA_DIR": str(data_dir), "STUDIO_SANDBOX": "off"})
    assert "switched off" in checks.check_sandbox(env).reason


def test_supervisord_reads_what_is_written_for_it_in_any_folder(data_dir: Path) -> None:
    """A blank and a per cent sign mean something in its configuration."""
    env = read({"STUDIO_DATA_DIR": str(data_dir / "100% of it"), "STUDIO_ADMIN_PASSWORD": "hush"})
    configuration = tree.write_tree(dataclasses.replace(env, gateway_port=1, demo=False))
    for program in ("studio-broker", "studio-gateway"):  # written, but not to be started here
        path = configuration.parent / "studio" / "conf.d" / f"{program}.conf"
        path.write_text(path.read_text().replace("autostart = true", "autostart = false"))
    process = subprocess.Popen([sys.executable, "-m", "supervisor.supervisord", "-c", str(configuration)])
    try:
        programs = SupervisorPrograms(socket=tree.socket_path(env), conf_dir=configuration.parent / "conf.d")
        eventually(lambda: tree.socket_path(env).exists() or process.poll() is not None)
        eventually(lambda: set(programs.states()) >= {"studio-web", "studio-worker", "studio-beat", "studio-gateway"})
        assert not any(state.running for state in programs.states().values())
        assert (env.data_dir / "logs" / "supervisord.log").exists()
        assert not list(env.data_dir.glob("**/*%%*"))
    finally:
        process.terminate()
        process.wait()


def test_secrets_of_the_studio_stand_in_private_files(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_ADMIN_PASSWORD", "hush-hush")
    env: Env = read({"STUDIO_DATA_DIR": str(data_dir)})
    tree.write_tree(env)
    holders = [path for path in data_dir.rglob("*") if path.is_file() and b"hush-hush" in path.read_bytes()]
    assert {path.stem for path in holders} >= {"studio-web", "studio-worker"}
    assert {"studio-gateway", "studio-broker"}.isdisjoint(path.stem for path in holders)
    assert {stat.S_IMODE(path.stat().st_mode) for path in holders} == {0o600}
