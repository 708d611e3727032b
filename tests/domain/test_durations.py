"""ISO 8601 durations there and back."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endpoints.domain.durations import iso_duration, parse_duration, told


@given(st.integers(0, 10**7))
def test_there_and_back(seconds: int) -> None:
    length = timedelta(seconds=seconds)
    assert parse_duration(iso_duration(length)) == length


@pytest.mark.parametrize(
    ("text", "seconds"), [("PT5M", 300), ("PT1H30M", 5400), ("P1D", 86400), ("P1DT1S", 86401), ("PT0S", 0)]
)
def test_known_ones(text: str, seconds: int) -> None:
    assert parse_duration(text).total_seconds() == seconds
    assert iso_duration(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize("text", ["", "P", "PT", "5M", "PT5", "P1M", "PT1.5S", "PT-5M", "PT5M5M", "PT99999999999S"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (10, "10 s"),
        (60, "60 s"),
        (90, "90 s"),
        (300, "5 min"),
        (3600, "60 min"),
        (7200, "2 h"),
        (604800, "7 d"),
    ],
)
def test_in_words(seconds: int, words: str) -> None:
    assert told(timedelta(seconds=seconds)) == words
