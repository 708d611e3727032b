"""Requests to a deployment that is scaled to zero wait in the gateway while a replica starts.

Envoy asks the activator, over its unix socket, and goes on when that answers: body and connection stay in Envoy all
the while, and a deployment that is awake has nothing to do with it. What was waited is taken off the time-out.
"""

from pathlib import Path

from endpoints.domain.routing import DeploymentRoute
from endpoints.gateway.envoy.documents import Json, extension, typed

HOLD_FILTER = "hold"
HOLD_ENDED = {"header": {"name": "x-studio-hold", "present_match": True}}  # of a request that waited in vain
ACTIVATOR = "activator"
ACTIVATOR_SOCKET = "activator.sock"  # beside that of Envoy's admin
UNLIMITED = 1_000_000

# The activator answers in time; the second is for the way there and back.
SCRIPT = """
function envoy_on_request(request)
  local hold = request:metadata()
  local wait = hold:get("wait_ms")
  local headers = request:httpCall("activator", {
    [":method"] = "GET",
    [":path"] = "/hold/" .. hold:get("deployment") .. "?wait_ms=" .. string.format("%d", wait),
    [":authority"] = "activator",
  }, "", wait + 1000)
  if headers[":status"] ~= "200" then
    request:headers():replace("x-studio-hold", "ended")
    request:respond({[":status"] = "503"}, "")
    return
  end
  local waited = tonumber(headers["x-waited-ms"]) or 0
  request:headers():replace("x-envoy-upstream-rq-timeout-ms", string.format("%d", math.max(1, wait - waited)))
end
"""


def hold() -> Json:
    """Does nothing but on the routes that name its script."""
    return extension(
        HOLD_FILTER,
        "envoy.extensions.filters.http.lua.v3.Lua",
        source_codes={HOLD_FILTER: {"inline_string": SCRIPT}},
    )


def held(deployment: DeploymentRoute) -> Json:
    """Of a route: the per-filter configuration that holds its requests; nothing for a deployment that is awake."""
    if not deployment.hold_ms:
        return {}
    return {HOLD_FILTER: typed("envoy.extensions.filters.http.lua.v3.LuaPerRoute", name=HOLD_FILTER)}


def hold_metadata(deployment: DeploymentRoute | None) -> Json:
    """What the script reads."""
    if deployment is None or not deployment.hold_ms:
        return {}
    return {HOLD_FILTER: {"deployment": deployment.cluster.removeprefix("d-"), "wait_ms": deployment.hold_ms}}


def waking_thresholds(deployment: DeploymentRoute, parallel: int) -> Json:
    """Those who waited come all at once: they stand in line for as many connections as the replicas work on. The other
    half of what these take is for when the cluster is built anew: then those who stand in line at the old one still go
    on."""
    return {
        "max_connections": max(1, parallel // 2),
        "max_pending_requests": parallel + deployment.queue,
        "max_requests": UNLIMITED,
        "max_retries": parallel,
    }


def activator_cluster(socket: Path) -> Json:
    hosts = [{"endpoint": {"address": {"pipe": {"path": str(socket)}}}}]
    return {
        "name": ACTIVATOR,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": ACTIVATOR, "endpoints": [{"lb_endpoints": hosts}]},
        "circuit_breakers": {
            "thresholds": [{"max_connections": UNLIMITED, "max_pending_requests": UNLIMITED, "max_requests": UNLIMITED}]
        },
    }
