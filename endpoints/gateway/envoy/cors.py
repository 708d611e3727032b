"""Which web pages a browser lets call an endpoint.

The filter stands before authentication: a browser asks without a key whether it may. It answers pages of the named
origins alone; what another page asks goes on, and is refused as any request without a key. It does not work on routes
that answer themselves: a page cannot read the 413 of a declared length, nor the 404 of an endpoint without traffic.
"""

from endpoints.domain.routing import EndpointRoute
from endpoints.gateway.envoy.documents import Json, extension, typed

CORS_FILTER = "cors"
# What a page may read of an answer beside its body.
EXPOSED = (
    "x-request-id",
    "x-ms-client-request-id",
    "azureml-model-deployment",
    "ms-azureml-model-error-statuscode",
    "ms-azureml-model-error-reason",
    "retry-after",
)


def cors_filter() -> Json:
    return extension(CORS_FILTER, "envoy.extensions.filters.http.cors.v3.Cors")


def cors(endpoint: EndpointRoute) -> Json:
    """Of each route of the endpoint: its per-filter configuration; nothing while CORS is off."""
    wanted = endpoint.cors
    if not wanted.origins:
        return {}
    policy = typed(
        "envoy.extensions.filters.http.cors.v3.CorsPolicy",
        allow_origin_string_match=[{"exact": origin} for origin in wanted.origins],
        allow_methods=", ".join(wanted.methods),
        allow_headers=", ".join(wanted.headers),
        expose_headers=", ".join(EXPOSED),
        max_age=str(wanted.max_age_seconds),
    )
    return {CORS_FILTER: policy}
