"""Files that are written, put aside, read and dropped at once."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endpoints.domain.traffic_log import Position
from endpoints.telemetry.port import TelemetryUnreachable
from endpoints.telemetry.traffic_log import HEAD_BYTES, TrafficLogFiles

SEGMENT, BACKLOG = 4000, 20_000


class Gateway:
    """Writes to the file that it opened last, as Envoy does, whatever that is called meanwhile."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "access.jsonl"
        self.down = False
        self.written = 0
        self.open()

    def open(self) -> None:
        if self.down:
            raise TelemetryUnreachable("down")
        self.file = self.path.open("ab", buffering=0)

    def write(self, lines: int = 1, *, size: int = 700) -> None:
        for _ in range(lines):
            self.file.write(b"%08d%b\n" % (self.written, b"." * (size - 9)))
            self.written += 1


class Reader:
    """What was read is kept with the position, as in one transaction."""

    def __init__(self, files: TrafficLogFiles) -> None:
        self.files = files
        self.position = Position()
        self.numbers: list[int] = []
        self.lost = 0

    def read(self, *, limit: int = 2000, dies: str = "") -> bool:
        part = self.files.read(self.position, limit=limit)
        if dies == "before":
            return True
        self.numbers += [int(line[:8]) for line in part.lines]
        self.position, self.lost = part.position, self.lost + part.lost
        if dies != "after":
            self.files.discard(part)
        return bool(part.lines)


@pytest.fixture
def files(tmp_path: Path) -> TrafficLogFiles:
    return made(tmp_path)


def made(folder: Path) -> TrafficLogFiles:
    return TrafficLogFiles(folder, segment_bytes=SEGMENT, backlog_bytes=BACKLOG)


def joined(folder: Path) -> tuple[Gateway, TrafficLogFiles, Reader]:
    gateway = Gateway(folder)
    files = TrafficLogFiles(folder, gateway.open, segment_bytes=SEGMENT, backlog_bytes=BACKLOG)
    return gateway, files, Reader(files)


def test_nothing_there(files: TrafficLogFiles) -> None:
    part = files.read(Position())
    assert (part.lines, part.position, part.behind) == ((), Position(), 0)
    files.tend()


def test_a_line_without_its_end_is_read_once_it_has_one(tmp_path: Path) -> None:
    gateway, _, reader = joined(tmp_path)
    gateway.write()
    gateway.file.write(b"00000001")
    reader.read()
    reader.read()
    assert reader.numbers == [0]
    gateway.file.write(b"\n")
    reader.read()
    assert reader.numbers == [0, 1]


def test_what_was_torn_off_in_a_file_that_is_left_is_read_as_it_is(tmp_path: Path) -> None:
    gateway, files, reader = joined(tmp_path)
    gateway.write(6)
    gateway.file.write(b"99999999")
    files.tend()
    gateway.write()
    while reader.read():
        pass
    assert reader.numbers == [0, 1, 2, 3, 4, 5, 99999999, 6]


def test_a_file_that_has_the_number_of_one_that_is_gone_is_another(tmp_path: Path) -> None:
    gateway, _, reader = joined(tmp_path)
    gateway.write(2)
    reader.read()
    content = gateway.path.read_bytes()
    gateway.path.write_bytes(content.replace(b"00000000", b"00000007").replace(b"00000001", b"00000008"))
    reader.read()
    assert reader.numbers == [0, 1, 7, 8]


def test_a_line_longer_than_any_of_ours_does_not_stop_the_rest(tmp_path: Path) -> None:
    gateway, _, reader = joined(tmp_path)
    gateway.write(size=HEAD_BYTES * 5)
    gateway.write()
    part = reader.files.read(Position(), limit=2000)
    assert part.position.offset == 2000
    seen: list[bytes] = []
    position = part.position
    for _ in range(5):
        part = reader.files.read(position, limit=2000)
        position = part.position
        seen += part.lines
    assert seen[-1].startswith(b"00000001")


def test_a_gateway_that_is_down_opens_its_log_when_it_is_back(tmp_path: Path) -> None:
    gateway, files, reader = joined(tmp_path)
    gateway.write(10)
    gateway.down = True
    files.tend()
    assert not files.live.exists()
    while reader.read():
        pass
    assert reader.numbers == list(range(10))
    gateway.down = False
    gateway.open()
    gateway.write()
    reader.read()
    assert reader.numbers == list(range(11))


def test_what_nobody_reads_is_dropped_and_counted(tmp_path: Path) -> None:
    gateway, files, reader = joined(tmp_path)
    for _ in range(30):
        gateway.write(7)
        files.tend()
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= BACKLOG + SEGMENT
    while reader.read() or reader.lost == 0:
        pass
    assert reader.lost > 100
    assert reader.lost + len(reader.numbers) == gateway.written
    assert reader.numbers == list(range(reader.lost, gateway.written))
    assert [path.name for path in tmp_path.iterdir()] == ["access.jsonl"]


def test_what_was_read_of_a_dropped_file_is_not_counted_as_lost(tmp_path: Path) -> None:
    gateway, files, reader = joined(tmp_path)
    gateway.write(7)
    reader.read(limit=700 * 3)
    assert reader.numbers == [0, 1, 2]
    while not list(tmp_path.glob("*.lost")):
        files.tend()
        gateway.write(7)
    while reader.read() or reader.lost == 0:
        pass
    assert reader.lost + len(reader.numbers) == gateway.written
    assert len(set(reader.numbers)) == len(reader.numbers)


ACTIONS = st.lists(st.sampled_from(["write", "write many", "tend", "read", "before", "after"]), max_size=60)


@given(actions=ACTIONS)
@settings(deadline=None, max_examples=200)
def test_every_line_is_read_or_lost_exactly_once(tmp_path_factory: pytest.TempPathFactory, actions: list[str]) -> None:
    """Whatever is done in whatever order, deaths of the reader on either side of its transaction included."""
    gateway, files, reader = joined(tmp_path_factory.mktemp("files"))
    for action in actions:
        if action.startswith("write"):
            gateway.write(20 if "many" in action else 1)
        elif action == "tend":
            files.tend()
        else:
            reader.read(dies=action)
    for _ in range(500):
        reader.read()
    assert len(reader.numbers) + reader.lost == gateway.written
    assert reader.numbers == sorted(set(reader.numbers))
