"""Envoy's own statistics, read over its admin socket."""

import http.client
import re
import socket
import struct
from collections import defaultdict
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

import psutil

from endpoints.domain.buckets import bucket_of
from endpoints.domain.counters import ClusterCounters, GatewaySnapshot
from endpoints.telemetry.port import TelemetryUnreachable
from endpoints.telemetry.processes import identity_of, started_at

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
BIN = re.compile(r"([0-9.]+),[0-9.]+:([0-9]+)")


class EnvoyStatistics:
    def __init__(self, admin_socket: Path, *, timeout: float = 10) -> None:
        """`timeout` in seconds."""
        self._socket = admin_socket
        self._timeout = timeout

    def scrape(self) -> GatewaySnapshot:
        connection = _Connection(self._socket, self._timeout)
        try:
            connection.request("GET", PATH)
            answer = connection.getresponse()
            text = answer.read().decode()
            if answer.status != http.client.OK:
                raise TelemetryUnreachable(f"The gateway's admin interface answered {answer.status}.")
            identity, started = identity_of(connection.peer), started_at(connection.peer)
        except (OSError, http.client.HTTPException, psutil.Error) as error:
            raise TelemetryUnreachable(f"The gateway's admin interface does not answer: {error}") from error
        finally:
            connection.close()
        return GatewaySnapshot(
            identity=identity,
            started_at=started,
            at=datetime.now(UTC),
            clusters=parse(text),
        )


def parse(text: str) -> dict[str, ClusterCounters]:
    """Lines such as `cluster.d-1f.upstream_rq_2xx: 5`, by cluster; a histogram's bins are in a line after its name."""
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    gauges: dict[str, dict[str, int]] = defaultdict(dict)
    latency: dict[str, dict[int, int]] = {}
    cluster = ""
    for line in text.splitlines():
        if line.startswith(PREFIX):
            name, _, value = line.partition(":")
            cluster, _, counter = name.removeprefix(PREFIX).partition(".")
            if counter in COUNTERS:
                counts[cluster][COUNTERS[counter]] += int(value)
            elif counter in GAUGES:
                gauges[cluster][GAUGES[counter]] = int(value)
        elif line.startswith(TOTALS):
            latency[cluster] = parse_latency(line)
    return {
        cluster: ClusterCounters(
            counts=dict(counts.get(cluster, {})), latency=latency.get(cluster, {}), **gauges.get(cluster, {})
        )
        for cluster in counts.keys() | gauges.keys() | latency.keys()
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


class _Connection(http.client.HTTPConnection):
    """HTTP over a unix socket; `peer` is the process that listens at it."""

    peer: int

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
        credentials = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        self.peer = struct.unpack("3i", credentials)[0]
