"""Envoy's own statistics, read over its admin socket."""

import http.client
import re
import socket
import struct
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import psutil

from endpoints.domain.counters import ClusterCounters, GatewaySnapshot
from endpoints.telemetry.port import TelemetryUnreachable

COUNTERS = {
    "upstream_rq_2xx": "2xx",
    "upstream_rq_3xx": "3xx",
    "upstream_rq_4xx": "4xx",
    "upstream_rq_5xx": "5xx",
    "upstream_rq_424": "model_errors",
    "upstream_rq_timeout": "timeouts",
    "upstream_rq_pending_overflow": "overflows",
    "upstream_rq_retry": "retries",
    "upstream_cx_connect_fail": "connect_failures",
    "upstream_cx_rx_bytes_total": "bytes_out",  # from the replica to the caller
    "upstream_cx_tx_bytes_total": "bytes_in",
}
GAUGES = {"upstream_rq_active": "active", "membership_healthy": "healthy"}
LATENCY = "upstream_rq_time"
NAMES = "|".join((*COUNTERS, *GAUGES, LATENCY))
# `usedonly` leaves out what is still zero; buckets as text are a tenth of what they are as JSON.
PATH = "/stats?usedonly&histogram_buckets=cumulative&filter=" + quote(f"^cluster[.]d-[^.]+[.]({NAMES})$", safe="")
BUCKET = re.compile(r"B([0-9.]+)\([0-9]+,([0-9]+)\)")
PREFIX = "cluster."


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
            process = psutil.Process(connection.peer)
            started = process.create_time()
        except (OSError, http.client.HTTPException, psutil.Error) as error:
            raise TelemetryUnreachable(f"The gateway's admin interface does not answer: {error}") from error
        finally:
            connection.close()
        return GatewaySnapshot(
            identity=f"{connection.peer}@{started}",
            started_at=datetime.fromtimestamp(started, UTC),
            at=datetime.now(UTC),
            clusters=parse(text),
        )


def parse(text: str) -> dict[str, ClusterCounters]:
    """Lines such as `cluster.d-1f.upstream_rq_2xx: 5`, by cluster."""
    counts: dict[str, dict[str, int]] = {}
    gauges: dict[str, dict[str, int]] = {}
    latency: dict[str, dict[int, int]] = {}
    for line in text.splitlines():
        name, _, value = line.partition(": ")
        cluster, _, counter = name.removeprefix(PREFIX).partition(".")
        if counter in COUNTERS:
            counts.setdefault(cluster, {})[COUNTERS[counter]] = int(value)
        elif counter in GAUGES:
            gauges.setdefault(cluster, {})[GAUGES[counter]] = int(value)
        elif counter == LATENCY:
            latency[cluster] = parse_latency(value)
    return {
        cluster: ClusterCounters(
            counts=counts.get(cluster, {}), latency=latency.get(cluster, {}), **gauges.get(cluster, {})
        )
        for cluster in counts.keys() | gauges.keys() | latency.keys()
    }


def parse_latency(value: str) -> dict[int, int]:
    """`B0.5(0,3) B1(0,3) B2(0,7)`: interval and total up to each bound.

    Envoy counts whole milliseconds, rounded down: its 0, which lies under 0.5, is all that took less than 1.
    """
    found: dict[int, int] = {}
    below = 0
    for bound, total in BUCKET.findall(value):
        count = int(total) - below
        if count > 0:
            upper = max(1, int(float(bound)))
            found[upper] = found.get(upper, 0) + count
            below += count
    return found


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
