"""Limits of an endpoint as a whole, whichever of its routes and deployments a request takes.

Requests per second: a bucket of the local rate limit that stood in a route would be that route's own. So there is one
filter with a bucket for each endpoint, which finds the bucket by the route's metadata; its configuration comes by a
discovery file of its own, so that a changed limit needs no new listener. All buckets are full again after a change.

Bandwidth: a bucket has a name there, and routes that give the same name share it. A bucket's size never changes, so
the size is part of the name.
"""

from pathlib import Path

from endpoints.domain.routing import EndpointRoute, RouteTable
from endpoints.gateway.envoy.documents import METADATA, Json, extension, typed

RATE_FILTER = "local_ratelimit"
BANDWIDTH_FILTER = "bandwidth_share"
RATE_CONFIG = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"
BANDWIDTH_CONFIG = "envoy.extensions.filters.http.bandwidth_share.v3.BandwidthShare"
TRAILERS = "ms-azureml-"  # bandwidth-request-delay-ms and bandwidth-response-delay-ms (azure-semantics 2.5)
KEY = "endpoint"


def limit_filters(limits: Path) -> list[Json]:
    """`limits` is the discovery file of the rate limit."""
    source = {"path_config_source": {"path": str(limits)}, "resource_api_version": "V3"}
    discovery = {"config_source": source, "type_urls": [f"type.googleapis.com/{RATE_CONFIG}"]}
    return [{"name": RATE_FILTER, "config_discovery": discovery}, extension(BANDWIDTH_FILTER, BANDWIDTH_CONFIG)]


def rate_configuration(table: RouteTable) -> Json:
    """What the discovery file of the rate limit holds."""
    name = {"key": METADATA, "path": [{"key": "endpoint"}]}
    action = {"metadata": {"descriptor_key": KEY, "source": "ROUTE_ENTRY", "metadata_key": name}}
    config = typed(
        RATE_CONFIG,
        stat_prefix="endpoints",
        filter_enabled=ALWAYS,
        filter_enforced=ALWAYS,
        always_consume_default_token_bucket=False,
        rate_limits=[{"actions": [action]}],
        descriptors=[
            bucket(endpoint.name, endpoint.limits.requests_per_second)
            for endpoint in table.endpoints
            if endpoint.limits.requests_per_second
        ],
    )
    return typed("envoy.config.core.v3.TypedExtensionConfig", name=RATE_FILTER, typed_config=config)


ALWAYS: Json = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}


def bucket(endpoint: str, requests: int) -> Json:
    """Holds what may come in one second, and is filled all the while."""
    tokens = {"max_tokens": requests, "tokens_per_fill": requests, "fill_interval": "1s"}
    return {"entries": [{"key": KEY, "value": endpoint}], "token_bucket": tokens}


def bandwidth(endpoint: EndpointRoute) -> Json:
    """Of each route of the endpoint: its per-filter configuration; nothing without a limit."""
    size = endpoint.limits.kilobytes_per_second
    if not size:
        return {}
    config = typed(
        BANDWIDTH_CONFIG,
        request_limit=bandwidth_bucket(endpoint, "in", size),
        response_limit=bandwidth_bucket(endpoint, "out", size),
        enable_response_trailers=True,
        response_trailer_prefix=TRAILERS,
    )
    return {BANDWIDTH_FILTER: config}


def bandwidth_bucket(endpoint: EndpointRoute, direction: str, size: int) -> Json:
    name = f"{endpoint.name}-{direction}-{size}"
    return {"bucket_id": name, "kbps": {"default_value": size, "runtime_key": f"bandwidth.{name}"}}
