"""The access log: one JSON line for each request that is kept, without keys, bodies or query strings.

Which are kept stands in the routes, as the request ids below which they are; so a changed setting needs no new
listener, and a request that is not kept costs a comparison. Every text has a longest length, so that a line has one.
"""

from pathlib import Path

from endpoints.domain.routing import EndpointRoute
from endpoints.domain.traffic_log import ERRORS_FROM, LONGEST, LONGEST_CALLER
from endpoints.gateway.envoy.authentication import CALLER, CALLER_NAMESPACE, CLAIMS, CLAIMS_NAMESPACE
from endpoints.gateway.envoy.documents import METADATA, Json, extension
from endpoints.gateway.envoy.limits import TRAILERS

BELOW = "log_below"
MODEL_TIME = "x-ms-run-fn-exec-ms"

# The names are those of Azure's traffic log in snake case. Durations are milliseconds, sizes bytes.
FIELDS: dict[str, str] = {
    "time": "%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%",
    "endpoint": f"%METADATA(ROUTE:{METADATA}:endpoint)%",
    "endpoint_id": f"%METADATA(ROUTE:{METADATA}:endpoint_id)%",
    "deployment": f"%METADATA(ROUTE:{METADATA}:deployment)%",
    "auth_mode": f"%METADATA(ROUTE:{METADATA}:auth_mode)%",
    # The name of the key; or, of a verified token, whose it is.
    "key": f"%DYNAMIC_METADATA({CALLER_NAMESPACE}:{CALLER}):{LONGEST_CALLER}%",
    "issuer": f"%DYNAMIC_METADATA({CLAIMS_NAMESPACE}:{CLAIMS}:iss):{LONGEST_CALLER}%",
    "subject": f"%DYNAMIC_METADATA({CLAIMS_NAMESPACE}:{CLAIMS}:sub):{LONGEST_CALLER}%",
    "object_id": f"%DYNAMIC_METADATA({CLAIMS_NAMESPACE}:{CLAIMS}:oid):{LONGEST_CALLER}%",
    "pinned": f"%REQ(azureml-model-deployment):{LONGEST['deployment']}%",
    "method": f"%REQ(:METHOD):{LONGEST['method']}%",
    "path": f"%PATH(NQ:ORIG_OR_PATH):{LONGEST['path']}%",
    "protocol": "%PROTOCOL%",
    "status": "%RESPONSE_CODE%",
    "status_reason": "%RESPONSE_CODE_DETAILS%",
    "flags": "%RESPONSE_FLAGS%",
    "model_status": "%RESP(ms-azureml-model-error-statuscode):3%",
    "model_reason": f"%RESP(ms-azureml-model-error-reason):{LONGEST['model_reason']}%",
    "model_ms": f"%RESP({MODEL_TIME}):20%",
    "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
    "replica_socket": "%UPSTREAM_HOST%",
    "request_bytes": "%BYTES_RECEIVED%",
    "response_bytes": "%BYTES_SENT%",
    "total_ms": "%DURATION%",
    "request_ms": "%REQUEST_DURATION%",
    "response_ms": "%RESPONSE_DURATION%",
    "request_throttling_delay_ms": f"%TRAILER({TRAILERS}bandwidth-request-delay-ms):20%",
    "response_throttling_delay_ms": f"%TRAILER({TRAILERS}bandwidth-response-delay-ms):20%",
    "user_agent": f"%REQ(USER-AGENT):{LONGEST['user_agent']}%",
    "x_request_id": "%REQ(X-REQUEST-ID)%",
    "x_ms_client_request_id": f"%REQ(X-MS-CLIENT-REQUEST-ID):{LONGEST['x_ms_client_request_id']}%",
    "traceparent": f"%REQ(TRACEPARENT):{LONGEST['traceparent']}%",
}


def access_log(path: Path, *, traced: bool = False, whole: bool = False) -> Json:
    """`traced`: whatever is part of a trace is kept, too. `whole`: everything is, unless the endpoint keeps nothing."""
    file = extension(
        "file",
        "envoy.extensions.access_loggers.file.v3.FileAccessLog",
        path=str(path),
        log_format={"json_format": FIELDS, "omit_empty_values": True},
    )
    name = "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter"
    expression = f"'{BELOW}' in {ROUTE}" + ("" if whole else f" && ({' || '.join(reasons(traced=traced))})")
    return file | {"filter": {"extension_filter": extension("cel", name, expression=expression)}}


ROUTE = f"xds.route_metadata.filter_metadata['{METADATA}']"


def reasons(*, traced: bool) -> list[str]:
    """Any of which is enough."""
    chosen = f"request.id < {ROUTE}['{BELOW}']"
    part_of_trace = ["request.headers['traceparent'].endsWith('-01')"] if traced else []
    return [f"response.code >= {ERRORS_FROM}", chosen, *part_of_trace]


def kept(endpoint: EndpointRoute) -> dict[str, str]:
    """In the metadata of each route of the endpoint: which requests are kept; nothing where none is."""
    below = endpoint.traffic_log.below
    return {} if below is None else {BELOW: below, "endpoint_id": endpoint.id}
