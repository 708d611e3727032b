"""Whatever resets, repeats or comes late: what was counted after a scrape is added once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from endpoints.domain.counters import (
    Before,
    ClusterCounters,
    GatewaySnapshot,
    KnownProcess,
    ProcessReading,
    cpu_growth,
    energy_growth,
    growth,
    increases,
    known_process,
    tokens_growth,
    whole_increase,
)

START = datetime(2026, 1, 1, tzinfo=UTC)


def snapshot(seconds: float, requests: int, *, identity: str = "one", started: float = -100) -> GatewaySnapshot:
    return GatewaySnapshot(
        identity=identity,
        started_at=START + timedelta(seconds=started),
        at=START + timedelta(seconds=seconds),
        clusters={"d-1": ClusterCounters(counts={"2xx": requests}, latency={5: requests})},
    )


def after(scrape: GatewaySnapshot) -> Before:
    return Before(
        identity=scrape.identity,
        at=scrape.at,
        age_ms=scrape.age_ms,
        counts={name: item.counts for name, item in scrape.clusters.items()},
        latency={name: item.latency for name, item in scrape.clusters.items()},
    )


def test_what_came_in_between() -> None:
    found = growth(after(snapshot(0, 10)), snapshot(10, 17))
    assert found is not None
    assert (found.covered_ms, found.counts["d-1"], found.latency["d-1"]) == (10_000, {"2xx": 7}, {5: 7})


def test_the_same_scrape_again_and_an_older_one_add_nothing() -> None:
    before = after(snapshot(10, 17))
    assert growth(before, snapshot(10, 17)) is None
    assert growth(before, snapshot(5, 12)) is None


def test_a_clock_that_is_set_changes_no_count_and_no_rate() -> None:
    """The time at which the process seems to have started moves with it."""
    for moved in (-3600, -10, 3600):
        found = growth(after(snapshot(0, 10)), snapshot(10 + moved, 17, started=-100 + moved))
        assert found is not None
        assert (found.covered_ms, found.counts["d-1"]) == (10_000, {"2xx": 7})


def test_a_scrape_without_an_age_is_one_of_an_earlier_version() -> None:
    before = replace(after(snapshot(0, 10)), age_ms=None)
    found = growth(before, snapshot(10, 17))
    assert found is not None
    assert (found.covered_ms, found.counts["d-1"]) == (10_000, {"2xx": 7})
    for seconds, requests in ((0, 10), (-5, 7)):
        assert growth(before, snapshot(seconds, requests)) is None


def test_a_new_process_counted_from_zero_since_its_start() -> None:
    found = growth(after(snapshot(0, 1000)), snapshot(10, 3, identity="two", started=6))
    assert found is not None
    assert (found.covered_ms, found.counts["d-1"]) == (4000, {"2xx": 3})


def test_more_than_before_in_a_new_process_is_still_all_new() -> None:
    found = growth(after(snapshot(0, 10)), snapshot(10, 30, identity="two", started=6))
    assert found is not None
    assert found.counts["d-1"] == {"2xx": 30}


def test_the_first_scrape_of_all_counts_since_the_start_of_the_process() -> None:
    found = growth(None, snapshot(0, 8, started=-20))
    assert found is not None
    assert (found.covered_ms, found.counts["d-1"]) == (20_000, {"2xx": 8})


def test_a_missed_scrape_is_made_up_for_by_the_next() -> None:
    found = growth(after(snapshot(0, 10)), snapshot(300, 310))
    assert found is not None
    assert (found.covered_ms, found.counts["d-1"]["2xx"]) == (300_000, 300)


def test_a_histogram_begins_anew_as_a_whole() -> None:
    assert whole_increase({5: 10, 7: 3}, {5: 12, 7: 3}) == {5: 2}
    assert whole_increase({5: 10, 7: 3}, {5: 12, 7: 1}) == {5: 12, 7: 1}
    assert whole_increase({5: 10}, {}) == {}


@given(st.lists(st.tuples(st.integers(0, 100), st.booleans()), max_size=30))
def test_nothing_is_lost_or_doubled(steps: list[tuple[int, bool]]) -> None:
    """Requests come, a process dies right after a scrape or goes on; some scrapes are seen twice."""
    counter, seconds, number, known, counted = 0, 0, 0, None, 0
    for requests, dies in steps:
        counter, seconds = counter + requests, seconds + 10
        scrape = snapshot(seconds, counter, identity=str(number))
        for _ in range(2):
            found = growth(known, scrape)
            if found is not None:
                counted += found.counts["d-1"].get("2xx", 0)
                known = after(scrape)
        if dies:
            counter, number = 0, number + 1
    assert counted == sum(requests for requests, _ in steps)


@given(
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 9)),
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 9)),
)
def test_an_increase_is_never_negative_nor_more_than_there_is(before: dict[str, int], now: dict[str, int]) -> None:
    for name, value in increases(before, now).items():
        assert 0 < value <= now[name]


def reading(cpu_ms: int, identity: str = "7@1") -> ProcessReading:
    return ProcessReading(identity=identity, started_at=START, cpu_ms=cpu_ms, memory_bytes=1)


KNOWN = KnownProcess(identity="7@1", at=START + timedelta(seconds=10), cpu_ms=1000)


def test_cpu_of_a_process_tree() -> None:
    at = START + timedelta(seconds=20)
    assert cpu_growth(KNOWN, reading(4000), at) == (3000, 10_000)
    assert cpu_growth(KNOWN, reading(400), at) == (0, 10_000)  # a child was killed
    assert cpu_growth(KNOWN, reading(400, "8@2"), at) == (400, 20_000)
    assert cpu_growth(None, reading(400), at) == (400, 20_000)


def test_what_a_gpu_used_is_shared_by_those_that_work_on_it() -> None:
    known = replace(KNOWN, energy_mj={"a": 1_000, "b": 5_000, "gone": 1})
    now = replace(reading(1), energy_mj={"a": 4_001, "b": 2_000, "new": 9_000})
    assert energy_growth(known, now, {"a": 2, "b": 1, "new": 1}) == 1_500  # b's driver was loaded anew
    assert energy_growth(None, now, {"a": 1, "b": 1, "new": 1}) == 0
    assert energy_growth(replace(known, identity="8@2"), now, {"a": 1, "b": 1, "new": 1}) == 0


def told(identity: str, tokens: int | None) -> ProcessReading:
    return replace(reading(1, identity), tokens={} if tokens is None else {"tokens_out": tokens})


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(1, 50)), max_size=20))
def test_every_token_is_counted_once_whoever_starts_anew_or_does_not_tell(
    passes: list[tuple[bool, bool, int]],
) -> None:
    """What a process counted after it told last is lost with it, and nothing else."""
    before, process, count, heard = None, 0, 0, 0
    found = lost = written = 0
    for anew, tells, more in passes:
        if anew:
            lost += count - heard
            process, count, heard = process + 1, 0, 0
        count, written = count + more, written + more
        now = told(f"{process}@1", count if tells else None)
        found += tokens_growth(before, now).get("tokens_out", 0)
        heard = count if tells else heard
        before = before.seen(now, START) if before else known_process(now, START)
    assert found + lost + (count - heard) == written


def test_a_server_that_starts_anew_within_its_process_counts_from_zero() -> None:
    before = known_process(told("7@1", 90), START)
    assert tokens_growth(before, told("7@1", 40)) == {"tokens_out": 40}
