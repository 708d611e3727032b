import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from endpoints.compute.local.launch import start_time
from studio.launch import strays


@pytest.fixture
def process() -> "subprocess.Popen[bytes]":
    return subprocess.Popen(["/bin/sleep", "600"])


def note(folder: Path, name: str, text: str) -> None:
    (folder / f"{name}.json.pid").write_text(text)


def test_what_an_earlier_start_left_is_ended(tmp_path: Path, process: "subprocess.Popen[bytes]") -> None:
    note(tmp_path, "left", f"{process.pid} {start_time(process.pid)}")
    assert strays.reap([tmp_path, tmp_path / "never-made"]) == 1
    assert process.wait() == -signal.SIGTERM
    assert strays.reap([tmp_path]) == 0


def test_whoever_has_its_number_now_is_left_alone(tmp_path: Path, process: "subprocess.Popen[bytes]") -> None:
    note(tmp_path, "other", f"{process.pid} {int(start_time(process.pid)) - 1}")
    for number, text in enumerate(["", "x y", f"{process.pid}", f"{process.pid} 1 2", "\udcff", "999999999 1", "-1 1"]):
        (tmp_path / f"{number}.pid").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert strays.reap([tmp_path]) == 0
    assert process.poll() is None
    process.kill()
    process.wait()


def test_who_does_not_listen_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strays, "WAIT_SECONDS", 0.3)
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    note(tmp_path, "deaf", f"{process.pid} {start_time(process.pid)}")
    assert strays.reap([tmp_path]) == 1
    assert process.wait() == -signal.SIGKILL
    process.stdout.close()


def test_a_zombie_is_no_process(tmp_path: Path) -> None:
    process = subprocess.Popen(["/bin/true"])
    started = start_time(process.pid)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    note(tmp_path, "over", f"{process.pid} {started}")
    assert strays.reap([tmp_path]) == 0
    process.wait()
