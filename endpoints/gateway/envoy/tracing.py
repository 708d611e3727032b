"""Traces: Envoy's own OpenTelemetry tracer, which sends its spans to a collector by OTLP over HTTP.

The sampled request and its call of a replica are a span each; the `traceparent` of the second goes on to the replica.
A collector that does not answer costs nothing: what cannot be sent is dropped.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from endpoints.gateway.envoy.documents import METADATA, Json, extension, typed

CLUSTER = "telemetry"
TRACES_PATH = "/v1/traces"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracing:
    endpoint: str  # of the collector: http://host:port, below which are /v1/traces and its like
    headers: tuple[tuple[str, str], ...] = ()  # with each request: they may be a secret
    percent: float = 1.0  # of the requests
    service: str = "endpoint-studio"

    @property
    def uri(self) -> str:
        return self.endpoint.rstrip("/") + TRACES_PATH


def traced(tracing: Tracing) -> Json:
    """Of the connection manager. A caller's own trace goes on, but brings no more than the share that is sampled."""
    share = {"value": tracing.percent}
    return {
        "tracing": {
            "random_sampling": share,
            "client_sampling": {"value": 0},
            "spawn_upstream_span": True,
            "max_path_tag_length": 256,
            "custom_tags": [tag(name) for name in ("endpoint", "deployment")],
            "provider": provider(tracing),
        }
    }


def tag(name: str) -> Json:
    key = {"key": METADATA, "path": [{"key": name}]}
    return {"tag": f"studio.{name}", "metadata": {"kind": {"route": {}}, "metadata_key": key}}


def provider(tracing: Tracing) -> Json:
    sent = [{"header": {"key": key, "value": value}} for key, value in tracing.headers]
    return extension(
        "envoy.tracers.opentelemetry",
        "envoy.config.trace.v3.OpenTelemetryConfig",
        service_name=tracing.service,
        http_service={
            "http_uri": {"uri": tracing.uri, "cluster": CLUSTER, "timeout": "5s"},
            "request_headers_to_add": sent,
        },
    )


def telemetry_cluster(tracing: Tracing) -> Json:
    """Where the spans go. Never more than a few requests at once: what is over that is dropped."""
    parts = urlsplit(tracing.endpoint)
    host, secure = parts.hostname or "", parts.scheme == "https"
    address = {"socket_address": {"address": host, "port_value": parts.port or (443 if secure else 80)}}
    found: Json = {
        "name": CLUSTER,
        "type": "STRICT_DNS",
        "connect_timeout": "2s",
        "load_assignment": {
            "cluster_name": CLUSTER,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
        "circuit_breakers": {"thresholds": [{"max_connections": 4, "max_requests": 8, "max_pending_requests": 8}]},
    }
    return found | ({"transport_socket": secured(host)} if secure else {})


def secured(host: str) -> Json:
    trusted = {"trusted_ca": {"filename": CERTIFICATES}, "match_typed_subject_alt_names": [named(host)]}
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": typed(
            "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            sni=host,
            common_tls_context={"validation_context": trusted},
        ),
    }


def named(host: str) -> Json:
    return {"san_type": "DNS", "matcher": {"exact": host}}
