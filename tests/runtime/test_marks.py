"""What a script prints while it works on a request carries the request's id."""

from pathlib import Path

from tests.runtime.serving import serving, wait_for

SCRIPT = """
import logging, sys

logger = logging.getLogger("score")
logging.basicConfig(level=logging.INFO)

def init():
    print("init was called")

def run(raw):
    print("half a", "line", sep=" ")
    sys.stdout.write("in ")
    sys.stdout.write("pieces\\n")
    logger.warning("looks odd")
    print("two\\nlines", file=sys.stderr)
    return 1
"""


def test_the_id_of_a_response_leads_to_its_lines(tmp_path: Path) -> None:
    with serving(tmp_path, script=SCRIPT) as served:
        served.wait_until_ready()
        assert served.post("{}", headers={"x-request-id": "abc-1"}).status_code == 200
        wait_for(lambda: "lines" in served.log, "the script has printed")
        served.post("{}", headers={"x-request-id": "abc-2"})
        wait_for(lambda: served.log.count("abc-2") == 5, "the second request's lines are there")
        lines = served.log.splitlines()
    assert "init was called" in lines
    assert [line for line in lines if "abc-1" in line] == [
        "[request abc-1] half a line",
        "[request abc-1] in pieces",
        "[request abc-1] WARNING:score:looks odd",
        "[request abc-1] two",
        "[request abc-1] lines",
    ]
