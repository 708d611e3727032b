"""The access log: one JSON line per request, without keys, bodies or query strings."""

from pathlib import Path

from endpoints.gateway.envoy.authentication import CLAIMS, CLAIMS_NAMESPACE
from endpoints.gateway.envoy.documents import METADATA, Json, extension
from endpoints.gateway.envoy.limits import TRAILERS

# The names are those of Azure's traffic log in snake case. Durations are milliseconds, sizes bytes.
FIELDS: dict[str, str] = {
    "time": "%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%",
    "endpoint": f"%METADATA(ROUTE:{METADATA}:endpoint)%",
    "deployment": f"%METADATA(ROUTE:{METADATA}:deployment)%",
    "auth_mode": f"%METADATA(ROUTE:{METADATA}:auth_mode)%",
    # Of a verified token: who called.
    "issuer": f"%DYNAMIC_METADATA({CLAIMS_NAMESPACE}:{CLAIMS}:iss)%",
    "subject": f"%DYNAMIC_METADATA({CLAIMS_NAMESPACE}:{CLAIMS}:sub)%",
    "object_id": f"%DYNAMIC_METADATA({CLAIMS_NAMESPACE}:{CLAIMS}:oid)%",
    "pinned": "%REQ(azureml-model-deployment)%",
    "method": "%REQ(:METHOD)%",
    "path": "%PATH(NQ:ORIG)%",
    "protocol": "%PROTOCOL%",
    "status": "%RESPONSE_CODE%",
    "status_reason": "%RESPONSE_CODE_DETAILS%",
    "flags": "%RESPONSE_FLAGS%",
    "model_status": "%RESP(ms-azureml-model-error-statuscode)%",
    "model_reason": "%RESP(ms-azureml-model-error-reason)%",
    "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
    "replica_socket": "%UPSTREAM_HOST%",
    "request_bytes": "%BYTES_RECEIVED%",
    "response_bytes": "%BYTES_SENT%",
    "total_ms": "%DURATION%",
    "request_ms": "%REQUEST_DURATION%",
    "response_ms": "%RESPONSE_DURATION%",
    "request_throttling_delay_ms": f"%TRAILER({TRAILERS}bandwidth-request-delay-ms)%",
    "response_throttling_delay_ms": f"%TRAILER({TRAILERS}bandwidth-response-delay-ms)%",
    "user_agent": "%REQ(USER-AGENT):70%",
    "caller": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    "x_request_id": "%REQ(X-REQUEST-ID)%",
    "x_ms_client_request_id": "%REQ(X-MS-CLIENT-REQUEST-ID)%",
}


def access_log(path: Path) -> Json:
    return extension(
        "file",
        "envoy.extensions.access_loggers.file.v3.FileAccessLog",
        path=str(path),
        log_format={"json_format": FIELDS, "omit_empty_values": True},
    )
