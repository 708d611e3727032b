"""What all pages of one endpoint, and of one deployment, have around them."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from endpoints.enums import ProvisioningState
from endpoints.models import Deployment, Endpoint
from endpoints.permissions import Action, actions_in, require
from endpoints.selectors.endpoints import deployment_of, endpoint_for
from studio.actors import signed_in

ENDPOINT_TABS = (
    ("Overview", "endpoint_detail"),
    ("Traffic", "endpoint_traffic"),
    ("Test", "endpoint_test"),
    ("Consume", "endpoint_consume"),
    ("Metrics", "endpoint_metrics"),
    ("Cost", "endpoint_cost"),
    ("Logs", "endpoint_logs"),
    ("Activity", "endpoint_activity"),
    ("Access", "endpoint_access"),
    ("Settings", "endpoint_settings"),
)
FOR_CALLERS = ("endpoint_consume", "endpoint_test")  # who only scores, or only reads keys, sees these
DEPLOYMENT_TABS = (
    ("Overview", "deployment_detail"),
    ("Scaling", "deployment_autoscale"),
    ("Metrics", "deployment_metrics"),
    ("Logs", "deployment_logs"),
    ("Spec", "deployment_spec"),
    ("Settings", "deployment_settings"),
)


def scoring_uri(endpoint: Endpoint) -> str:
    return f"{settings.STUDIO_GATEWAY_URL}/{endpoint.name}/score"


def host_scoring_uri(endpoint: Endpoint) -> str:
    """At the endpoint's own host; empty while there is no domain for it."""
    if not settings.STUDIO_GATEWAY_DOMAIN:
        return ""
    gateway = urlsplit(settings.STUDIO_GATEWAY_URL)
    port = f":{gateway.port}" if gateway.port else ""
    return f"{gateway.scheme}://{endpoint.name.lower()}.{settings.STUDIO_GATEWAY_DOMAIN}{port}/score"


def endpoint_frame(request: HttpRequest, name: str, current: str) -> dict[str, Any]:
    """The endpoint and its header; NotFound for strangers. `current` is the URL name of the open tab."""
    endpoint = endpoint_for(signed_in(request), name)
    may = rights(request, endpoint)
    if not may["read"] and current not in FOR_CALLERS:
        require(signed_in(request), Action.READ, endpoint)
    return {
        "endpoint": endpoint,
        "deployments": endpoint.live_deployments,  # type: ignore[attr-defined]
        "scoring_uri": scoring_uri(endpoint),
        "rights": may,
        "segments": traffic_segments(endpoint),
        "mirror": mirror_segment(endpoint),
        "confirmed": (endpoint.traffic, endpoint.mirror_traffic) == (endpoint.live_traffic, endpoint.live_mirror),
        "deleting": endpoint.state == ProvisioningState.DELETING,
        "tabs": [
            {"label": label, "url": reverse(url, args=[endpoint.name]), "current": url == current}
            for label, url in ENDPOINT_TABS
            if may["read"] or url in FOR_CALLERS
        ],
        "crumbs": [{"label": "Endpoints", "url": reverse("endpoint_list")}, {"label": endpoint.name}],
    }


def readable_endpoint(request: HttpRequest, name: str) -> Endpoint:
    """For what is behind the tabs, their figures and files: who only scores, or only reads keys, is refused."""
    endpoint = endpoint_for(signed_in(request), name)
    require(signed_in(request), Action.READ, endpoint)
    return endpoint


def deployment_frame(request: HttpRequest, name: str, deployment_name: str, current: str) -> dict[str, Any]:
    """The deployment within its endpoint."""
    context = endpoint_frame(request, name, "")
    endpoint: Endpoint = context["endpoint"]
    deployment = deployment_of(endpoint, deployment_name)
    home = reverse("endpoint_detail", args=[endpoint.name])
    return {
        **context,
        "deployment": deployment,
        "share": endpoint.traffic.get(deployment.name, 0),
        "mirror_share": endpoint.mirror_traffic.get(deployment.name, 0),
        "tabs": [
            {"label": label, "url": reverse(url, args=[endpoint.name, deployment.name]), "current": url == current}
            for label, url in DEPLOYMENT_TABS
        ],
        "crumbs": [
            {"label": "Endpoints", "url": reverse("endpoint_list")},
            {"label": endpoint.name, "url": home},
            {"label": deployment.name},
        ],
    }


def rights(request: HttpRequest, endpoint: Endpoint) -> dict[str, bool]:
    """{"write": True, …}: what the page may offer. The services check again."""
    allowed = actions_in(signed_in(request), endpoint)
    return {action.name.lower(): action in allowed for action in Action}


def traffic_segments(endpoint: Endpoint) -> list[dict[str, Any]]:
    """What the gateway was last seen to do, for the traffic bar."""
    deployments: list[Deployment] = endpoint.live_deployments  # type: ignore[attr-defined]
    return [
        {"name": item.name, "percent": endpoint.live_traffic[item.name], "slot": item.color_slot}
        for item in deployments
        if endpoint.live_traffic.get(item.name)
    ]


def mirror_segment(endpoint: Endpoint) -> dict[str, Any] | None:
    """Which deployment the gateway was last seen to send copies to."""
    deployments: list[Deployment] = endpoint.live_deployments  # type: ignore[attr-defined]
    return next(
        (
            {"name": item.name, "percent": endpoint.live_mirror[item.name], "slot": item.color_slot}
            for item in deployments
            if endpoint.live_mirror.get(item.name)
        ),
        None,
    )
