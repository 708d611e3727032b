"""The renderers are pure: what they say is compared, without a server."""

import dataclasses
from itertools import pairwise
from pathlib import Path
from typing import Any

from endpoints.domain.routing import DeploymentRoute, EndpointRoute, Mirror, RouteTable, route_table
from endpoints.gateway.envoy.bootstrap import bootstrap, latency_bounds
from endpoints.gateway.envoy.clusters import HTTP1, OUTLIER_DETECTION, cluster, health_check
from endpoints.gateway.envoy.documents import discovery_document
from endpoints.gateway.envoy.listener import Doors, plain_listener
from endpoints.gateway.envoy.mirroring import mirror_clusters
from endpoints.gateway.envoy.resources import Layout, manifest, render, with_clusters_of
from endpoints.gateway.envoy.routes import route_configuration, weighted_routes

BLUE = DeploymentRoute(
    name="blue",
    cluster="d-1",
    sockets=("/run/a.sock", "/run/b.sock"),
    weight=70,
    scoring_path="/v1/predict",
    request_timeout_ms=1500,
    max_concurrent_requests_per_instance=4,
    max_request_bytes=1000,
)
GREEN = DeploymentRoute(name="green", cluster="d-2", sockets=(), weight=30)
OFF = DeploymentRoute(name="off", cluster="d-3", sockets=(), weight=0)
DIABETES = EndpointRoute(name="diabetes", keys=("one", "two"), deployments=(BLUE, GREEN, OFF))
TABLE = route_table([DIABETES])
GOOGLE = "type.googleapis.com/"
NO_TOKEN = {
    "@type": GOOGLE + "envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig",
    "disabled": True,
}
ANY_ROLE = {"@type": GOOGLE + "envoy.extensions.filters.http.rbac.v3.RBACPerRoute"}
KEYS = {
    "@type": GOOGLE + "envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuthPerRoute",
    "credentials": [{"key": "one", "client": "key-1"}, {"key": "two", "client": "key-2"}],
    "forwarding": {"hide_credentials": True, "header": "x-studio-caller"},
}


def test_a_cluster() -> None:
    assert cluster(BLUE) == {
        "@type": GOOGLE + "envoy.config.cluster.v3.Cluster",
        "name": "d-1",
        "type": "STATIC",
        "load_assignment": {
            "cluster_name": "d-1",
            "endpoints": [
                {
                    "lb_endpoints": [
                        {"endpoint": {"address": {"pipe": {"path": "/run/a.sock"}}}},
                        {"endpoint": {"address": {"pipe": {"path": "/run/b.sock"}}}},
                    ]
                }
            ],
        },
        "connect_timeout": "1s",
        "lb_policy": "LEAST_REQUEST",
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
        "health_checks": [health_check(BLUE)],
        "outlier_detection": OUTLIER_DETECTION,
        "circuit_breakers": {
            "thresholds": [
                {
                    "max_requests": 16,
                    "max_pending_requests": 16,
                    "max_retries": 16,
                    "max_connections": 1_000_000,
                }
            ]
        },
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": HTTP1},
    }


def test_the_shares_are_cumulative_and_the_limits_are_the_deployments_own() -> None:
    too_large, score, rest, *green = weighted_routes(DIABETES, "/diabetes/")
    seventy = {"runtime_fraction": {"default_value": {"numerator": 70, "denominator": "HUNDRED"}}}
    hundred = {"runtime_fraction": {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}}
    metadata = {
        "filter_metadata": {"endpoint_studio": {"endpoint": "diabetes", "deployment": "blue", "auth_mode": "key"}}
    }
    cap = {
        "@type": GOOGLE + "envoy.extensions.filters.http.buffer.v3.BufferPerRoute",
        "buffer": {"max_request_bytes": 1000},
    }
    assert score == {
        "match": {"path": "/diabetes/score", **seventy},
        "route": {"cluster": "d-1", "prefix_rewrite": "/v1/predict", "timeout": "1.500s"},
        "metadata": metadata,
        "typed_per_filter_config": {"api_key_auth": KEYS, "jwt_authn": NO_TOKEN, "rbac": ANY_ROLE, "buffer": cap},
    }
    assert rest == score | {
        "match": {"prefix": "/diabetes/", **seventy},
        "route": {"cluster": "d-1", "prefix_rewrite": "/", "timeout": "1.500s"},
    }
    over = {"start": 1001, "end": 2**63 - 1}
    assert too_large["match"] == {
        "prefix": "/",
        "headers": [{"name": "content-length", "range_match": over}],
        **seventy,
    }
    assert too_large["direct_response"]["status"] == 413
    assert [route["match"] | hundred for route in green] == [route["match"] for route in green]
    assert len(green) == 2  # its scoring path is /score: one route serves it and everything else


def test_the_lookup_is_a_tree_over_paths_and_pins() -> None:
    host = route_configuration(TABLE)["virtual_hosts"][0]
    tree = host["matcher"]["matcher_tree"]
    assert tree["input"]["typed_config"]["header_name"] == ":path"
    assert set(tree["prefix_match_map"]["map"]) == {"/diabetes/", "/diabetes/metrics"}
    pins = tree["prefix_match_map"]["map"]["/diabetes/"]["matcher"]
    assert pins["matcher_tree"]["input"]["typed_config"]["header_name"] == "azureml-model-deployment"
    assert set(pins["matcher_tree"]["exact_match_map"]["map"]) == {"blue", "green", "off"}


def test_nothing_reaches_a_cluster_without_the_keys_of_its_endpoint() -> None:
    routes = list(every_route(route_configuration(TABLE)))
    assert len(routes) > 10
    for route in routes:
        guard = route["typed_per_filter_config"]["api_key_auth"]
        if "route" in route:
            assert guard == KEYS
        else:
            assert guard == KEYS or (guard["disabled"] and route["direct_response"]["status"] == 404)


def every_route(node: Any) -> Any:
    if isinstance(node, dict):
        yield from node.get("routes", [])
        for value in node.values():
            yield from every_route(value)
    elif isinstance(node, list):
        for value in node:
            yield from every_route(value)


def test_an_empty_table_has_no_tree() -> None:
    nothing = route_configuration(RouteTable(endpoints=()))["virtual_hosts"][0]["matcher"]
    assert set(nothing) == {"on_no_match"}


def test_a_weight_changes_the_routes_alone_and_a_replica_the_clusters_alone() -> None:
    before = render(TABLE)
    even = dataclasses.replace(DIABETES, deployments=(dataclasses.replace(BLUE, weight=60), *DIABETES.deployments[1:]))
    more = dataclasses.replace(DIABETES, deployments=(dataclasses.replace(BLUE, sockets=()), *DIABETES.deployments[1:]))
    shifted, scaled = render(route_table([even])), render(route_table([more]))
    assert shifted.clusters_document == before.clusters_document
    assert shifted.routes_document != before.routes_document
    assert scaled.routes_document == before.routes_document
    assert scaled.clusters_document != before.clusters_document


def test_equal_tables_have_equal_documents() -> None:
    again = route_table([dataclasses.replace(DIABETES)])
    assert render(again) == render(TABLE)
    assert manifest("v", render(again)) == manifest("v", render(TABLE))


def test_a_removed_cluster_is_kept_as_long_as_a_route_may_name_it() -> None:
    resources = render(TABLE)
    changed = cluster(dataclasses.replace(BLUE, sockets=()))
    gone = {"name": "d-9", "@type": "x"}
    assert with_clusters_of([changed, gone], resources) == discovery_document([*resources.clusters, gone])
    assert with_clusters_of([changed], resources) == resources.clusters_document


def test_the_bootstrap() -> None:
    rendered = bootstrap(listeners=Path("/c/l.json"), clusters=Path("/c/c.json"), admin_socket=Path("/run/a.sock"))
    assert rendered["admin"] == {"address": {"pipe": {"path": "/run/a.sock", "mode": 0o600}}}
    assert rendered["dynamic_resources"] == {
        "lds_config": {"path_config_source": {"path": "/c/l.json"}, "resource_api_version": "V3"},
        "cds_config": {"path_config_source": {"path": "/c/c.json"}, "resource_api_version": "V3"},
    }


def test_latency_buckets_are_fine_and_reach_azures_longest_timeout() -> None:
    bounds = latency_bounds()
    assert bounds == sorted(set(bounds))
    assert bounds[0] < 1
    assert bounds[-1] >= 300_000
    assert all(after <= max(before * 1.16, before + 1) for before, after in pairwise(bounds))


def test_the_listener_trusts_nobody_and_shares_its_port_with_nobody() -> None:
    rendered = plain_listener(Layout(Path("/c")), Doors(port=8080), None)
    assert rendered["address"] == {"socket_address": {"address": "127.0.0.1", "port_value": 8080}}
    assert rendered["enable_reuse_port"] is False
    manager = rendered["filter_chains"][0]["filters"][0]["typed_config"]
    expected = {
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "use_remote_address": True,
        "preserve_external_request_id": False,
        "always_set_request_id_in_response": True,
        "request_headers_timeout": "10s",
        "access_log": [],
    }
    assert manager | expected == manager
    assert [each["name"] for each in manager["http_filters"]] == [
        "client_request_id_guard",
        "client_request_id",
        "deployment_name",
        "cors",
        "api_key_auth",
        "key_name",
        "jwt_authn",
        "rbac",
        "local_ratelimit",
        "bandwidth_share",
        "hold",
        "buffer",
        "router",
    ]


def test_only_routes_of_unpinned_requests_are_copied() -> None:
    mirrored = dataclasses.replace(DIABETES, mirror=Mirror(deployment="off", percent=10))
    resources = render(route_table([mirrored]))
    copying = [
        route["route"]["cluster"]
        for route in every_route(resources.route_configurations[0])
        if "request_mirror_policies" in route.get("route", {})
    ]
    assert copying == ["d-1", "d-1", "d-2"]  # scoring apart where it has another path
    assert [each["name"] for each in resources.clusters] == ["d-1", "d-2", "d-3", "m-3"]
    assert "m-3" not in str(render(TABLE).clusters)


def test_copies_get_half_of_what_the_target_works_on() -> None:
    for concurrent, sockets, copies in ((1, (), 1), (1, ("/a",), 1), (4, ("/a", "/b"), 4), (5, ("/a",), 2)):
        target = dataclasses.replace(OFF, sockets=sockets, max_concurrent_requests_per_instance=concurrent)
        mirror = Mirror(deployment="off", percent=10)
        (found,) = mirror_clusters(dataclasses.replace(DIABETES, deployments=(BLUE, target), mirror=mirror))
        (limits,) = found["circuit_breakers"]["thresholds"]
        assert {limits[name] for name in ("max_connections", "max_requests", "max_pending_requests")} == {copies}
        assert found["per_connection_buffer_limit_bytes"] > max(BLUE.max_request_bytes, target.max_request_bytes)


def test_keepers_are_asked_often_and_servers_patiently() -> None:
    judged = dataclasses.replace(BLUE, readiness_sockets=tuple((socket, f"{socket}.ok") for socket in BLUE.sockets))
    assert (health_check(judged)["interval"], health_check(judged)["no_traffic_healthy_interval"]) == ("1s", "1s")
    in_part = dataclasses.replace(BLUE, readiness_sockets=judged.readiness_sockets[:1])
    assert (health_check(in_part)["interval"], health_check(in_part)["no_traffic_healthy_interval"]) == ("2s", "5s")
