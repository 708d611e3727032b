"""The listeners: protocols, guards against slow and malformed clients, and the chain of filters."""

from dataclasses import dataclass
from pathlib import Path

from endpoints.gateway.envoy.access_log import access_log
from endpoints.gateway.envoy.authentication import CALLER_HEADER, authentication_filters
from endpoints.gateway.envoy.cors import cors_filter
from endpoints.gateway.envoy.documents import METADATA, Json, extension, typed
from endpoints.gateway.envoy.holding import hold
from endpoints.gateway.envoy.limits import limit_filters
from endpoints.gateway.envoy.replies import local_reply_config
from endpoints.gateway.envoy.resources import Layout
from endpoints.gateway.envoy.routes import (
    BUFFER_FILTER,
    DEPLOYMENT_HEADER,
    ROUTE_CONFIGURATION,
)
from endpoints.gateway.envoy.tls import Tls, redirection, transport_socket
from endpoints.gateway.envoy.tracing import Tracing, traced

STAT_PREFIX = "gateway"
CLIENT_REQUEST_ID = "x-ms-client-request-id"
# Azure's limit of request_timeout_ms, managed and Kubernetes, is 300 s: no guard may strike before it.
STREAM_IDLE = "310s"
BUFFER_BYTES = 1024 * 1024
LARGEST_BUFFERED = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Where callers come in, and how many."""

    port: int  # 0: any
    address: str = "127.0.0.1"
    tls: Tls | None = None
    socket: Path | None = None  # for the studio itself: plain HTTP on a unix socket of its own user
    tracing: Tracing | None = None
    new_connections_per_second: int = 0  # at each port; 0: no limit


def listeners(layout: Layout, doors: Doors, *, log: Path | None) -> list[Json]:
    found = [plain_listener(layout, doors, log)]
    if doors.tls:
        found.append(tls_listener(layout, doors, doors.tls, log))
    if doors.socket:
        found.append(socket_listener(layout, doors, doors.socket, log))
    return found


def plain_listener(layout: Layout, doors: Doors, log: Path | None) -> Json:
    manager = connection_manager(layout, doors, log)
    if doors.tls and doors.tls.redirect:
        manager = redirecting(manager, doors.tls.port)
    chain: Json = {"filters": [*connection_rate(doors), manager]}
    return port_listener(STAT_PREFIX, doors, doors.port, chain)


def tls_listener(layout: Layout, doors: Doors, tls: Tls, log: Path | None) -> Json:
    chain = {
        "filters": [*connection_rate(doors), connection_manager(layout, doors, log)],
        "transport_socket": transport_socket(layout.secrets),
        "transport_socket_connect_timeout": "10s",  # a client that does not finish the handshake
    }
    return port_listener("gateway-tls", doors, tls.port, chain)


def port_listener(name: str, doors: Doors, port: int, chain: Json) -> Json:
    address = {"socket_address": {"address": doors.address, "port_value": port}}
    # A second gateway on the same port is an error, not a silent share of the connections.
    return listener(name, address, chain) | {
        "enable_reuse_port": False,
        "connection_balance_config": {"exact_balance": {}},
    }


def socket_listener(layout: Layout, doors: Doors, socket: Path, log: Path | None) -> Json:
    """The studio's own requests are few, and looked for afterwards: none of them is left out of the log."""
    chain = {"filters": [connection_manager(layout, doors, log, whole=True)]}
    address = {"pipe": {"path": str(socket), "mode": 0o600}}
    return listener("gateway-socket", address, chain) | {"ignore_global_conn_limit": True}


def listener(name: str, address: Json, chain: Json) -> Json:
    return typed(
        "envoy.config.listener.v3.Listener",
        name=name,
        address=address,
        per_connection_buffer_limit_bytes=BUFFER_BYTES,
        filter_chains=[chain],
    )


def connection_rate(doors: Doors) -> list[Json]:
    """Connections beyond it are closed as they come."""
    rate = doors.new_connections_per_second
    if not rate:
        return []
    return [
        extension(
            "new_connections",
            "envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit",
            stat_prefix="new_connections",
            token_bucket={"max_tokens": rate, "tokens_per_fill": rate, "fill_interval": "1s"},
        )
    ]


def redirecting(manager: Json, port: int) -> Json:
    config = {key: value for key, value in manager["typed_config"].items() if key != "rds"}
    config |= {"route_config": redirection(port), "http_filters": [router()]}
    return manager | {"typed_config": config}


def connection_manager(layout: Layout, doors: Doors, log: Path | None, *, whole: bool = False) -> Json:
    """`whole`: no request is left out of the log."""
    source = {"path_config_source": {"path": str(layout.routes)}, "resource_api_version": "V3"}
    return extension(
        "http",
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=STAT_PREFIX,
        codec_type="AUTO",
        rds={"route_config_name": ROUTE_CONFIGURATION, "config_source": source},
        http_filters=http_filters(layout),
        access_log=[access_log(log, traced=doors.tracing is not None, whole=whole)] if log else [],
        **(traced(doors.tracing) if doors.tracing else {}),
        local_reply_config=local_reply_config(),
        server_name="endpoint-studio",
        **PATHS,
        **IDENTITY,
        **GUARDS,
    )


# A path has one meaning here and at the replica, or it is refused.
PATHS: Json = {
    "normalize_path": True,
    "merge_slashes": True,
    "path_with_escaped_slashes_action": "REJECT_REQUEST",
}

# Every caller is a stranger, those of this machine too: their x-request-id is replaced and their
# x-envoy-* headers, which could change time-outs and retries, are dropped.
IDENTITY: Json = {
    "use_remote_address": True,
    "internal_address_config": {"cidr_ranges": [{"address_prefix": "255.255.255.255", "prefix_len": 32}]},
    "generate_request_id": True,
    "preserve_external_request_id": False,
    "always_set_request_id_in_response": True,
    "request_id_extension": {
        "typed_config": typed("envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig", pack_trace_reason=False),
    },
}

GUARDS: Json = {
    "request_headers_timeout": "10s",
    "request_timeout": "300s",
    "stream_idle_timeout": STREAM_IDLE,
    "delayed_close_timeout": "1s",
    "drain_timeout": "5s",
    "max_request_headers_kb": 32,
    "common_http_protocol_options": {"idle_timeout": "300s", "max_headers_count": 100},
    "http_protocol_options": {"enable_trailers": True},  # that tell how long an answer was delayed
    "http2_protocol_options": {
        "max_concurrent_streams": 256,
        "initial_stream_window_size": 256 * 1024,
        "initial_connection_window_size": 1024 * 1024,
    },
}


def http_filters(layout: Layout) -> list[Json]:
    return [
        drop_odd_client_request_id(),
        echo_client_request_id(),
        name_deployment(),
        cors_filter(),
        *authentication_filters(layout.tokens),
        *limit_filters(layout.limits),
        hold(),
        buffer_unsized(),
        router(),
    ]


def drop_odd_client_request_id() -> Json:
    return unless(
        header(CLIENT_REQUEST_ID, "[A-Za-z0-9_-]+"),
        "client_request_id_guard",
        header_mutation(request_mutations=[{"remove": CLIENT_REQUEST_ID}]),
    )


def echo_client_request_id() -> Json:
    """At most 40 characters, for the replica, the log and the answer (azure-semantics 2.5)."""
    cut = {"key": CLIENT_REQUEST_ID, "value": f"%REQ({CLIENT_REQUEST_ID}):40%"}
    mutations = header_mutation(
        request_mutations=[
            {"append": {"header": cut, "append_action": "OVERWRITE_IF_EXISTS"}},
            {"remove": CALLER_HEADER},  # only the gateway itself says it
        ],
        response_mutations=[{"append": {"header": cut, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}],
    )
    return {"name": "client_request_id", "typed_config": mutations}


def name_deployment() -> Json:
    """In every answer but two: a caller without a key, and a page that asks whether it may call, learn no names."""
    name = {"key": DEPLOYMENT_HEADER, "value": f"%METADATA(ROUTE:{METADATA}:deployment)%"}
    mutations = header_mutation(
        response_mutations=[{"append": {"header": name, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}]
    )
    nameless = [response_header(":status", "401"), response_header("access-control-allow-methods", ".*")]
    return unless({"or_matcher": {"predicate": nameless}}, "deployment_name", mutations)


def buffer_unsized() -> Json:
    """Only a body of undeclared length is collected first: there is no other way to refuse it in time."""
    config = typed("envoy.extensions.filters.http.buffer.v3.Buffer", max_request_bytes=LARGEST_BUFFERED)
    return unless(header("content-length", ".*"), BUFFER_FILTER, config)


def router() -> Json:
    return extension(
        "router",
        "envoy.extensions.filters.http.router.v3.Router",
        upstream_http_filters=[model_error(), UPSTREAM_CODEC],
    )


UPSTREAM_CODEC: Json = extension("upstream_codec", "envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec")


def model_error() -> Json:
    """What a model answers with anything but success is 424, with the model's own code beside it.

    It stands on the upstream's side of the router, so that the gateway's own answers are never touched, and the
    cluster's statistics tell a model's errors (424) from the gateway's (503, 504).
    """
    script = typed(
        "envoy.extensions.filters.http.lua.v3.Lua", default_source_code={"inline_string": MODEL_ERROR_SCRIPT}
    )
    return unless(response_header(":status", "1..|2..|408|413|429"), "model_error", script)


# Run for errors alone. A filter of headers may not touch the status, a script may.
MODEL_ERROR_SCRIPT = """
function envoy_on_response(response)
  local headers = response:headers()
  local status = headers:get(":status")
  headers:replace("ms-azureml-model-error-statuscode", status)
  if headers:get("ms-azureml-model-error-reason") == nil then
    headers:add("ms-azureml-model-error-reason", "the model server answered " .. status)
  end
  headers:replace(":status", "424")
end
"""


def header_mutation(**mutations: list[Json]) -> Json:
    return typed("envoy.extensions.filters.http.header_mutation.v3.HeaderMutation", mutations=mutations)


def unless(predicate: Json, name: str, config: Json) -> Json:
    """The filter, skipped for what the predicate matches."""
    skip = extension("skip", "envoy.extensions.filters.common.matcher.action.v3.SkipFilter")
    matchers = [{"predicate": predicate, "on_match": {"action": skip}}]
    return extension(
        name,
        "envoy.extensions.common.matching.v3.ExtensionWithMatcher",
        extension_config={"name": name, "typed_config": config},
        xds_matcher={"matcher_list": {"matchers": matchers}},
    )


def header(name: str, pattern: str) -> Json:
    found = extension(name, "envoy.type.matcher.v3.HttpRequestHeaderMatchInput", header_name=name)
    return {"single_predicate": {"input": found, "value_match": whole(pattern)}}


def response_header(name: str, pattern: str) -> Json:
    found = extension(name, "envoy.type.matcher.v3.HttpResponseHeaderMatchInput", header_name=name)
    return {"single_predicate": {"input": found, "value_match": whole(pattern)}}


def whole(pattern: str) -> Json:
    """The pattern must match the value from end to end."""
    return {"safe_regex": {"google_re2": {}, "regex": pattern}}
