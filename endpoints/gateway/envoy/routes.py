"""Routes: which deployment answers a request, under which limits.

The lookup is a prefix tree over the path, then a map over the pin header, then the few routes of one
endpoint: its cost does not grow with the number of endpoints. The split is by routes with cumulative
fractions of one random number per request, not by weighted clusters, because the time-out, the size cap
and the scoring path belong to the deployment, and a route can carry them where a weight cannot.
"""

from itertools import accumulate

from endpoints.domain.routing import DeploymentRoute, EndpointRoute, Refusal, RouteTable
from endpoints.gateway.envoy.access_log import kept
from endpoints.gateway.envoy.authentication import UNGUARDED, guards, stripped, way_in
from endpoints.gateway.envoy.cors import cors
from endpoints.gateway.envoy.documents import METADATA, Json, extension, typed
from endpoints.gateway.envoy.holding import held, hold_metadata
from endpoints.gateway.envoy.limits import bandwidth
from endpoints.gateway.envoy.mirroring import OWN_HEADERS, SCORING, copied, kept_for_copy, scores_elsewhere

ROUTE_CONFIGURATION = "scoring"
DEPLOYMENT_HEADER = "azureml-model-deployment"
BUFFER_FILTER = "buffer"
HIDDEN_PATHS = ("metrics",)  # the model server's own, for the collector alone
LARGEST_LENGTH = 2**63 - 1


def route_configuration(table: RouteTable) -> Json:
    return typed(
        "envoy.config.route.v3.RouteConfiguration",
        name=ROUTE_CONFIGURATION,
        virtual_hosts=[virtual_host(table), *own_hosts(table)],
        ignore_port_in_host_matching=True,
        request_headers_to_remove=OWN_HEADERS,
    )


def virtual_host(table: RouteTable) -> Json:
    """Every endpoint below its own path, whatever the host."""
    host: Json = {"name": "endpoints", "domains": ["*"], "retry_policy": RETRY_POLICY}
    nothing = on_match([not_found("There is no endpoint at this address. Check the scoring URL of the endpoint.")])
    branches = {
        prefix: branch
        for endpoint in table.endpoints
        for prefix, branch in endpoint_branches(endpoint, f"/{endpoint.name}/").items()
    }
    if not branches:
        return host | {"matcher": {"on_no_match": nothing}}
    return host | {"matcher": {**by_path(branches), "on_no_match": nothing}}


def own_hosts(table: RouteTable) -> list[Json]:
    """Each endpoint at a host of its own, when there is a domain for them."""
    return [
        {
            "name": f"host-{endpoint.name}",
            "domains": [f"{endpoint.name.lower()}.{table.domain}"],
            "retry_policy": RETRY_POLICY,
            "matcher": by_path(endpoint_branches(endpoint, "/")),
        }
        for endpoint in table.endpoints
        if table.domain
    ]


def by_path(branches: dict[str, Json]) -> Json:
    return {"matcher_tree": {"input": header_input(":path"), "prefix_match_map": {"map": branches}}}


# A killed replica must fail no request: whatever got no response goes once more to another host. The picks
# are many because the balancer prefers an idle host, and a dead one is always idle.
RETRY_POLICY: Json = {
    "retry_on": "connect-failure,refused-stream,reset",
    "num_retries": 1,
    "retry_host_predicate": [
        extension(
            "envoy.retry_host_predicates.previous_hosts",
            "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
        )
    ],
    "host_selection_retry_max_attempts": 100,
    "retry_back_off": {"base_interval": "0.005s", "max_interval": "0.05s"},
}


def endpoint_branches(endpoint: EndpointRoute, at: str) -> dict[str, Json]:
    """The part of the prefix tree that belongs to one endpoint, which stands at the path `at`."""
    hidden = on_match([not_found("This route of the model server is not served by the gateway.")])
    branches = {at + path: hidden for path in HIDDEN_PATHS}
    refused = endpoint.refusal is not None
    branches[at] = on_match([used_up(endpoint)]) if refused else {"matcher": pins(endpoint, at)}
    return branches


def pins(endpoint: EndpointRoute, at: str) -> Json:
    """By the pin header when there is one, else by the weights."""
    shared = weighted_routes(endpoint, at) or [no_traffic(endpoint)]
    split = on_match([unknown_pin(endpoint), *shared])
    if not endpoint.deployments:
        return {"on_no_match": split}
    pinned = {
        deployment.name: on_match(deployment_routes(endpoint, deployment, at, match={}))
        for deployment in endpoint.deployments
    }
    tree = {"input": header_input(DEPLOYMENT_HEADER), "exact_match_map": {"map": pinned}}
    return {"matcher_tree": tree, "on_no_match": split}


def weighted_routes(endpoint: EndpointRoute, at: str) -> list[Json]:
    live = [deployment for deployment in endpoint.deployments if deployment.weight > 0]
    shares = accumulate(deployment.weight for deployment in live)
    return [
        route
        for deployment, share in zip(live, shares, strict=True)
        for route in deployment_routes(endpoint, deployment, at, match=fraction(share), copies=True)
    ]


def fraction(share: int) -> Json:
    return {"runtime_fraction": {"default_value": {"numerator": share, "denominator": "HUNDRED"}}}


def deployment_routes(
    endpoint: EndpointRoute, deployment: DeploymentRoute, at: str, *, match: Json, copies: bool = False
) -> list[Json]:
    """Too large, scoring, anything else: the routes of one deployment for requests that meet `match`. `copies`: the
    endpoint's mirror gets its share of them."""
    if deployment.refusal is not None:
        return [stopped(endpoint, deployment, match=match)]
    routes = [too_large(endpoint, deployment, match=match)]
    if deployment.scoring_path != SCORING or (copies and scores_elsewhere(endpoint, deployment)):
        score = forward(endpoint, deployment, match={"path": f"{at}score", **match}, rewrite=deployment.scoring_path)
        routes.append(with_copies(score, endpoint, deployment, scoring=True) if copies else score)
    anything = forward(endpoint, deployment, match={"prefix": at, **match}, rewrite="/")
    return [*routes, with_copies(anything, endpoint, deployment, scoring=False) if copies else anything]


def with_copies(route: Json, endpoint: EndpointRoute, deployment: DeploymentRoute, *, scoring: bool) -> Json:
    action = {**route["route"], **copied(endpoint, deployment, scoring=scoring)}
    return {**route, "route": action, **kept_for_copy(endpoint)}


def forward(endpoint: EndpointRoute, deployment: DeploymentRoute, *, match: Json, rewrite: str) -> Json:
    return {
        "match": match,
        "route": {
            "cluster": deployment.cluster,
            "prefix_rewrite": rewrite,
            "timeout": f"{deployment.request_timeout_ms / 1000:.3f}s",
        },
        "metadata": route_metadata(endpoint, deployment),
        **stripped(endpoint),
        "typed_per_filter_config": {
            **every_route(endpoint),
            BUFFER_FILTER: buffer_limit(deployment.max_request_bytes),
            **held(deployment),
        },
    }


def too_large(endpoint: EndpointRoute, deployment: DeploymentRoute, *, match: Json) -> Json:
    """Refuses a declared length over the cap without reading the body."""
    over = {"start": deployment.max_request_bytes + 1, "end": LARGEST_LENGTH}
    length = {"name": "content-length", "range_match": over}
    message = (
        f"The request body is larger than the {deployment.max_request_bytes} bytes that deployment "
        f"{deployment.name} accepts. Send a smaller body, or raise its max_request_bytes."
    )
    return {
        "match": {"prefix": "/", "headers": [length], **match},
        "direct_response": {"status": 413, "body": {"inline_string": message}},
        "metadata": route_metadata(endpoint, deployment),
        "typed_per_filter_config": every_route(endpoint),
    }


def unknown_pin(endpoint: EndpointRoute) -> Json:
    message = (
        f"Endpoint {endpoint.name} has no deployment of the name in the header {DEPLOYMENT_HEADER}. "
        "Name one that it has, or leave the header out."
    )
    pinned = {"headers": [{"name": DEPLOYMENT_HEADER, "present_match": True}]}
    return guarded_not_found(endpoint, message, match=pinned)


def no_traffic(endpoint: EndpointRoute) -> Json:
    message = (
        f"No deployment of endpoint {endpoint.name} receives traffic. Give one a share of the traffic, "
        f"or name one in the header {DEPLOYMENT_HEADER}."
    )
    return guarded_not_found(endpoint, message, match={})


def used_up(endpoint: EndpointRoute) -> Json:
    """A 402 that names the budget, and when it resets, to a caller who may come in."""
    assert endpoint.refusal is not None
    message = (
        f"Budget {endpoint.refusal.budget} is used up, and refuses requests until it resets at "
        f"{endpoint.refusal.resets_at}. Ask for it to be raised, or call again then."
    )
    return refused(endpoint, endpoint.refusal, message, match={})


def stopped(endpoint: EndpointRoute, deployment: DeploymentRoute, *, match: Json) -> Json:
    """The same of a deployment that was stopped: no request starts it."""
    assert deployment.refusal is not None
    message = (
        f"Deployment {deployment.name} was stopped when budget {deployment.refusal.budget} was used up. The budget "
        f"resets at {deployment.refusal.resets_at}; from then on, or once it is raised, the deployment can be started."
    )
    return refused(endpoint, deployment.refusal, message, match=match, deployment=deployment)


def refused(
    endpoint: EndpointRoute, by: Refusal, message: str, *, match: Json, deployment: DeploymentRoute | None = None
) -> Json:
    route = guarded_reply(endpoint, 402, message, match=match, deployment=deployment)
    route["metadata"]["filter_metadata"][METADATA] |= {"budget": by.budget, "resets_at": by.resets_at}
    return route


def guarded_not_found(endpoint: EndpointRoute, message: str, *, match: Json) -> Json:
    """A 404 that only a caller who may come in gets to see."""
    return guarded_reply(endpoint, 404, message, match=match)


def guarded_reply(
    endpoint: EndpointRoute, code: int, message: str, *, match: Json, deployment: DeploymentRoute | None = None
) -> Json:
    return {
        "match": {"prefix": "/", **match},
        "direct_response": {"status": code, "body": {"inline_string": message}},
        "metadata": route_metadata(endpoint, deployment),
        "typed_per_filter_config": every_route(endpoint),
    }


def not_found(message: str) -> Json:
    return {
        "match": {"prefix": "/"},
        "direct_response": {"status": 404, "body": {"inline_string": message}},
        "typed_per_filter_config": UNGUARDED,
    }


def every_route(endpoint: EndpointRoute) -> Json:
    """The per-filter configuration of each route of the endpoint."""
    return {**cors(endpoint), **guards(endpoint), **bandwidth(endpoint)}


def buffer_limit(max_request_bytes: int) -> Json:
    return typed(
        "envoy.extensions.filters.http.buffer.v3.BufferPerRoute",
        buffer={"max_request_bytes": max_request_bytes},
    )


def route_metadata(endpoint: EndpointRoute, deployment: DeploymentRoute | None) -> Json:
    """Read by the access log and by the filter that names the deployment in the answer."""
    names = {"endpoint": endpoint.name, **way_in(endpoint)}
    names |= {"deployment": deployment.name} if deployment else {}
    names |= kept(endpoint)
    return {"filter_metadata": {METADATA: names, **hold_metadata(deployment)}}


def header_input(name: str) -> Json:
    return extension(name, "envoy.type.matcher.v3.HttpRequestHeaderMatchInput", header_name=name)


def on_match(routes: list[Json]) -> Json:
    return {"action": extension("routes", "envoy.config.route.v3.RouteList", routes=routes)}
