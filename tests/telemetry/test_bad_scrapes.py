"""An admin interface that hangs, dies or tells too much: a scrape ends in time, in bounds, and says what was wrong."""

import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from endpoints.telemetry.connections import BLOCK
from endpoints.telemetry.envoy import EnvoyStatistics
from endpoints.telemetry.port import TelemetryUnreachable
from tests.telemetry.admin_socket import HEAD, answering, chunk, whole

LINES = "cluster.d-0a.upstream_rq_2xx: 7\ncluster.d-0a.membership_healthy: 1\n"


@pytest.fixture
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="es-") as folder:
        yield Path(folder) / "admin.sock"


def says_nothing(caller: socket.socket, over: threading.Event) -> None:
    over.wait()


def stops_within_its_answer(caller: socket.socket, over: threading.Event) -> None:
    caller.sendall(HEAD + chunk(LINES))
    over.wait()


def is_restarted_within_its_answer(caller: socket.socket, over: threading.Event) -> None:
    caller.sendall(HEAD + chunk(LINES) + b"ffff\r\ncluster.d-0a.up")


def never_ends(caller: socket.socket, over: threading.Event) -> None:
    caller.sendall(HEAD)
    while not over.wait(0.01):
        caller.sendall(chunk(LINES))


def comes_bit_by_bit(caller: socket.socket, over: threading.Event) -> None:
    """Each bit in time; how long a part is takes so many digits that whoever reads them all says so instead."""
    caller.sendall(HEAD)
    while not over.wait(0.05):
        caller.sendall(b"0" * 2000)


def has_a_line_without_end(caller: socket.socket, over: threading.Event) -> None:
    caller.sendall(HEAD)
    for _ in range(3):
        caller.sendall(chunk("x" * BLOCK))


def has_numbers_that_are_none(caller: socket.socket, over: threading.Event) -> None:
    caller.sendall(whole("cluster.d-0a.upstream_rq_2xx: many\n"))


def refuses(caller: socket.socket, over: threading.Event) -> None:
    caller.sendall(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (says_nothing, "timed out"),
        (stops_within_its_answer, "timed out"),
        (never_ends, "timed out"),
        (comes_bit_by_bit, "timed out"),
        (is_restarted_within_its_answer, "IncompleteRead"),
        (has_a_line_without_end, "has no end"),
        (has_numbers_that_are_none, "many"),
        (refuses, "503"),
    ],
)
def test_a_part_of_an_answer_is_none(path: Path, answer: object, told: str) -> None:
    """What was counted is told whole by the next one; half of it would be taken for a restart."""
    with answering(path, answer), pytest.raises(TelemetryUnreachable, match=told):  # type: ignore[arg-type]
        EnvoyStatistics(path, timeout=0.5).scrape()


def test_an_answer_in_pieces_is_read_as_one(path: Path) -> None:
    def answer(caller: socket.socket, over: threading.Event) -> None:
        caller.sendall(HEAD + chunk(LINES[:25]) + chunk(LINES[25:40]) + chunk(LINES[40:]) + b"0\r\n\r\n")

    with answering(path, answer):
        found = EnvoyStatistics(path).scrape()
    assert (found.clusters["d-0a"].counts, found.clusters["d-0a"].healthy) == ({"2xx": 7}, 1)
    assert found.age_ms > 0
    assert found.left_out == 0


def test_ten_thousand_names_are_cut_to_what_is_read(path: Path) -> None:
    def answer(caller: socket.socket, over: threading.Event) -> None:
        names = "".join(f"cluster.d-{number}.upstream_rq_2xx: {number + 1}\n" for number in range(10_000))
        caller.sendall(whole(names))

    with answering(path, answer):
        found = EnvoyStatistics(path, clusters=100).scrape()
    assert {name: item.counts["2xx"] for name, item in found.clusters.items()} == {
        f"d-{number}": number + 1 for number in range(100)
    }
    assert found.left_out == 100  # as many as are read are counted, no more
