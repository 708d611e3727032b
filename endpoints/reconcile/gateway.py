"""The whole desired state into the gateway, and its confirmation back."""

import logging
import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Prefetch
from django.utils import timezone

from endpoints import wiring
from endpoints.domain.actor import SYSTEM
from endpoints.domain.limits import Limits
from endpoints.domain.pricing import month_end
from endpoints.domain.routing import (
    Claim,
    DeploymentRoute,
    EndpointRoute,
    Invokers,
    Issuer,
    Mirror,
    Refusal,
    RouteTable,
    claims_of,
    route_table,
)
from endpoints.enums import AuthMode, ProvisioningState, SleepState
from endpoints.gateway.activator import ROOM as HELD
from endpoints.gateway.port import RouteTableRefused
from endpoints.models import Budget, Deployment, Endpoint, GatewayState, Replica
from endpoints.reconcile.endpoints import bury_endpoints
from endpoints.reconcile.leases import Held, lease
from endpoints.reconcile.outcomes import limits_of
from endpoints.selectors.access import invokers_of
from endpoints.selectors.budgets import refusing
from endpoints.selectors.identity import issuers
from endpoints.selectors.limits import cors_of, limits_in_force, site_limits
from endpoints.selectors.traffic_log import logging_of
from endpoints.services import events
from endpoints.services.brought_servers import routes_of

logger = logging.getLogger(__name__)

CONFIRM_SECONDS = 8.0
REFUSED_AGAIN = timedelta(seconds=30)  # before a table that was refused is tried once more


def reconcile_gateway() -> None:
    """Publish until what was confirmed is what is desired, or the gateway does not answer."""
    for _ in range(20):
        with lease("gateway", seconds=60) as held:
            if held is None:
                return
            revision = _step(held)
        # Looked at after the lease was given back: a hint that came before was turned away.
        if revision is None or not GatewayState.objects.filter(id=1, desired_revision__gt=revision).exists():
            break
    bury_endpoints()


def _step(held: Held) -> int | None:
    """The revision that is in force; None when the gateway has not confirmed it."""
    state, _ = GatewayState.objects.get_or_create(id=1)
    endpoints = _load()
    table = table_of(endpoints)
    if not _published(state, table) or not _in_force(table.version):
        return None
    if state.confirmed_revision < state.desired_revision or state.version != table.version or state.refusal:
        with transaction.atomic():
            if held.keep():
                _confirm(state.desired_revision, table.version, endpoints, now=timezone.now())
    return state.desired_revision


def _published(state: GatewayState, table: RouteTable) -> bool:
    """Whether the gateway has the table, now or before."""
    seen = wiring.gateway().observe()
    if seen.version == table.version:
        return True
    if not seen.live and state.published_version == table.version:
        return False
    now = timezone.now()
    if state.refused_version == table.version and state.refused_at and now - state.refused_at < REFUSED_AGAIN:
        return False
    return _publish(table, now=now)


def _publish(table: RouteTable, *, now: datetime) -> bool:
    row = GatewayState.objects.filter(id=1)
    try:
        wiring.gateway().publish(table)
    except RouteTableRefused as error:
        logger.warning("The gateway refused route table %s: %s", table.version, error)
        row.update(refusal=str(error)[:4000], refused_at=now, refused_version=table.version)
        return False
    row.exclude(published_version=table.version).update(published_version=table.version)
    return True


def _load() -> list[Endpoint]:
    """Four queries, however many endpoints. The revision was read before: what is newer comes with the next."""
    routed = Replica.objects.filter(routed=True).order_by("pk")
    deployments = (
        Deployment.objects.present()
        .exclude(state=ProvisioningState.DELETING)
        .select_related("model", "stopped_by")
        .prefetch_related(Prefetch("replicas", queryset=routed, to_attr="routed_replicas"))
    )
    return list(
        Endpoint.objects.present()
        .exclude(state=ProvisioningState.DELETING)
        .prefetch_related("credentials", Prefetch("deployments", queryset=deployments, to_attr="live_deployments"))
    )


def table_of(endpoints: Iterable[Endpoint]) -> RouteTable:
    """With whose tokens are believed, who may score with them, and which budgets refuse: at most six queries more."""
    present, believed = list(endpoints), issuers()
    by_role = [each for each in present if each.auth_mode == AuthMode.AAD_TOKEN]
    invokers = invokers_of(by_role) if by_role else {}
    refused, site = refusing(present), site_limits()
    return route_table(
        (
            replace(
                _endpoint_route(each, _claims(each, invokers.get(each.pk), believed), site),
                refusal=_refusal(refused.get(each.pk)),
            )
            for each in present
        ),
        believed,
        domain=settings.STUDIO_GATEWAY_DOMAIN,
    )


def _claims(endpoint: Endpoint, invokers: Invokers | None, believed: Iterable[Issuer]) -> tuple[Claim, ...]:
    return tuple(
        claims_of(
            endpoint_id=endpoint.pk.hex,
            auth_mode=AuthMode(endpoint.auth_mode),
            invokers=invokers or Invokers(),
            issuers=believed,
        )
    )


def _refusal(budget: Budget | None) -> Refusal | None:
    """Of the month of which the budget was looked at last: it lasts until somebody sees that the month is over."""
    if budget is None or budget.period_start is None:
        return None
    return Refusal(budget=budget.name, resets_at=f"{month_end(budget.period_start):%Y-%m-%dT%H:%M:%SZ}")


def _stopped(deployment: Deployment) -> Refusal | None:
    """Of the month in which it was stopped: somebody has to start it afterwards."""
    if deployment.sleep != SleepState.STOPPED or deployment.stopped_by is None or deployment.sleep_changed_at is None:
        return None
    resets_at = month_end(deployment.sleep_changed_at)
    return Refusal(budget=deployment.stopped_by.name, resets_at=f"{resets_at:%Y-%m-%dT%H:%M:%SZ}")


def _endpoint_route(endpoint: Endpoint, claims: tuple[Claim, ...], site: Limits) -> EndpointRoute:
    deployments: list[Deployment] = endpoint.live_deployments  # type: ignore[attr-defined]
    by_key = endpoint.auth_mode == AuthMode.KEY
    keys = sorted(endpoint.credentials.all(), key=lambda each: each.value) if by_key else []
    mirrored = endpoint.mirror_traffic.items()
    return EndpointRoute(
        name=endpoint.name,
        auth_mode=AuthMode(endpoint.auth_mode),
        id=endpoint.pk.hex,
        keys=tuple(each.value for each in keys),
        key_names=tuple(str(each.kind) for each in keys),
        claims=claims,
        mirror=next((Mirror(deployment=name, percent=percent) for name, percent in mirrored), None),
        limits=limits_in_force(endpoint, site),
        cors=cors_of(endpoint),
        traffic_log=logging_of(endpoint),
        deployments=tuple(_deployment_route(endpoint, item) for item in sorted(deployments, key=lambda d: d.name)),
    )


def _deployment_route(endpoint: Endpoint, deployment: Deployment) -> DeploymentRoute:
    replicas: list[Replica] = deployment.routed_replicas  # type: ignore[attr-defined]
    limits = deployment.serving_limits or limits_of(deployment)
    awake, stopped = deployment.sleep == SleepState.AWAKE, deployment.sleep == SleepState.STOPPED
    routes = routes_of(deployment)
    return DeploymentRoute(
        name=deployment.name,
        cluster=deployment.cluster,
        sockets=tuple(replica.socket for replica in replicas),
        weight=endpoint.traffic.get(deployment.name, 0),
        scoring_path=routes.scoring.path,
        readiness_path=routes.readiness.path,
        readiness_sockets=tuple((each.socket, each.readiness_socket) for each in replicas if each.readiness_socket),
        **limits,
        hold_ms=0 if awake or stopped or replicas else limits["request_timeout_ms"],
        queue=0 if awake or stopped else HELD,
        refusal=_stopped(deployment),
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
    """Endpoints first, as in every transaction that takes a revision: the row of the gateway is locked last."""
    for endpoint in endpoints:
        if endpoint.route_revision <= revision:
            _confirm_endpoint(endpoint, now=now)
    GatewayState.objects.filter(id=1, confirmed_revision__lte=revision).update(
        confirmed_revision=revision,
        version=version,
        confirmed_at=now,
        refusal="",
        refused_at=None,
        refused_version="",
    )


def _confirm_endpoint(endpoint: Endpoint, *, now: datetime) -> None:
    same = Endpoint.objects.filter(pk=endpoint.pk, route_revision=endpoint.route_revision)
    if endpoint.state == ProvisioningState.CREATING and same.update(state=ProvisioningState.SUCCEEDED):
        events.record(actor=SYSTEM, verb="endpoint.ready", endpoint=endpoint)
    changes = (
        ("traffic.live", "live_traffic", endpoint.live_traffic, endpoint.traffic),
        ("mirror.live", "live_mirror", endpoint.live_mirror, endpoint.mirror_traffic),
    )
    for verb, field, before, after in changes:
        if before != after and same.update(**{field: after}, live_at=now):
            events.record(actor=SYSTEM, verb=verb, endpoint=endpoint, before=before, after=after)
