"""What Envoy's text says, read and put in the product's words."""

import re
import tempfile
from pathlib import Path
from urllib.parse import unquote

import pytest

from endpoints.domain.buckets import LATENCY_BOUNDS_MS, lower_bound
from endpoints.domain.counters import ClusterCounters
from endpoints.telemetry.envoy import PATH, EnvoyStatistics, parse, parse_latency
from endpoints.telemetry.port import TelemetryUnreachable

TEXT = """\
cluster.d-0a.membership_healthy: 2
cluster.d-0a.upstream_cx_connect_fail: 1
cluster.d-0a.upstream_cx_rx_bytes_total: 280
cluster.d-0a.upstream_cx_tx_bytes_total: 1401
cluster.d-0a.upstream_rq_2xx: 7
cluster.d-0a.upstream_rq_424: 4
cluster.d-0a.upstream_rq_4xx: 5
cluster.d-0a.upstream_rq_5xx: 9
cluster.d-0a.upstream_rq_active: 3
cluster.d-0a.upstream_rq_active_overflow: 6
cluster.d-0a.upstream_rq_pending_overflow: 1
cluster.d-0a.upstream_rq_retry: 8
cluster.d-0a.upstream_rq_timeout: 2
cluster.d-0b.membership_healthy: 0
cluster.d-0a.upstream_rq_time:
  totals=0,0:1, 2,0.1:1, 20,1:1, 99,1:2, 110,10:4
  intervals=2,0.1:1
  summary=P0(nan,0) P25(nan,2.05) P50(nan,50.5) P100(nan,115.00000000000001)
"""


def test_every_number_has_its_place() -> None:
    assert parse(TEXT) == {
        "d-0a": ClusterCounters(
            counts={
                "2xx": 7,
                "4xx": 5,
                "5xx": 9,
                "model_errors": 4,
                "timeouts": 2,
                "overflows": 7,
                "retries": 8,
                "connect_failures": 1,
                "bytes_out": 280,
                "bytes_in": 1401,
            },
            latency={1: 1, 3: 1, 23: 1, 108: 2, 124: 4},
            active=3,
            healthy=2,
        ),
        "d-0b": ClusterCounters(),
    }


def test_nothing_counted_is_nothing_told() -> None:
    assert parse("") == {}
    assert parse("server.state: 0\n\nOK\n") == {}


@pytest.mark.parametrize("milliseconds", [0, 1, 2, 13, 14, 15, 93, 99])
def test_what_took_a_whole_number_of_milliseconds_took_less_than_one_more(milliseconds: int) -> None:
    """So that a model that takes 1.9 ms, which is counted as 1, is not told to take less than 1."""
    (bound,) = parse_latency(f"  totals={milliseconds},0.1:1")
    assert lower_bound(bound) <= milliseconds
    assert bound >= milliseconds + 1


def test_the_last_bucket_holds_what_is_slower_than_any_limit() -> None:
    assert parse_latency("  totals=990000,10000:3") == {LATENCY_BOUNDS_MS[-1]: 3}


def test_bins_that_are_not_quite_whole_are() -> None:
    assert parse_latency("  totals=569.9999999999999,10:3, 110.00000000000001,10:1") == {653: 3, 124: 1}


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("cluster.d-0a.upstream_rq_time", True),
        ("cluster.d-0a.upstream_rq_active_overflow", True),
        ("cluster.d-0a.upstream_rq_500", False),
        ("cluster.d-0a.zone.x.upstream_rq_2xx", False),
        ("cluster.m-0a.upstream_rq_2xx", True),
        ("cluster.activator.upstream_rq_2xx", False),
        ("http.gateway.downstream_rq_2xx", False),
    ],
)
def test_only_what_is_read_is_asked_for(name: str, wanted: bool) -> None:
    pattern = unquote(PATH.partition("filter=")[2])
    assert bool(re.match(pattern, name)) is wanted


def test_no_gateway_at_all_is_told_as_such() -> None:
    with tempfile.TemporaryDirectory(prefix="es-") as folder, pytest.raises(TelemetryUnreachable):
        EnvoyStatistics(Path(folder) / "admin.sock").scrape()
