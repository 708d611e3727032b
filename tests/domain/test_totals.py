"""Counters that never go back."""

from hypothesis import given
from hypothesis import strategies as st

from endpoints.domain.buckets import LATENCY_BOUNDS_MS, bucket_of
from endpoints.domain.rollups import Gauge, SampleValues
from endpoints.domain.totals import EXPORTED_MS, Totals, from_json, to_json

values = st.builds(
    SampleValues,
    counts=st.dictionaries(st.sampled_from(["2xx", "4xx", "5xx", "bytes_in"]), st.integers(0, 10**6)),
    latency=st.dictionaries(st.sampled_from(LATENCY_BOUNDS_MS), st.integers(1, 1000)),
    cpu_ms=st.integers(0, 10**6),
    active=st.none() | st.builds(Gauge.of, st.integers(0, 100)),
    ready=st.none() | st.builds(Gauge.of, st.integers(0, 5)),
)


@given(st.lists(st.none() | values, max_size=10))
def test_no_counter_goes_back(passes: list[SampleValues | None]) -> None:
    totals = Totals()
    for measured in passes:
        after = from_json(to_json(totals.grown(measured)))
        assert all(after.counts[name] >= count for name, count in totals.counts.items())
        assert after.seconds >= totals.seconds
        assert after.cpu_ms >= totals.cpu_ms
        assert [count for _, count in after.cumulative()] == sorted(count for _, count in after.cumulative())
        totals = after
    known = [measured for measured in passes if measured]
    assert totals.counts.get("2xx", 0) == sum(measured.counts.get("2xx", 0) for measured in known)
    assert totals.cumulative()[-1][1] == sum(sum(measured.latency.values()) for measured in known)


def test_gauges_are_those_of_the_last_pass() -> None:
    totals = Totals().grown(SampleValues(ready=Gauge(count=1, total=2, low=2, high=2), active=Gauge.of(7)))
    assert totals.gauges == {"ready": 2, "active": 7}
    assert totals.grown(SampleValues(ready=Gauge.of(1))).gauges == {"ready": 1, "active": 7}
    assert totals.grown(None).gauges == {"ready": 0, "active": 0}


def test_shares_are_means_and_end_with_what_has_them() -> None:
    totals = Totals().grown(SampleValues(disk=Gauge(count=2, total=5000, low=1000, high=4000), gpu=Gauge.of(7000)))
    assert totals.gauges == {"disk": 2500, "gpu": 7000}
    assert totals.grown(None).gauges == {}


def test_bounds_are_exact() -> None:
    assert set(EXPORTED_MS) <= set(LATENCY_BOUNDS_MS)
    assert len(EXPORTED_MS) == 13
    totals = Totals().grown(SampleValues(latency={bucket_of(3): 4, bucket_of(250): 2, 10**9: 1}))
    found = dict(totals.cumulative())
    assert found[EXPORTED_MS[0] / 1000] == 4
    assert found[60_000 if 60_000 in found else EXPORTED_MS[-1] / 1000] == 6
    assert found[float("inf")] == 7
