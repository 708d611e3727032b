"""Answers that are written piece by piece, and callers who go away: what becomes of a running run()."""

import contextlib
import socket
import time
from collections.abc import Callable

import httpx
import pytest

from tests.runtime.serving import Served, wait_for

Start = Callable[..., Served]

SCRIPT = """
import itertools, os, time
from pathlib import Path
HERE = Path(__file__).parent

def init():
    with (HERE / "loads").open("a") as file:
        file.write(f"{os.getpid()}\\n")

def waiting(name):
    while not (HERE / name).exists():
        time.sleep(0.01)

def pieces(wanted):
    if wanted == "words":
        yield "one "
        waiting("go")
        yield ""
        yield "two"
    elif wanted == "bytes":
        yield bytes(range(256))
        yield bytearray(b"more")
    elif wanted == "numbers":
        yield 1
    elif wanted == "late numbers":
        yield "first"
        yield 1
    elif wanted == "early":
        raise ValueError("before anything")
    elif wanted == "late":
        yield "first"
        raise ValueError("in the middle")
    elif wanted == "empty":
        return
    elif wanted == "slow":
        yield "first"
        time.sleep(600)
    elif wanted == "endless":
        try:
            for number in itertools.count():
                (HERE / "count").write_text(str(number))
                yield b"x" * 65536
        finally:
            (HERE / "ended").touch()

def run(data):
    if data == "pid":
        return os.getpid()
    if data == "sleep":
        (HERE / "began").touch()
        try:
            time.sleep(600)
        finally:
            (HERE / "ended").touch()
    if data == "stubborn":
        (HERE / "began").touch()
        while True:
            try:
                time.sleep(600)
            except BaseException:
                pass
    return pieces(data)
"""
EVENTS = SCRIPT + "\nrun.content_type = 'text/event-stream'\n"
RAW = """
from azureml.contrib.services.aml_request import rawhttp
from azureml.contrib.services.aml_response import AMLResponse

def init():
    pass

@rawhttp
def run(request):
    headers = {"Content-Type": "text/event-stream", "x-mine": "1"}
    return AMLResponse(iter(["data: 1\\n\\n", "data: 2\\n\\n"]), 201, headers)
"""


def test_pieces_come_as_they_are_written(start: Start) -> None:
    served = start("--request-timeout-ms", "60000", script=EVENTS).wait_until_ready()
    with served.client.stream("POST", "/score", content="words") as answer:
        pieces = answer.iter_raw()
        assert next(pieces) == b"one "
        (served.folder / "go").touch()
        assert b"".join(pieces) == b"two"
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream")
    assert "content-length" not in answer.headers
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("wanted", "content_type", "body"),
    [
        ("bytes", "application/octet-stream", bytes(range(256)) + b"more"),
        ("empty", "application/octet-stream", b""),
    ],
)
def test_the_type_is_that_of_the_pieces(start: Start, wanted: str, content_type: str, body: bytes) -> None:
    served = start(script=SCRIPT).wait_until_ready()
    answer = served.post(wanted)
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, content_type, body)
    assert served.post("pid").status_code == 200


def test_an_aml_response_around_an_iterator_keeps_its_status_and_headers(start: Start) -> None:
    answer = start(script=RAW).wait_until_ready().post("{}")
    assert (answer.status_code, answer.headers["content-type"], answer.headers["x-mine"]) == (
        201,
        "text/event-stream",
        "1",
    )
    assert answer.text == "data: 1\n\ndata: 2\n\n"


@pytest.mark.parametrize(("wanted", "code"), [("early", "UserScriptException"), ("numbers", "ResultNotSerializable")])
def test_what_fails_before_the_first_piece_is_an_error_answer(start: Start, wanted: str, code: str) -> None:
    answer = start(script=SCRIPT).wait_until_ready().post(wanted)
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, code)


@pytest.mark.parametrize("wanted", ["late", "late numbers"])
def test_what_fails_later_breaks_off_and_is_never_taken_for_whole(start: Start, wanted: str) -> None:
    served = start(script=SCRIPT).wait_until_ready()
    with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
        served.post(wanted)
    assert "the answer broke off" in served.log
    assert served.post("pid").status_code == 200


def test_the_time_out_is_for_the_whole_answer(start: Start) -> None:
    served = start("--request-timeout-ms", "700", script=SCRIPT).wait_until_ready()
    with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
        served.post("slow")
    assert "run() took longer than 700 ms" in served.log
    wait_for(lambda: served.get("/ready").status_code == 200, "the worker is replaced")


def test_a_slow_reader_holds_the_script_back(start: Start) -> None:
    """What waits in between is bounded, however much the script would write."""
    served = start("--request-timeout-ms", "600000", script=SCRIPT).wait_until_ready()
    with served.client.stream("POST", "/score", content="endless"):
        wait_for((served.folder / "count").exists, "the script writes")
        wait_for(lambda: stands_still(served), "the script waits")
        assert count(served) * 65536 < 64 * 1024 * 1024
    wait_for((served.folder / "ended").exists, "the script was ended")
    assert loads(served) == 1
    assert served.post("pid").status_code == 200


def test_a_caller_who_goes_away_ends_run_and_the_model_stays_loaded(start: Start) -> None:
    served = start("--request-timeout-ms", "600000", script=SCRIPT).wait_until_ready()
    worker = served.post("pid").json()
    leave(served, "sleep")
    wait_for((served.folder / "ended").exists, "run() was ended")
    assert served.post("pid").json() == worker
    assert loads(served) == 1
    assert "run() was ended, for its caller went away" in served.log
    assert served.gauge('studio_requests_total{route="/score",code="499"}') == 1


def test_a_run_that_will_not_end_is_replaced(start: Start) -> None:
    served = start("--request-timeout-ms", "600000", script=SCRIPT).wait_until_ready()
    worker = served.post("pid").json()
    leave(served, "stubborn")
    wait_for(lambda: loads(served) == 2, "the worker is replaced")
    assert served.post("pid").json() != worker
    assert "though its caller went away; its worker is replaced" in served.log


def test_callers_who_come_and_go_do_not_disturb_those_who_stay(start: Start) -> None:
    served = start("--max-concurrent", "8", "--request-timeout-ms", "600000", script=SCRIPT).wait_until_ready()
    worker = served.post("pid").json()
    for _ in range(10):
        (served.folder / "began").unlink(missing_ok=True)
        leave(served, "sleep")
        assert served.post("pid").json() == worker


def leave(served: Served, wanted: str) -> None:
    """Ask, and hang up once run() has begun."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(served.folder / "s"))
        head = f"POST /score HTTP/1.1\r\nhost: x\r\ncontent-length: {len(wanted)}\r\n\r\n{wanted}"
        connection.sendall(head.encode())
        wait_for((served.folder / "began").exists, "run() has begun")


def loads(served: Served) -> int:
    return len((served.folder / "loads").read_text().split())


def count(served: Served) -> int:
    with contextlib.suppress(ValueError):
        return int((served.folder / "count").read_text())
    return -1


def stands_still(served: Served) -> bool:
    before = count(served)
    time.sleep(0.5)
    return before == count(served) >= 0
