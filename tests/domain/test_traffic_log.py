"""What is kept, and what a line tells."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endpoints.domain.traffic_log import LONGEST, Entry, NoEntry, TrafficLogging, entry_of
from endpoints.enums import TrafficLogMode

ENDPOINT = UUID("0190aaaa-0000-7000-8000-000000000001")
TOLD: dict[str, Any] = {
    "endpoint_id": ENDPOINT.hex,
    "time": "2026-05-04T10:00:00.250Z",
    "status": 424,
    "model_status": "500",
    "total_ms": 12,
    "deployment": "blue",
    "key": "Primary",
    "x_request_id": "5f0c",
    "request_throttling_delay_ms": "7",
    "model_ms": "3.250",
}


def line(**changes: Any) -> bytes:
    told = {name: value for name, value in (TOLD | changes).items() if value is not None}
    return json.dumps(told).encode()


def test_a_line() -> None:
    assert entry_of(line()) == Entry(
        endpoint=ENDPOINT,
        at=datetime(2026, 5, 4, 10, 0, 0, 250_000, tzinfo=UTC),
        status=424,
        model_status=500,
        total_ms=12,
        deployment="blue",
        caller="Primary",
        x_request_id="5f0c",
        request_throttling_delay_ms=7,
        model_ms=3.25,
    )


def test_who_called() -> None:
    assert entry_of(line(key=None, subject="alice", object_id="1")).caller == "alice"
    assert entry_of(line(key=None, object_id="1")).caller == "1"
    assert entry_of(line(key=None)).caller == ""


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"{",
        b"[1]",
        b"\x00\xff",
        line()[:-5],
        line(endpoint_id=None),
        line(endpoint_id="no-id"),
        line(endpoint_id=7),
        line(time=None),
        line(time="yesterday"),
        line(time="2026-05-04T10:00:00"),
    ],
)
def test_what_is_no_line(broken: bytes) -> None:
    with pytest.raises(NoEntry):
        entry_of(broken)


def test_a_line_behind_one_that_was_torn_off() -> None:
    assert entry_of(line()[:40] + line(status=200)).status == 200


def test_what_does_harm_is_replaced_or_left_out() -> None:
    found = entry_of(
        line(
            user_agent="a\x00b\x1b[31m\nnext " + "x" * 100,
            path="/p" * 5000,
            deployment="d" * 300,
            model_status="no number",
            model_ms="nan",
            total_ms=10**30,
            status=True,
            auth_mode="forged",
        )
    )
    assert found.user_agent.startswith("a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}[31m next x")
    assert all(len(getattr(found, name)) <= longest for name, longest in LONGEST.items())
    assert (found.model_status, found.model_ms, found.total_ms) == (None, None, None)
    assert (found.status, found.auth_mode) == (0, "")


@given(st.binary(max_size=300))
def test_no_bytes_do_anything_else(block: bytes) -> None:
    for text in (block, line() + block, line(user_agent=block.decode("latin-1"))):
        try:
            assert entry_of(text).at.tzinfo is not None
        except NoEntry:
            continue


@pytest.mark.parametrize(
    ("mode", "percent", "below"),
    [
        (TrafficLogMode.OFF, 10, None),
        (TrafficLogMode.ERRORS, 10, ""),
        (TrafficLogMode.SAMPLED, 1, "028f5c29"),
        (TrafficLogMode.SAMPLED, 50, "80000000"),
        (TrafficLogMode.SAMPLED, 100, "g"),
        (TrafficLogMode.FULL, 1, "g"),
    ],
)
def test_below_which_ids_requests_are_kept(mode: TrafficLogMode, percent: int, below: str | None) -> None:
    assert TrafficLogging(mode=mode, percent=percent).below == below


@given(st.integers(1, 99))
def test_the_share_of_a_sample(percent: int) -> None:
    below = TrafficLogging(mode=TrafficLogMode.SAMPLED, percent=percent).below or ""
    assert abs(int(below, 16) / 2**32 - percent / 100) < 1e-9
    assert not str(uuid4()) < ""
    assert str(uuid4()) < "g"
