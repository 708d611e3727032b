"""Envoy's admin interface over its unix socket."""

import http.client
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from endpoints.gateway.envoy.authentication import TOKEN_FILTER
from endpoints.gateway.envoy.limits import RATE_FILTER
from endpoints.gateway.envoy.listener import STAT_PREFIX
from endpoints.gateway.envoy.routes import ROUTE_CONFIGURATION

ROUTES = f"http.{STAT_PREFIX}.rds.{ROUTE_CONFIGURATION}"
CLUSTERS = "cluster_manager.cds"
TOKENS = f"extension_config_discovery.http_filter.{TOKEN_FILTER}"
LIMITS = f"extension_config_discovery.http_filter.{RATE_FILTER}"
WARMING = "cluster_manager.warming_clusters"
STATE = "server.state"
LIVE = 0  # the value of STATE once everything was read
LISTENERS = "listener_manager.lds.update_success"  # 0 when one of the ports could not be had
# Regular expressions over names; the second adds what there is one of for each cluster.
OVERALL = (
    r"server\.state",
    r"listener_manager\.lds\.update_success",
    r"cluster_manager\.(warming_clusters|cds\..*)",
    r"http\.gateway\.rds\..*",
    r"extension_config_discovery\..*",
)
GENERAL = f"^({'|'.join(OVERALL)})$"
PER_CLUSTER = f"^({'|'.join((*OVERALL, r'cluster[.].*[.]membership_healthy'))})$"


class AdminUnreachable(Exception):
    """Envoy is down, or not yet listening."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """Named values: counters and gauges as int, versions as text."""

    values: Mapping[str, int | str] = field(default_factory=dict)

    def number(self, name: str) -> int:
        return int(self.values.get(name, 0))

    def text(self, name: str) -> str:
        return str(self.values.get(name, ""))


@dataclass(frozen=True, slots=True)
class Admin:
    socket_path: Path
    timeout: float = 10  # seconds

    def statistics(self, pattern: str) -> Statistics:
        """Those whose name matches the regular expression. Raises AdminUnreachable."""
        body = self.get(f"/stats?format=json&histogram_buckets=none&filter={quote(pattern, safe='')}")
        entries = json.loads(body)["stats"]
        return Statistics({entry["name"]: entry["value"] for entry in entries if "name" in entry})

    def get(self, path: str) -> bytes:
        return self._ask("GET", path)

    def reopen_logs(self) -> None:
        """So that a log which was renamed goes on under its name. Raises AdminUnreachable."""
        self._ask("POST", "/reopen_logs")

    def _ask(self, method: str, path: str) -> bytes:
        connection = UnixConnection(self.socket_path, self.timeout)
        try:
            connection.request(method, path)
            return connection.getresponse().read()
        except (OSError, http.client.HTTPException) as error:
            raise AdminUnreachable(str(error)) from error
        finally:
            connection.close()


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
