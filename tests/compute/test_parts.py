"""The keeper's parts: log, memory, probe, full disk, and the end with the parent."""

import errno
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from endpoints.compute.local import keeper, output
from endpoints.compute.local.changes import hear, say
from endpoints.compute.local.files import read_json, write_private
from endpoints.compute.local.launch import start_time
from endpoints.compute.local.log_files import MOST_BYTES, read_chunk, tail
from endpoints.compute.local.memory import proportional_bytes, resident_bytes
from endpoints.compute.local.output import Output, line_that_matters
from endpoints.compute.local.probing import probe
from endpoints.compute.local.supervisor import LAUNCH
from tests.compute.running import eventually, is_alive

PROBE = {"initial_delay": 0, "period": 10, "timeout": 2, "success_threshold": 1, "failure_threshold": 3}


def told(log: Path, data: bytes) -> None:
    """What the server printed, through the keeper's hands."""
    Output(log).follow(io.BytesIO(data)).join()


def test_a_change_is_heard_and_one_that_cannot_be_dealt_with_does_not_end_the_hearing(tmp_path: Path) -> None:
    heard: list[str] = []

    def deal_with(deployment_id: str) -> None:
        heard.append(deployment_id)
        raise OSError("no database")

    socket_path = tmp_path / "c"
    socket_path.touch()  # what one before left
    hear(socket_path, deal_with)
    assert socket_path.stat().st_mode & 0o777 == 0o600
    for deployment_id in ("one", "two"):
        say(str(socket_path), deployment_id)
    eventually(lambda: heard == ["one", "two"], lambda: str(heard))


def test_what_nobody_hears_is_said_all_the_same(tmp_path: Path) -> None:
    say("", "one")
    say(str(tmp_path / "nobody"), "one")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(tmp_path / "d"))
        for _ in range(10_000):  # more than wait to be read
            say(str(tmp_path / "d"), "one")


def test_every_line_has_its_time(tmp_path: Path) -> None:
    told(tmp_path / "server.log", "one\r\nzwölf\n\xff".encode("latin-1") + b"\nlast without an end")
    lines = (tmp_path / "server.log").read_text().splitlines()
    assert [line.partition("Z ")[2] for line in lines] == ["one", "zw�lf", "�", "last without an end"]
    assert all(line[4] == "-" and line[10] == "T" for line in lines)


def test_a_line_without_end_fills_no_memory(tmp_path: Path) -> None:
    told(tmp_path / "server.log", b"x" * (3 * output.LINE_BYTES))
    lines = (tmp_path / "server.log").read_text().splitlines()
    assert [len(line.partition("Z ")[2]) for line in lines] == [output.LINE_BYTES] * 3


def test_the_log_rotates_and_keeps_a_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "MAX_BYTES", 1000)
    told(tmp_path / "server.log", b"".join(b"line %d\n" % number for number in range(500)))
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["server.log", "server.log.1", "server.log.2", "server.log.3"]
    assert max(path.stat().st_size for path in tmp_path.iterdir()) < 1100
    kept = "".join((tmp_path / name).read_text() for name in reversed(files))
    assert "line 499" in kept
    assert "line 1\n" not in kept


def test_a_full_disk_loses_lines_and_not_the_server(tmp_path: Path) -> None:
    log = Output(tmp_path / "server.log")
    log._file.close()
    log._file = open("/dev/full", "ab", buffering=0)  # noqa: PTH123, SIM115
    log.follow(io.BytesIO(b"lost\n" * 100)).join()
    assert list(log.tail) == ["lost"] * 60
    log._file.close()
    log.say("space again")
    assert (tmp_path / "server.log").read_text().endswith("keeper: space again\n")


def test_reading_on_from_where_one_was(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    assert read_chunk(log, start=None, limit=100).size == 0
    log.write_text("first\nsecond\nthi")
    chunk = read_chunk(log, start=0, limit=100)
    assert (chunk.text, chunk.start, chunk.end, chunk.size) == ("first\nsecond\n", 0, 13, 16)
    log.write_text("first\nsecond\nthird\n")
    assert read_chunk(log, start=chunk.end, limit=100).text == "third\n"
    assert read_chunk(log, start=19, limit=100).text == ""
    assert read_chunk(log, start=None, limit=8).text == "third\n"
    log.write_text("rotated\n")
    assert read_chunk(log, start=19, limit=100).text == "rotated\n"


@pytest.mark.parametrize("limit", range(4, 12))
def test_a_long_line_is_read_in_whole_characters(tmp_path: Path, limit: int) -> None:
    text = "aé€𝄞" * 20 + "\nend\n"
    (tmp_path / "log").write_text(text)
    read, at = "", 0
    while (chunk := read_chunk(tmp_path / "log", start=at, limit=limit)).text:
        read, at = read + chunk.text, chunk.end
    assert read == text
    assert "�" not in read_chunk(tmp_path / "log", start=None, limit=limit + 4).text


def test_bytes_that_are_no_text_do_not_stop_a_reader(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"\x80" * 100 + b"\n")
    at, turns = 0, 0
    while (chunk := read_chunk(tmp_path / "log", start=at, limit=10)).end > at:
        at, turns = chunk.end, turns + 1
    assert (at, turns < 60) == (101, True)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], ""),
        (["starting", "no luck", ""], "no luck"),
        (["Traceback (most recent call last):", "  File x", "ValueError: no", "bye"], "ValueError: no"),
        (["x studio-runtime: UserScriptImportError: No 'a'", "bye"], "UserScriptImportError: No 'a'"),
        (["y" * 9000], "y" * 500),
    ],
)
def test_the_line_that_matters(lines: list[str], said: str) -> None:
    assert line_that_matters(lines) == said


def test_forked_workers_share_what_they_share() -> None:
    script = "import os, sys; held = os.urandom(1) * (80 << 20)\nfor _ in range(2):\n    if not os.fork(): break\n"
    script += "os.write(1, b'up\\n'); sys.stdin.read()"
    process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(3)] == [b"up\n"] * 3
    assert resident_bytes(process.pid) > 230 * 2**20
    assert 80 * 2**20 < proportional_bytes(process.pid) < 140 * 2**20
    process.stdin.close()
    process.wait()
    process.stdout.close()
    assert resident_bytes(process.pid) == proportional_bytes(process.pid) == 0


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", ""),
        (b"HTTP/1.1 302 Found\r\n\r\n", ""),
        (b"HTTP/1.1 503 No\r\n\r\n", "GET /ready answered 503"),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "GET /ready gave an answer that is no HTTP"),
        (b"", "GET /ready gave an answer that is no HTTP"),
    ],
)
def test_what_a_probe_makes_of_an_answer(answer: bytes, complaint: str, short: Path) -> None:
    with answering(short / "s", answer):
        assert probe(str(short / "s"), "/ready", 30) == complaint


def test_an_answer_in_pieces(short: Path) -> None:
    with answering(short / "s", b"HTT", b"P/1.1 ", b"204 No Content\r\n\r\n"):
        assert probe(str(short / "s"), "/ready", 30) == ""


def test_a_probe_without_answer(short: Path) -> None:
    assert probe(str(short / "s"), "/ready", 1) == "GET /ready: No such file or directory"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(short / "s"))
        silent.listen()
        assert probe(str(short / "s"), "/ready", 0.01) == "GET /ready took longer than 0.01 s"
        assert probe(str(short / "s"), "/ready", 600, lambda: True) == "GET /ready took longer than 600 s"


def test_failures_count_once_a_period_and_not_before_the_delay() -> None:
    clock = keeper.ProbeClock({**PROBE, "path": "/ready", "initial_delay": 10})
    clock.reset(100.0)

    def look(now: float) -> int:
        clock.look("/no/socket", now, eager=True, given_up=lambda: False)
        return clock.failures

    assert [look(now) for now in (100.1, 105, 109.9)] == [0, 0, 0]
    assert [look(now) for now in (110, 111, 119, 120, 130)] == [1, 1, 1, 2, 3]
    assert clock.failed


def test_a_status_that_a_full_disk_refuses_is_told_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = a_keeper(tmp_path)
    kept.tell("Starting")

    def full(*arguments: Any, **options: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_text", full)
        kept.tell("Ready")
        kept.tell_again()
    assert json.loads((tmp_path / "status.json").read_text())["state"] == "Starting"
    kept.tell_again()
    assert json.loads((tmp_path / "status.json").read_text())["state"] == "Ready"


def test_private_files_are_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "new" / "secret.json"
    text = json.dumps({"x": "y" * 9999})
    threads = [threading.Thread(target=write_private, args=(path, text)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = read_json(path)
    assert found is not None
    assert found["x"] == "y" * 9999
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["secret.json"]
    with pytest.raises(UnicodeEncodeError):
        write_private(path, "\ud800")
    assert read_json(path) == found
    assert len(list(path.parent.iterdir())) == 1


@pytest.mark.parametrize("content", ["", "[1]", '{"cut', "\x00"])
def test_what_is_no_json_object(tmp_path: Path, content: str) -> None:
    (tmp_path / "status.json").write_text(content)
    assert read_json(tmp_path / "status.json") is None


def test_a_program_ends_with_its_parent(tmp_path: Path) -> None:
    spec = specification(tmp_path, "/bin/sleep", "600")
    parent = subprocess.Popen(
        [sys.executable, "-c", f"import subprocess; subprocess.run({[sys.executable, str(LAUNCH), str(spec), 'KILL']})"]
    )
    pid_file = Path(f"{spec}.pid")
    eventually(lambda: pid_file.exists() and pid_file.read_text())
    pid, started = pid_file.read_text().split()
    assert start_time(int(pid)) == started
    eventually(lambda: psutil.Process(int(pid)).name() == "sleep")
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    eventually(lambda: not is_alive(int(pid)))


def test_a_program_whose_parent_was_quicker_to_end_does_not_start(tmp_path: Path) -> None:
    spec = specification(tmp_path, "/usr/bin/touch", str(tmp_path / "started"))
    launch = [sys.executable, str(LAUNCH), str(spec)]
    assert subprocess.run([*launch, "KILL", "1"], capture_output=True, check=False).returncode == 1
    adopted = {**os.environ, "SUPERVISOR_ENABLED": "1"}
    assert subprocess.run(launch, env=adopted, capture_output=True, check=False).returncode == 1
    assert not (tmp_path / "started").exists()
    assert subprocess.run([*launch, "KILL", str(os.getpid())], check=False).returncode == 0
    assert (tmp_path / "started").exists()


@contextmanager
def answering(path: Path, *parts: bytes) -> Iterator[None]:
    """A server that says this to one caller, part by part."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(1024)
                for part in parts:
                    connection.sendall(part)

        thread = threading.Thread(target=answer)
        thread.start()
        yield
        thread.join()


def specification(folder: Path, *command: str) -> Path:
    path = folder / "spec.json"
    path.write_text(json.dumps({"command": command, "environment": {}, "directory": "/"}))
    return path


def a_keeper(folder: Path) -> keeper.Keeper:
    probes = {"liveness": {**PROBE, "path": "/live"}, "readiness": {**PROBE, "path": "/ready"}}
    identity = {"id": "r", "deployment_id": "d", "generation": 1, "ordinal": 0}
    (folder / "replica.json").write_text(json.dumps({**identity, **probes}))
    return keeper.Keeper(folder)


def test_the_last_lines_of_a_hostile_log_are_no_more_than_an_answer_holds(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    for part, number in ((tmp_path / "server.log.1", 0), (path, 1)):
        part.write_bytes(b"".join(b"%d%05d " % (number, line) + b"\xff" * 60_000 + b"\n" for line in range(40)))
    for text in ("", "\N{REPLACEMENT CHARACTER}"):
        found = tail(path, lines=10_000, text=text)
        assert sum(len(line) for line in found) <= MOST_BYTES
        assert found[-1].startswith("100039")
    assert len(tail(path, lines=3)) == 3


def test_what_is_searched_for_may_have_letters_of_any_alphabet(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    path.write_text("STRASSE\nÄRGER über\nmore\n")
    assert tail(path, lines=9, text="ärger Über") == ["ÄRGER über"]
    assert tail(path, lines=9, text="strasse") == ["STRASSE"]
    assert tail(tmp_path / "none.log", lines=9, text="x") == []


def test_only_a_line_feed_ends_a_line(tmp_path: Path) -> None:
    """Else a program could write lines that look as if another had."""
    path = tmp_path / "server.log"
    text = "2026-01-01 one\u2028[replica 1] two\x0bthree\rfour"
    path.write_text(f"{text}\nnext\n", newline="")
    assert read_chunk(path, start=0, limit=1000).lines == [text, "next"]
    assert tail(path, lines=9) == [text, "next"]
    assert read_chunk(path, start=0, limit=0).lines == []


def test_what_is_quoted_can_be_kept_and_shown_anywhere() -> None:
    assert output.line_that_matters(["\x00\x1b]0;owned\x07 boom"]) == "\ufffd\ufffd]0;owned\ufffd boom"
