"""Servers that tell of their tokens, and those that hang, never end, or tell something else."""

import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from endpoints.telemetry import servers
from endpoints.telemetry.servers import LocalServers
from tests.telemetry.admin_socket import HEAD, Answer, answering, chunk, whole

TOLD = "vllm:prompt_tokens_total 5.0\nvllm:generation_tokens_total 7.0\n"
COUNTED = {"tokens_in": 5, "tokens_out": 7}


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="es-") as made:
        yield Path(made)


def tells(caller: socket.socket, over: threading.Event) -> None:
    caller.sendall(whole(TOLD))


def is_not_there(caller: socket.socket, over: threading.Event) -> None:
    caller.sendall(b"HTTP/1.1 404 Not Found\r\ncontent-length: 5\r\n\r\nvllm:")


def hangs(caller: socket.socket, over: threading.Event) -> None:
    over.wait()


def never_ends(caller: socket.socket, over: threading.Event) -> None:
    caller.sendall(HEAD)
    while not over.is_set():
        caller.sendall(chunk("x" * 60_000))


def is_no_http(caller: socket.socket, over: threading.Event) -> None:
    caller.sendall(b"\x00\xff" * 100)


def is_no_text(caller: socket.socket, over: threading.Event) -> None:
    caller.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n\xff\xfe\x00\x01")


def test_who_tells_is_heard_beside_who_does_not(folder: Path) -> None:
    answers: dict[str, Answer] = {
        "tells": tells,
        "is-not-there": is_not_there,
        "hangs": hangs,
        "never-ends": never_ends,
        "is-no-http": is_no_http,
        "is-no-text": is_no_text,
    }
    with ExitStack() as stack:
        for name, answer in answers.items():
            stack.enter_context(answering(folder / name, answer))
        addresses = {name: str(folder / name) for name in answers}
        addresses |= {"gone": str(folder / "gone"), "refuses": "127.0.0.1:1"}
        assert LocalServers(timeout=2, whole=60).scrape(addresses) == {"tells": COUNTED}


def test_who_does_not_tell_is_asked_again_later(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    statistics, path = LocalServers(timeout=30, whole=60), folder / "server"
    addresses = {"one": str(path)}
    assert statistics.scrape(addresses) == {}
    with answering(path, tells):
        assert statistics.scrape(addresses) == {}
        assert statistics.scrape({}) == {}  # forgotten with its replica
        assert statistics.scrape(addresses) == {"one": COUNTED}
    monkeypatch.setattr(servers, "SILENT_SECONDS", -1.0)
    assert statistics.scrape(addresses) == {}
    path.unlink()
    with answering(path, tells):
        assert statistics.scrape(addresses) == {"one": COUNTED}


def test_all_together_take_a_bounded_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two that hang hold the only two threads: the third is not waited for, and not taken for silent either."""
    monkeypatch.setattr(servers, "AT_ONCE", 2)
    statistics = LocalServers(timeout=2, whole=0.1)
    with ExitStack() as stack:
        for name, answer in (("a", hangs), ("b", hangs), ("c", tells)):
            stack.enter_context(answering(folder / name, answer))
        assert statistics.scrape({name: str(folder / name) for name in "abc"}) == {}
        while not (told := statistics.scrape({"c": str(folder / "c")})):
            continue
        assert told == {"c": COUNTED}


def test_on_the_loopback() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        thread = threading.Thread(target=lambda: tells(door.accept()[0], threading.Event()))
        thread.start()
        statistics = LocalServers(timeout=30, whole=60)
        assert statistics.scrape({"one": f"127.0.0.1:{door.getsockname()[1]}"}) == {"one": COUNTED}
        thread.join()


def test_who_had_to_wait_comes_first_in_the_next_scrape(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []

    def asked(address: str, _: float) -> dict[str, int]:
        order.append(address)
        return COUNTED

    monkeypatch.setattr(servers, "AT_ONCE", 1)
    monkeypatch.setattr(servers, "_tokens", asked)
    statistics, addresses = LocalServers(whole=60), {name: name for name in "abcd"}
    statistics.scrape({name: name for name in "ab"})
    assert statistics.scrape(addresses).keys() == addresses.keys()
    assert order == ["a", "b", "c", "d", "a", "b"]
