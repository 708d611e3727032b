"""The neutral route table: what the gateway must do, whatever the gateway is."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentRoute:
    """One deployment behind an endpoint."""

    name: str
    cluster: str  # "d-<hex of the deployment's id>": Envoy's statistics are kept under it
    sockets: tuple[str, ...]  # unix sockets of the replicas that may get requests, sorted
    weight: int  # 0..100; the weights of an endpoint sum to 0 or 100
    scoring_path: str = "/score"
    readiness_path: str = "/ready"
    request_timeout_ms: int = 5000
    max_concurrent_requests_per_instance: int = 1
    max_request_bytes: int = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointRoute:
    name: str
    keys: tuple[str, ...] = field(repr=False)  # every key that is valid now
    deployments: tuple[DeploymentRoute, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteTable:
    endpoints: tuple[EndpointRoute, ...]

    @property
    def version(self) -> str:
        """A digest of the whole content: equal tables have equal versions."""
        canonical = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def route_table(endpoints: Iterable[EndpointRoute]) -> RouteTable:
    """In one order, so that the same state always gives the same table."""
    return RouteTable(endpoints=tuple(sorted(endpoints, key=lambda endpoint: endpoint.name)))
