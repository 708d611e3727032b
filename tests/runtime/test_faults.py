"""What users' code does to a server: it hangs, crashes, fails to load; and what the world does: signals, load."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
import pytest

from tests.runtime.serving import RUNTIME, Served, wait_for

# Each body is the name of what to do. `wait` runs until the file `go` is there, and leaves `began` behind.
SCRIPT = """
import ctypes, os, pathlib, signal, subprocess, sys, time

def init():
    pathlib.Path("pids").open("a").write(f"{os.getpid()}\\n")

def run(raw):
    if raw == "wait":
        pathlib.Path("began").touch()
        while not pathlib.Path("go").exists():
            time.sleep(0.01)
    if raw == "hang":
        while True:
            pass
    if raw == "exit":
        os._exit(7)
    if raw == "segfault":
        ctypes.string_at(0)
    if raw == "child":
        return subprocess.Popen(["sleep", "600"]).pid
    if raw == "sys.exit":
        sys.exit("no more")
    if raw.startswith("large"):
        return raw
    if raw == "mark":
        pathlib.Path("marked").touch()
    return os.getpid()
"""

Start = Callable[..., Served]


def test_hanging_run_is_timed_out_and_its_worker_replaced(start: Start) -> None:
    served = start("--request-timeout-ms", "700", script=SCRIPT).wait_until_ready()
    before = served.post("pid").json()
    response = served.post("hang", headers={"x-request-id": "slow-1"})
    assert response.status_code == 408
    assert response.json()["error"]["code"] == "RequestTimeout"
    assert "700 ms" in response.json()["error"]["message"]
    wait_for(lambda: served.post("pid").status_code == 200, "the new worker answers")
    assert served.post("pid").json() != before
    assert not psutil.pid_exists(before)
    assert "request slow-1: run() took longer than 700 ms" in served.log
    assert served.gauge('studio_worker_restarts_total{reason="timeout"}') == 1


def test_others_are_served_while_one_hangs(start: Start) -> None:
    options = ("--workers", "2", "--max-concurrent", "8", "--request-timeout-ms", "1500")
    served = start(*options, script=SCRIPT).wait_until_ready()
    wait_for(lambda: served.gauge("studio_workers_ready") == 2, "both workers are ready")
    hanging = served.post_aside("hang")
    statuses = []
    while not hanging.done():
        statuses.append(served.post("pid").status_code)
    assert hanging.result().status_code == 408
    assert set(statuses) == {200}


def test_request_queued_behind_a_hanging_one_is_served_by_the_next_worker(start: Start) -> None:
    served = start("--request-timeout-ms", "4000", script=SCRIPT).wait_until_ready()
    hanging = served.post_aside("hang")
    wait_for(lambda: served.gauge("studio_requests_running") == 1, "the first request runs")
    psutil.Process(served.workers()[0].pid).suspend()
    waiting = served.post_aside("pid")
    wait_for(lambda: served.gauge("studio_requests_queued") == 1, "the second request waits")
    served.workers()[0].kill()
    assert hanging.result().status_code == 502
    assert "signal SIGKILL; out of memory?" in hanging.result().json()["error"]["message"]
    assert waiting.result().status_code == 200


@pytest.mark.parametrize(("what", "cause"), [("exit", "exit status 7"), ("segfault", "signal SIGSEGV")])
def test_crashing_worker_costs_its_request_alone(start: Start, what: str, cause: str) -> None:
    served = start(script=SCRIPT).wait_until_ready()
    response = served.post(what)
    assert response.status_code == 502
    assert response.json()["error"]["code"] == "WorkerCrashed"
    assert cause in response.json()["error"]["message"]
    assert served.post("pid").status_code == 200
    assert served.gauge('studio_worker_restarts_total{reason="crash"}') == 1


def test_killed_idle_worker_is_replaced(start: Start) -> None:
    served = start(script=SCRIPT).wait_until_ready()
    before = served.post("pid").json()
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: served.gauge('studio_worker_restarts_total{reason="crash"}') == 1, "the worker is replaced")
    assert served.post("pid").json() != before


def test_large_bodies_pass_whole_beside_small_ones(start: Start) -> None:
    served = start("--max-concurrent", "8", script=SCRIPT).wait_until_ready()
    large = "large" + "é" * 3_000_000
    answers = [served.post_aside(large), served.post_aside("pid"), served.post_aside(large)]
    assert [one.result().status_code for one in answers] == [200, 200, 200]
    assert answers[0].result().json() == answers[2].result().json() == large


def test_sys_exit_in_run_is_an_error_like_others(start: Start) -> None:
    served = start(script=SCRIPT).wait_until_ready()
    before = served.post("pid").json()
    response = served.post("sys.exit")
    assert (response.status_code, response.json()["error"]["message"]) == (500, "SystemExit: no more")
    assert served.post("pid").json() == before


def test_what_a_worker_started_ends_with_it(start: Start) -> None:
    served = start("--request-timeout-ms", "1000", script=SCRIPT).wait_until_ready()
    child = served.post("child").json()
    assert served.post("hang").status_code == 408
    wait_for(lambda: gone(child), "the worker's child is gone")


@pytest.mark.parametrize(
    ("script", "line"),
    [
        ("import json\ndef run(:\n", "UserScriptImportError: SyntaxError: invalid syntax (score.py, line 2)"),
        ("import no_such_package", "UserScriptImportError: ModuleNotFoundError: No module named 'no_such_package'"),
        ("raise OSError('no weights')", "UserScriptImportError: OSError: no weights"),
        ("def run(raw): return 1", "UserScriptFunctionNotFound: score.py has no init() function"),
        ("def init(): pass", "UserScriptFunctionNotFound: score.py has no run() function"),
        ("def run(raw): pass\ndef init(): raise KeyError('weights')", "UserScriptInitFailed: KeyError: 'weights'"),
        (
            "def run(raw): pass\ndef init(): import nope",
            "UserScriptImportError: ModuleNotFoundError: No module named 'nope'",
        ),
        ("def run(raw): pass\ndef init():\n  import sys; sys.exit('bye')", "UserScriptInitFailed: SystemExit: bye"),
        (
            "import os\ndef run(raw): pass\ndef init(): os._exit(9)",
            "UserScriptInitFailed: the worker died while it loaded (exit status 9)",
        ),
        (
            "import atexit\natexit.register(print, 'bye')\ndef run(raw): pass\ndef init(): raise OSError('a\\nb')",
            "UserScriptInitFailed: OSError: a b",
        ),
    ],
)
def test_script_that_cannot_be_loaded(start: Start, script: str, line: str) -> None:
    served = start(script=script)
    assert served.wait_until_exit() == 3
    assert served.log.splitlines()[-1] == f"studio-runtime: {line}"
    assert ("atexit" in script) == ("bye" in served.log.splitlines())
    assert not (served.folder / "s").exists()


def test_failing_init_leaves_its_traceback_in_the_log(start: Start) -> None:
    served = start(script="def run(raw): pass\ndef init():\n    raise ValueError('boom')")
    served.wait_until_exit()
    assert "Traceback (most recent call last):" in served.log
    assert 'score.py", line 3, in init' in served.log
    assert "endpoints/runtime" not in served.log


def test_missing_script(start: Start, folder: Path) -> None:
    served = start("--entry-script", str(folder / "nope.py"))
    assert served.wait_until_exit() == 3
    last = served.log.splitlines()[-1]
    assert last == f"studio-runtime: UserScriptImportError: there is no scoring script nope.py in {folder}"


def test_endless_init_is_alive_and_never_ready(start: Start) -> None:
    script = "import time\ndef run(raw): pass\ndef init():\n  while True: time.sleep(1)"
    served = start(script=script).wait_until_alive()
    assert served.get("/").status_code == 200
    assert (served.get("/ready").status_code, served.get("/ready").json()["error"]["code"]) == (503, "NotReady")
    scored = served.post()
    assert (scored.status_code, scored.headers["retry-after"]) == (503, "1")
    assert served.get("/swagger.json").status_code == 503
    served.process.terminate()
    assert served.wait_until_exit() == 0


def test_later_failing_init_is_tried_again(start: Start) -> None:
    script = SCRIPT.replace("def init():\n", "def init():\n    assert not pathlib.Path('bad').exists(), 'bad'\n")
    served = start(script=script).wait_until_ready()
    (served.folder / "bad").touch()
    served.post("exit")
    wait_for(lambda: served.gauge('studio_worker_restarts_total{reason="load"}') >= 2, "init() failed twice")
    assert served.get("/ready").status_code == 503
    assert served.get("/live").status_code == 200
    assert "could not load: AssertionError: bad" in served.log
    (served.folder / "bad").unlink()
    wait_for(lambda: served.get("/ready").status_code == 200, "the model is loaded again")


def test_too_many_pending_requests_are_refused(start: Start) -> None:
    served = start("--max-concurrent", "1", script=SCRIPT).wait_until_ready()
    running = served.post_aside("wait")
    wait_for((served.folder / "began").exists, "the first request runs")
    queued = served.post_aside("pid")
    wait_for(lambda: served.gauge("studio_requests_queued") == 1, "the second request waits")
    refused = served.post("pid")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert refused.json()["error"]["code"] == "TooManyRequests"
    (served.folder / "go").touch()
    assert [running.result().status_code, queued.result().status_code] == [200, 200]


def test_client_that_goes_away_while_queued_is_dropped(start: Start) -> None:
    served = start("--max-concurrent", "1", "--request-timeout-ms", "60000", script=SCRIPT).wait_until_ready()
    running = served.post_aside("wait")
    wait_for((served.folder / "began").exists, "the first request runs")
    with pytest.raises(httpx.ReadTimeout):
        served.client.post("/score", content="mark", timeout=0.5)
    wait_for(lambda: served.gauge("studio_requests_queued") == 0, "the queue is empty")
    (served.folder / "go").touch()
    assert running.result().status_code == 200
    assert served.post("pid").status_code == 200
    assert not (served.folder / "marked").exists()
    assert served.gauge('studio_requests_total{route="/score",code="499"}') == 1


def test_waiting_counts_towards_the_time_out(start: Start) -> None:
    served = start("--max-concurrent", "2", "--request-timeout-ms", "1500", script=SCRIPT).wait_until_ready()
    running = served.post_aside("hang")
    wait_for(lambda: served.gauge("studio_requests_running") == 1, "the first request runs")
    served.workers()[0].suspend()
    queued = [served.post_aside("hang") for _ in range(2)]
    assert [running.result().status_code, *(one.result().status_code for one in queued)] == [408, 408, 408]


def test_sigterm_lets_running_requests_finish(start: Start) -> None:
    served = start("--request-timeout-ms", "60000", script=SCRIPT).wait_until_ready()
    worker = served.post("pid").json()
    running = served.post_aside("wait")
    wait_for((served.folder / "began").exists, "the request runs")
    queued = served.post_aside("pid")
    wait_for(lambda: served.gauge("studio_requests_queued") == 1, "the other request waits")
    served.process.terminate()
    wait_for(lambda: not accepts(served.folder / "s"), "new connections are refused")
    assert not running.done()
    (served.folder / "go").touch()
    assert (running.result().status_code, queued.result().status_code) == (200, 200)
    assert served.wait_until_exit() == 0
    wait_for(lambda: gone(worker), "the worker is gone")
    assert not (served.folder / "s").exists()


def test_exit_handlers_run_when_the_server_stops(start: Start) -> None:
    served = start(script="import atexit\n" + SCRIPT + "\natexit.register(print, 'bye')").wait_until_ready()
    served.process.terminate()
    assert served.wait_until_exit() == 0
    assert "bye" in served.log.splitlines()


def test_drain_has_an_end(start: Start) -> None:
    served = start("--drain-seconds", "1", "--request-timeout-ms", "600000", script=SCRIPT).wait_until_ready()
    worker = served.post("pid").json()
    running = served.post_aside("wait")
    wait_for((served.folder / "began").exists, "the request runs")
    served.process.terminate()
    assert served.wait_until_exit() == 0
    assert running.result().status_code == 503
    assert running.result().json()["error"]["code"] == "ShuttingDown"
    assert "Traceback" not in served.log
    wait_for(lambda: gone(worker), "the worker is gone")


@pytest.mark.parametrize("busy", [True, False])
def test_workers_end_with_a_killed_server(start: Start, busy: bool) -> None:
    served = start("--request-timeout-ms", "600000", script=SCRIPT).wait_until_ready()
    worker = served.post("pid").json()
    if busy:
        aside = served.post_aside("hang")
        wait_for(lambda: served.gauge("studio_requests_running") == 1, "the request runs")
    served.process.kill()
    wait_for(lambda: gone(worker), "the worker is gone")
    if busy:
        assert isinstance(aside.exception(), httpx.TransportError)


def test_socket_left_by_a_killed_server_is_taken_over(start: Start) -> None:
    first = start(script=SCRIPT).wait_until_ready()
    first.process.kill()
    first.wait_until_exit()
    assert (first.folder / "s").exists()
    assert start(script=SCRIPT).wait_until_ready().post("pid").status_code == 200


def test_socket_in_use_is_refused(start: Start) -> None:
    first = start(script=SCRIPT).wait_until_ready()
    command = [sys.executable, str(RUNTIME), "--socket", str(first.folder / "s"), "--entry-script", "score.py"]
    second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode == 1
    assert "another server answers there" in second.stderr
    assert first.post("pid").status_code == 200


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ((), "--entry-script is needed"),
        (("--mlflow",), "--mlflow needs --model-dir"),
        (("--entry-script", "s.py", "--workers", "0"), "0 is not a whole number above 0"),
        (("--entry-script", "s.py", "--request-timeout-ms", "soon"), "soon is not a whole number"),
    ],
)
def test_wrong_options(options: tuple[str, ...], complaint: str) -> None:
    found = subprocess.run(
        [sys.executable, str(RUNTIME), *options], capture_output=True, text=True, timeout=60, check=False
    )
    assert found.returncode == 2
    assert complaint in found.stderr


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def accepts(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0
