"""Each of a probe's five settings, by a clock that the test winds."""

from dataclasses import asdict, dataclass, field
from typing import Any

import pytest

from endpoints.compute.local import keeper
from endpoints.compute.local.keeper import EAGER_SECONDS, ProbeClock
from endpoints.domain.replicas import Probe


@dataclass
class Wound:
    """Looks every tenth of a second; `sick` says whether the server would fail the probe then."""

    clock: ProbeClock
    asked: list[float] = field(default_factory=list)
    timeouts: set[float] = field(default_factory=set)
    now: float = 100.0

    def run(self, seconds: float, *, sick: bool, eager: bool = False, monkeypatch: pytest.MonkeyPatch) -> None:
        def probe(address: str, path: str, timeout: float, given_up: Any) -> str:
            self.asked.append(self.now)
            self.timeouts.add(timeout)
            return "answered 503" if sick else ""

        monkeypatch.setattr(keeper, "probe", probe)
        for _ in range(round(seconds * 10)):
            self.clock.look("socket", self.now, eager=eager, given_up=lambda: False)
            self.now = round(self.now + 0.1, 1)


@pytest.fixture
def wound() -> Wound:
    settings = Probe(path="/", initial_delay=3, period=2, timeout=1.5, success_threshold=3, failure_threshold=4)
    clock = ProbeClock(asdict(settings))
    clock.reset(100.0)
    return Wound(clock)


def test_it_asks_once_a_period_with_its_timeout(wound: Wound, monkeypatch: pytest.MonkeyPatch) -> None:
    wound.run(8, sick=False, monkeypatch=monkeypatch)
    assert wound.asked == [100.0, 102.0, 104.0, 106.0]
    assert wound.timeouts == {1.5}


def test_while_eager_it_asks_often_until_the_first_success(wound: Wound, monkeypatch: pytest.MonkeyPatch) -> None:
    assert EAGER_SECONDS < 0.1
    wound.run(1, sick=True, eager=True, monkeypatch=monkeypatch)
    assert len(wound.asked) == 10
    wound.run(4, sick=False, eager=True, monkeypatch=monkeypatch)
    assert wound.asked[10:] == [101.0, 103.0]


def test_failures_within_the_initial_delay_do_not_count(wound: Wound, monkeypatch: pytest.MonkeyPatch) -> None:
    wound.run(3, sick=True, eager=True, monkeypatch=monkeypatch)
    assert wound.clock.failures == 0
    wound.run(0.1, sick=True, eager=True, monkeypatch=monkeypatch)
    assert wound.clock.failures == 1


def test_so_many_failures_in_a_row_and_not_one_less(wound: Wound, monkeypatch: pytest.MonkeyPatch) -> None:
    wound.run(3, sick=True, eager=True, monkeypatch=monkeypatch)
    wound.run(6, sick=True, eager=True, monkeypatch=monkeypatch)
    assert (wound.clock.failures, wound.clock.failed) == (3, False)
    wound.run(0.1, sick=True, eager=True, monkeypatch=monkeypatch)
    assert (wound.clock.failures, wound.clock.failed) == (4, True)


def test_a_success_in_between_starts_the_count_anew(wound: Wound, monkeypatch: pytest.MonkeyPatch) -> None:
    wound.run(2, sick=False, monkeypatch=monkeypatch)
    wound.run(6, sick=True, monkeypatch=monkeypatch)
    assert wound.clock.failures == 3
    wound.run(2, sick=False, monkeypatch=monkeypatch)
    wound.run(6, sick=True, monkeypatch=monkeypatch)
    assert (wound.clock.failures, wound.clock.failed) == (3, False)


def test_so_many_successes_in_a_row_a_period_apart(wound: Wound, monkeypatch: pytest.MonkeyPatch) -> None:
    wound.run(4, sick=False, eager=True, monkeypatch=monkeypatch)
    assert (wound.clock.successes, wound.clock.passed) == (2, False)
    wound.run(0.1, sick=False, eager=True, monkeypatch=monkeypatch)
    assert (wound.clock.successes, wound.clock.passed) == (3, True)


def test_a_success_ends_the_initial_delay(wound: Wound, monkeypatch: pytest.MonkeyPatch) -> None:
    wound.run(0.1, sick=False, monkeypatch=monkeypatch)
    wound.run(2, sick=True, monkeypatch=monkeypatch)
    assert wound.clock.failures == 1
