"""The state of the site, for its IT."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from endpoints import wiring
from endpoints.domain.replicas import Isolation
from endpoints.enums import NetworkAccess, OperationState, SleepState
from endpoints.models import Deployment, GatewayState, Operation

STUCK = timedelta(minutes=2)  # without a heartbeat


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayHealth:
    live: bool
    behind: int  # revisions that are desired and not confirmed
    confirmed_at: datetime | None
    refusal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteHealth:
    gateway: GatewayHealth
    isolation: Isolation
    closed: int  # deployments whose outbound network is disabled
    asleep: int
    stuck: list[Operation]


def site_health() -> SiteHealth:
    present = Deployment.objects.present()
    running = Operation.objects.filter(state=OperationState.RUNNING)
    stuck = running.filter(created_at__lt=timezone.now() - STUCK).exclude(heartbeat_at__gte=timezone.now() - STUCK)
    return SiteHealth(
        gateway=_gateway(),
        isolation=wiring.compute().isolation(),
        closed=present.filter(egress_public_network_access=NetworkAccess.DISABLED).count(),
        asleep=present.filter(sleep=SleepState.ASLEEP).count(),
        stuck=list(stuck.select_related("endpoint", "deployment")[:20]),
    )


def _gateway() -> GatewayHealth:
    state = GatewayState.objects.filter(pk=1).first() or GatewayState()
    return GatewayHealth(
        live=wiring.gateway().observe().live,
        behind=state.desired_revision - state.confirmed_revision,
        confirmed_at=state.confirmed_at,
        refusal=state.refusal,
    )
