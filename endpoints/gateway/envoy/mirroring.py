"""Copies of an endpoint's unpinned requests for one deployment without live traffic (Envoy: request mirroring).

They go to a cluster of their own, with the same replicas: so they are counted apart, and have circuit breakers of
their own. Envoy sends a copy while the request is still coming in, and where the copy gets stuck it would stop reading
from the caller; so a copy's buffers hold the largest body that is let in, and no caller ever waits for a copy.
"""

from endpoints.domain.routing import DeploymentRoute, EndpointRoute
from endpoints.gateway.envoy.clusters import HTTP1, cluster
from endpoints.gateway.envoy.documents import Json, extension

MIRROR_HEADER = "x-studio-mirror"  # by which a replica can tell a copy; a caller's own is taken away
PATH_HEADER = "x-studio-mirror-path"
OWN_HEADERS = [MIRROR_HEADER, PATH_HEADER]
HEAD_BYTES = 64 * 1024  # more than the head of a request can have
SCORING = "/score"
MIRROR_PREFIX = "m-"  # of a cluster of copies


def mirror_cluster_name(deployment: DeploymentRoute) -> str:
    return f"{MIRROR_PREFIX}{deployment.cluster.removeprefix('d-')}"


def mirror_clusters(endpoint: EndpointRoute) -> list[Json]:
    """The cluster of the copies; none where nothing is mirrored."""
    target = endpoint.mirror_target
    if target is None:
        return []
    base = cluster(target)
    name = mirror_cluster_name(target)
    copies = base | {
        "name": name,
        "load_assignment": base["load_assignment"] | {"cluster_name": name},
        "circuit_breakers": {"thresholds": [thresholds(target)]},
        "per_connection_buffer_limit_bytes": room(endpoint),
    }
    if any(differs(target, each) for each in endpoint.deployments):
        options = HTTP1 | {"http_filters": [other_path(), UPSTREAM_CODEC]}
        copies |= {
            "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options}
        }
    return [copies]


def thresholds(target: DeploymentRoute) -> Json:
    """Half of what the replicas work on at once: the other half is free for those who pin the deployment. As many
    copies may stand in line; what is over is dropped, and counted."""
    capacity = target.max_concurrent_requests_per_instance * len(target.sockets)
    copies = max(1, capacity // 2)
    return {"max_connections": copies, "max_requests": copies, "max_pending_requests": copies, "max_retries": 1}


def room(endpoint: EndpointRoute) -> int:
    """Bytes that a copy may be behind: a whole request."""
    return max(each.max_request_bytes for each in endpoint.deployments) + HEAD_BYTES


def copied(endpoint: EndpointRoute, deployment: DeploymentRoute, *, scoring: bool) -> Json:
    """Of the action of a route to `deployment`: what sends the copies; nothing where nothing is mirrored.

    `scoring`: the route is that of the scoring path, which the target may have elsewhere."""
    target = endpoint.mirror_target
    if target is None or endpoint.mirror is None:
        return {}
    marks = {MIRROR_HEADER: "true", "x-envoy-upstream-rq-timeout-ms": str(target.request_timeout_ms)}
    if scoring and differs(target, deployment):
        marks[PATH_HEADER] = target.scoring_path
    policy = {
        "cluster": mirror_cluster_name(target),
        "disable_shadow_host_suffix_append": True,
        "runtime_fraction": {"default_value": {"numerator": endpoint.mirror.percent, "denominator": "HUNDRED"}},
        "request_headers_mutations": [overwritten(name, value) for name, value in marks.items()],
    }
    return {"request_mirror_policies": [policy]}


def overwritten(name: str, value: str) -> Json:
    return {"append": {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}


def kept_for_copy(endpoint: EndpointRoute) -> Json:
    """Of a route whose requests are copied: room for the body while its copy waits for a connection."""
    return {"request_body_buffer_limit": room(endpoint)} if endpoint.mirror_target else {}


def differs(target: DeploymentRoute, deployment: DeploymentRoute) -> bool:
    return target.scoring_path != deployment.scoring_path


def scores_elsewhere(endpoint: EndpointRoute, deployment: DeploymentRoute) -> bool:
    """Whether a copy of a scoring request needs another path than the request."""
    target = endpoint.mirror_target
    return target is not None and differs(target, deployment)


def other_path() -> Json:
    """No header mutation may touch the path, a script may."""
    script = {"inline_string": PATH_SCRIPT}
    return extension("mirror_path", "envoy.extensions.filters.http.lua.v3.Lua", default_source_code=script)


PATH_SCRIPT = f"""
function envoy_on_request(request)
  local headers = request:headers()
  local path = headers:get("{PATH_HEADER}")
  if path then
    headers:replace(":path", path .. (headers:get(":path"):match("%?.*") or ""))
    headers:remove("{PATH_HEADER}")
  end
end
"""
UPSTREAM_CODEC: Json = extension("upstream_codec", "envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec")
