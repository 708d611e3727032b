"""The bootstrap: what Envoy reads once, at its start."""

from pathlib import Path

from endpoints.gateway.envoy.documents import Json, extension
from endpoints.gateway.envoy.holding import ACTIVATOR_SOCKET, activator_cluster
from endpoints.gateway.envoy.tracing import Tracing, telemetry_cluster

MAX_CONNECTIONS = 20_000


def bootstrap(
    *,
    listeners: Path,
    clusters: Path,
    admin_socket: Path,
    max_connections: int = MAX_CONNECTIONS,
    tracing: Tracing | None = None,
) -> Json:
    """The first two files are those of the listener and cluster discovery."""
    static = [activator_cluster(admin_socket.with_name(ACTIVATOR_SOCKET))]
    return {
        "node": {"id": "gateway", "cluster": "endpoint-studio"},
        "admin": {"address": {"pipe": {"path": str(admin_socket), "mode": 0o600}}},
        "static_resources": {"clusters": [*static, *([telemetry_cluster(tracing)] if tracing else [])]},
        "dynamic_resources": {"lds_config": watched(listeners), "cds_config": watched(clusters)},
        "stats_config": {
            "histogram_bucket_settings": [LATENCY_BUCKETS],
            "stats_matcher": {"exclusion_list": {"patterns": [whole(UNREAD_STATISTICS)]}},
        },
        "overload_manager": overload_manager(max_connections),
    }


def watched(path: Path) -> Json:
    return {"path_config_source": {"path": str(path)}, "resource_api_version": "V3"}


def whole(pattern: str) -> Json:
    return {"safe_regex": {"regex": pattern}}


# A cluster has 160 statistics of which a third is of use here; the rest would be most of what a scrape of a
# thousand deployments reads.
UNREAD_STATISTICS = (
    r"cluster\.[^.]+\.("
    + "|".join(
        (
            r"(assignment|init|lb|original|retry_or|update|version|warming)_?.*",
            r"(bind_errors|max_host_weight)",
            r"(default|external|http1|circuit_breakers\.high)\..*",
            r"outlier_detection\.ejections_(consecutive|detected|enforced|overflow|success).*",
            r"upstream_(flow|http3|internal|queue)_.*",
            r"upstream_cx_(close|connect_attempts|connect_ms|connect_with|destroy|http|idle|length|max|pool|pre).*",
            r"upstream_rq_(0rtt|maintenance|max|pending_failure|per|retry_backoff).*",
        )
    )
    + ")"
)


def latency_bounds() -> list[float]:
    """Upper bounds in milliseconds, each at most 15 % over the one before, from 0.5 ms to over 300 s."""
    bounds = [0.5]
    while bounds[-1] < 300_000:
        bounds.append(float(max(int(bounds[-1]) + 1, int(bounds[-1] * 1.15))))
    return bounds


LATENCY_BUCKETS: Json = {"match": {"suffix": "upstream_rq_time"}, "buckets": latency_bounds()}


def overload_manager(max_connections: int) -> Json:
    """Connections at all ports together; one more is closed as it comes."""
    monitor = extension(
        "envoy.resource_monitors.global_downstream_max_connections",
        "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
        max_active_downstream_connections=max_connections,
    )
    return {"resource_monitors": [monitor]}
