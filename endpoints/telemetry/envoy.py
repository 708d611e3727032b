"""Envoy's own statistics, read over its admin socket."""

import http.client
import re
from collections import defaultdict
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

from endpoints.domain.buckets import bucket_of
from endpoints.domain.counters import ClusterCounters, GatewaySnapshot
from endpoints.telemetry.connections import Connection, lines
from endpoints.telemetry.port import TelemetryUnreachable
from endpoints.telemetry.processes import age_of, identity_of

COUNTERS = {
    "upstream_rq_2xx": "2xx",
    "upstream_rq_3xx": "3xx",
    "upstream_rq_4xx": "4xx",
    "upstream_rq_5xx": "5xx",
    "upstream_rq_424": "model_errors",
    "upstream_rq_timeout": "timeouts",
    "upstream_rq_active_overflow": "overflows",  # over max_requests
    "upstream_rq_pending_overflow": "overflows",  # over max_pending_requests
    "upstream_rq_retry": "retries",
    "upstream_cx_connect_fail": "connect_failures",
    "upstream_cx_total": "connections",
    "upstream_cx_rx_bytes_total": "bytes_out",  # from the replica to the caller
    "upstream_cx_tx_bytes_total": "bytes_in",
}
GAUGES = {
    "upstream_rq_active": "active",
    "upstream_rq_pending_active": "waiting",
    "membership_healthy": "healthy",
    "upstream_cx_active": "open_connections",
}
LATENCY = "upstream_rq_time"
NAMES = "|".join((*COUNTERS, *GAUGES, LATENCY))
# `usedonly` leaves out what is still zero. `detailed` has Envoy's own bins, those that hold something: half the text of
# cumulative buckets, and free of the bounds that are configured.
PATH = "/stats?usedonly&histogram_buckets=detailed&filter=" + quote(f"^cluster[.][dm]-[^.]+[.]({NAMES})$", safe="")
PREFIX = "cluster."
TOTALS = "  totals="
CLUSTERS = 50_000  # two for each of five times as many deployments as one site is meant for
BIN = re.compile(r"([0-9.]+),[0-9.]+:([0-9]+)")


class EnvoyStatistics:
    def __init__(self, admin_socket: Path, *, timeout: float = 5, clusters: int = CLUSTERS) -> None:
        """`timeout` in seconds, of all of a scrape; `clusters` is how many are read at most."""
        self._socket = admin_socket
        self._timeout = timeout
        self._clusters = clusters

    def scrape(self) -> GatewaySnapshot:
        connection = Connection(str(self._socket), self._timeout)
        read = _Reading(self._clusters)
        try:
            connection.request("GET", PATH)
            answer = connection.getresponse()
            if answer.status != http.client.OK:
                raise TelemetryUnreachable(f"The gateway's admin interface answered {answer.status}.")
            for line in lines(answer):
                read.line(line)
            identity, age = identity_of(connection.peer), age_of(connection.peer)
        except (OSError, http.client.HTTPException, ValueError) as error:
            why = str(error) or type(error).__name__
            raise TelemetryUnreachable(f"The gateway's admin interface does not answer: {why}") from error
        finally:
            connection.close()
        now = datetime.now(UTC)
        return GatewaySnapshot(
            identity=identity, started_at=now - age, at=now, clusters=read.found(), left_out=len(read.left_out)
        )


def parse(text: str) -> dict[str, ClusterCounters]:
    read = _Reading(CLUSTERS)
    for line in text.splitlines():
        read.line(line)
    return read.found()


class _Reading:
    """Lines such as `cluster.d-1f.upstream_rq_2xx: 5`, by cluster; a histogram's bins are in a line after its name.

    Whatever the gateway tells, no more than so many clusters are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._counts: dict[str, dict[str, int]] = {}
        self._gauges: dict[str, dict[str, int]] = {}
        self._latency: dict[str, dict[int, int]] = {}
        self._cluster = ""
        self.left_out: set[str] = set()

    def line(self, line: str) -> None:
        if line.startswith(PREFIX):
            name, _, value = line.partition(":")
            self._cluster, _, counter = name.removeprefix(PREFIX).partition(".")
            if self._is_kept(self._cluster):
                self._number(counter, value)
        elif line.startswith(TOTALS) and self._cluster in self._counts:
            self._latency[self._cluster] = parse_latency(line)

    def _is_kept(self, cluster: str) -> bool:
        if cluster in self._counts:
            return True
        if len(self._counts) < self._most:
            self._counts[cluster], self._gauges[cluster] = {}, {}
            return True
        if len(self.left_out) < self._most:
            self.left_out.add(cluster)
        return False

    def _number(self, counter: str, value: str) -> None:
        if counter in COUNTERS:
            counts, name = self._counts[self._cluster], COUNTERS[counter]
            counts[name] = counts.get(name, 0) + int(value)
        elif counter in GAUGES:
            self._gauges[self._cluster][GAUGES[counter]] = int(value)

    def found(self) -> dict[str, ClusterCounters]:
        return {
            cluster: ClusterCounters(counts=counts, latency=self._latency.get(cluster, {}), **self._gauges[cluster])
            for cluster, counts in self._counts.items()
        }


def parse_latency(line: str) -> dict[int, int]:
    """`  totals=0,0:3, 2,0.1:4, 110,10:1`: the lower end of each bin, its width, and how many lie in it.

    Envoy counts whole milliseconds, rounded down: its 2 is all that took at least 2 and less than 3.
    """
    found: dict[int, int] = defaultdict(int)
    for lower, count in BIN.findall(line):
        found[_bucket(lower)] += int(count)
    return dict(found)


@lru_cache(maxsize=2048)
def _bucket(lower: str) -> int:
    """Some hundred bins, which all deployments have in common. Their ends are whole but for the last digits."""
    return bucket_of(round(float(lower)))
