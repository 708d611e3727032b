"""Lines in files that rotate."""

from pathlib import Path

from endpoints.forwarding.files import KEPT, AnchorFile, FileForwarder


def test_a_file_that_is_full_makes_room_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    forwarder = FileForwarder(path, most_bytes=20)
    for number in range(KEPT):
        forwarder.send([f"line {number} of twenty bytes"])
    files = sorted(tmp_path.iterdir())
    assert len(files) == KEPT
    assert sorted(file.read_text() for file in files) == [f"line {n} of twenty bytes\n" for n in range(KEPT)]
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in files)
    for number in range(5):
        forwarder.send([f"more {number} of twenty bytes"])
    assert len(list(tmp_path.iterdir())) == KEPT + 1


def test_a_line_that_was_cut_off_spoils_none_that_follow(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_text('{"whole": 1}\n{"cut of')
    FileForwarder(path).send(['{"next": 1}'])
    assert path.read_text().splitlines() == ['{"whole": 1}', '{"cut of', '{"next": 1}']


def test_anchors_are_of_their_site(tmp_path: Path) -> None:
    anchors = AnchorFile(tmp_path / "anchors.jsonl")
    anchors.note(site="a", position=1, hash="x")
    anchors.note(site="b", position=2, hash="y")
    with anchors.path.open("a") as file:
        file.write('{"site": "a", "posi')
    anchors.note(site="a", position=3, hash="z")
    assert [anchor["position"] for anchor in anchors.of("a")] == [1, 3]
