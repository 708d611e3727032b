"""The whole desired state into the gateway, and its confirmation back."""

import time
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Prefetch
from django.utils import timezone

from endpoints import wiring
from endpoints.domain.actor import SYSTEM
from endpoints.domain.routing import DeploymentRoute, EndpointRoute, RouteTable, route_table
from endpoints.domain.servers import StudioServer
from endpoints.enums import ProvisioningState
from endpoints.gateway.port import RouteTableRefused
from endpoints.models import Deployment, Endpoint, GatewayState, Replica
from endpoints.reconcile.leases import lease
from endpoints.services import events

CONFIRM_SECONDS = 8.0


def reconcile_gateway() -> None:
    """Publish until what was confirmed is what is desired, or the gateway does not answer."""
    for _ in range(20):
        with lease("gateway") as held:
            if not held or not _step():
                return


def _step() -> bool:
    """True when the state moved on meanwhile, and another step is due."""
    state, _ = GatewayState.objects.get_or_create(id=1)
    endpoints = _load()
    table = table_of(endpoints)
    if state.confirmed_revision >= state.desired_revision and state.version == table.version:
        return False
    try:
        wiring.gateway().publish(table)
    except RouteTableRefused as error:
        GatewayState.objects.filter(id=1).update(refusal=str(error)[:4000], refused_at=timezone.now())
        return False
    if not _in_force(table.version):
        return False
    with transaction.atomic():
        _confirm(state.desired_revision, table.version, endpoints, now=timezone.now())
    return GatewayState.objects.filter(id=1, desired_revision__gt=state.desired_revision).exists()


def _load() -> list[Endpoint]:
    """Four queries, however many endpoints. The revision was read before: what is newer comes with the next."""
    routed = Replica.objects.filter(routed=True).order_by("pk")
    deployments = (
        Deployment.objects.present()
        .exclude(state=ProvisioningState.DELETING)
        .prefetch_related(Prefetch("replicas", queryset=routed, to_attr="routed_replicas"))
    )
    return list(
        Endpoint.objects.present()
        .exclude(state=ProvisioningState.DELETING)
        .prefetch_related("credentials", Prefetch("deployments", queryset=deployments, to_attr="live_deployments"))
    )


def table_of(endpoints: Iterable[Endpoint]) -> RouteTable:
    return route_table(_endpoint_route(endpoint) for endpoint in endpoints)


def _endpoint_route(endpoint: Endpoint) -> EndpointRoute:
    deployments: list[Deployment] = endpoint.live_deployments  # type: ignore[attr-defined]
    return EndpointRoute(
        name=endpoint.name,
        keys=tuple(sorted(credential.value for credential in endpoint.credentials.all())),
        deployments=tuple(_deployment_route(endpoint, item) for item in sorted(deployments, key=lambda d: d.name)),
    )


def _deployment_route(endpoint: Endpoint, deployment: Deployment) -> DeploymentRoute:
    replicas: list[Replica] = deployment.routed_replicas  # type: ignore[attr-defined]
    return DeploymentRoute(
        name=deployment.name,
        cluster=deployment.cluster,
        sockets=tuple(replica.socket for replica in replicas),
        weight=endpoint.traffic.get(deployment.name, 0),
        scoring_path=StudioServer.scoring_path,
        readiness_path=StudioServer.readiness_path,
        request_timeout_ms=deployment.request_timeout_ms,
        max_concurrent_requests_per_instance=deployment.max_concurrent_requests_per_instance,
        max_request_bytes=deployment.max_request_bytes,
    )


def _in_force(version: str) -> bool:
    """Observed, then done: wait until the gateway itself names this version."""
    deadline = time.monotonic() + CONFIRM_SECONDS
    while time.monotonic() < deadline:
        seen = wiring.gateway().observe()
        if seen.version == version:
            return True
        if not seen.live:
            return False
        time.sleep(0.005)
    return False


def _confirm(revision: int, version: str, endpoints: Iterable[Endpoint], *, now: datetime) -> None:
    GatewayState.objects.filter(id=1, confirmed_revision__lte=revision).update(
        confirmed_revision=revision, version=version, confirmed_at=now, refusal="", refused_at=None
    )
    for endpoint in endpoints:
        if endpoint.route_revision <= revision:
            _confirm_endpoint(endpoint, now=now)


def _confirm_endpoint(endpoint: Endpoint, *, now: datetime) -> None:
    same = Endpoint.objects.filter(pk=endpoint.pk, route_revision=endpoint.route_revision)
    if endpoint.state == ProvisioningState.CREATING and same.update(state=ProvisioningState.SUCCEEDED):
        events.record(actor=SYSTEM, verb="endpoint.ready", endpoint=endpoint)
    if endpoint.live_traffic != endpoint.traffic and same.update(live_traffic=endpoint.traffic, live_at=now):
        events.record(
            actor=SYSTEM,
            verb="traffic.live",
            endpoint=endpoint,
            before=endpoint.live_traffic,
            after=endpoint.traffic,
        )
