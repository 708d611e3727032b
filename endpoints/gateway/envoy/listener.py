"""The listener: protocols, guards against slow and malformed clients, and the chain of filters."""

from pathlib import Path

from endpoints.gateway.envoy.access_log import access_log
from endpoints.gateway.envoy.authentication import authentication_filters
from endpoints.gateway.envoy.documents import Json, extension, typed
from endpoints.gateway.envoy.holding import hold
from endpoints.gateway.envoy.replies import local_reply_config
from endpoints.gateway.envoy.routes import (
    BUFFER_FILTER,
    DEPLOYMENT_HEADER,
    METADATA,
    ROUTE_CONFIGURATION,
)

STAT_PREFIX = "gateway"
CLIENT_REQUEST_ID = "x-ms-client-request-id"
# Azure's limit of request_timeout_ms, managed and Kubernetes, is 300 s: no guard may strike before it.
STREAM_IDLE = "310s"
BUFFER_BYTES = 1024 * 1024
LARGEST_BUFFERED = 2**31


def listener(*, address: str, port: int, routes: Path, tokens: Path, log: Path | None) -> Json:
    """`routes` and `tokens` are the discovery files of the route configuration and of the JWT filter."""
    return typed(
        "envoy.config.listener.v3.Listener",
        name=STAT_PREFIX,
        address={"socket_address": {"address": address, "port_value": port}},
        # A second gateway on the same port is an error, not a silent share of the connections.
        enable_reuse_port=False,
        connection_balance_config={"exact_balance": {}},
        per_connection_buffer_limit_bytes=BUFFER_BYTES,
        filter_chains=[{"filters": [connection_manager(routes, tokens, log)]}],
    )


def connection_manager(routes: Path, tokens: Path, log: Path | None) -> Json:
    source = {"path_config_source": {"path": str(routes)}, "resource_api_version": "V3"}
    return extension(
        "http",
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=STAT_PREFIX,
        codec_type="AUTO",
        rds={"route_config_name": ROUTE_CONFIGURATION, "config_source": source},
        http_filters=http_filters(tokens),
        access_log=[access_log(log)] if log else [],
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
    "http2_protocol_options": {
        "max_concurrent_streams": 256,
        "initial_stream_window_size": 256 * 1024,
        "initial_connection_window_size": 1024 * 1024,
    },
}


def http_filters(tokens: Path) -> list[Json]:
    return [
        drop_odd_client_request_id(),
        echo_client_request_id(),
        name_deployment(),
        *authentication_filters(tokens),
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
        request_mutations=[{"append": {"header": cut, "append_action": "OVERWRITE_IF_EXISTS"}}],
        response_mutations=[{"append": {"header": cut, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}],
    )
    return {"name": "client_request_id", "typed_config": mutations}


def name_deployment() -> Json:
    """In every answer but one: a caller without a key learns no names."""
    name = {"key": DEPLOYMENT_HEADER, "value": f"%METADATA(ROUTE:{METADATA}:deployment)%"}
    mutations = header_mutation(
        response_mutations=[{"append": {"header": name, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}]
    )
    return unless(response_header(":status", "401"), "deployment_name", mutations)


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
