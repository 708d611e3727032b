"""Clusters: one per deployment, so that Envoy's own statistics are the deployment's metrics.

The replicas stand in the cluster itself. A file of replicas for each cluster would spare Envoy building the
cluster anew when they change, but costs an inotify instance each, of which a user has 128. A cluster that is
built anew gets its first health check before it takes over, and the old one finishes what it has begun. Counters
by status code and the latency histogram may start again at zero then, as they do when Envoy restarts.
"""

from endpoints.domain.addresses import LOOPBACK, port_of
from endpoints.domain.limits import most_pending
from endpoints.domain.routing import DeploymentRoute
from endpoints.gateway.envoy.documents import Json, typed
from endpoints.gateway.envoy.holding import UNLIMITED, waking_thresholds

# Keep-alive ends before a model server's own does (five seconds in uvicorn), so that no request meets a
# connection that is just being closed.
HTTP1: Json = typed(
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
    common_http_protocol_options={"idle_timeout": "4s"},
    explicit_http_config={"http_protocol_options": {}},
)

# Only what happened on the way counts (refused, reset): a model that answers 500 is not a dead replica.
# At most half of the hosts are ejected, so a lone one never is.
OUTLIER_DETECTION: Json = {
    "split_external_local_origin_errors": True,
    "consecutive_local_origin_failure": 3,
    "enforcing_consecutive_local_origin_failure": 100,
    "enforcing_local_origin_success_rate": 0,
    "enforcing_consecutive_5xx": 0,
    "enforcing_consecutive_gateway_failure": 0,
    "enforcing_success_rate": 0,
    "interval": "1s",
    "base_ejection_time": "1s",
    "max_ejection_time": "10s",
    "max_ejection_percent": 50,
}


def cluster(deployment: DeploymentRoute) -> Json:
    return typed(
        "envoy.config.cluster.v3.Cluster",
        name=deployment.cluster,
        type="STATIC",
        load_assignment=load_assignment(deployment),
        connect_timeout="1s",
        lb_policy="LEAST_REQUEST",
        # Nothing is sent to a host whose check failed, not even when all of them failed.
        common_lb_config={"healthy_panic_threshold": {"value": 0}},
        health_checks=[health_check(deployment)],
        outlier_detection=OUTLIER_DETECTION,
        circuit_breakers={"thresholds": [thresholds(deployment)]},
        typed_extension_protocol_options={"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": HTTP1},
    )


def load_assignment(deployment: DeploymentRoute) -> Json:
    asked = dict(deployment.readiness_sockets)
    hosts = [{"endpoint": host(socket, asked.get(socket, ""))} for socket in deployment.sockets]
    return {"cluster_name": deployment.cluster, "endpoints": [{"lb_endpoints": hosts}] if hosts else []}


def host(socket: str, readiness: str) -> Json:
    found: Json = {"address": address(socket)}
    if readiness:
        found["health_check_config"] = {"address": address(readiness)}
    return found


def address(socket: str) -> Json:
    port = port_of(socket)
    if port is None:
        return {"pipe": {"path": socket}}
    return {"socket_address": {"address": LOOPBACK, "port_value": port}}


def thresholds(deployment: DeploymentRoute) -> Json:
    """Azure's rule: twice what the instances can work on at once (AML/how-to-troubleshoot-online-endpoints)."""
    concurrent = deployment.max_concurrent_requests_per_instance
    parallel = most_pending(max_concurrent=concurrent, instances=len(deployment.sockets))
    if deployment.queue:
        return waking_thresholds(deployment, parallel)
    return {
        "max_requests": parallel,
        "max_pending_requests": parallel,
        "max_retries": parallel,
        "max_connections": UNLIMITED,
    }


def health_check(deployment: DeploymentRoute) -> Json:
    """Where the keepers answer for their replicas, what they say holds within a second.

    Else a patient check: a busy single-threaded server may answer late. Dead hosts are found by the requests. What is
    not healthy yet is asked four times a second.
    """
    judged = {socket for socket, _ in deployment.readiness_sockets} >= set(deployment.sockets)
    return {
        "timeout": "5s",
        "interval": "1s" if judged else "2s",
        "interval_jitter_percent": 20,
        "no_traffic_interval": "0.25s",
        "no_traffic_healthy_interval": "1s" if judged else "5s",
        "unhealthy_interval": "0.25s",
        "healthy_threshold": 1,
        "unhealthy_threshold": 3,
        "http_health_check": {"path": deployment.readiness_path, "expected_statuses": [{"start": 200, "end": 400}]},
    }
