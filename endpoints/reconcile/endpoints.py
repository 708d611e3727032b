"""What concerns whole endpoints: their end, and traffic that was promised to a deployment."""

import logging

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from endpoints.domain.actor import SYSTEM
from endpoints.domain.errors import StudioError
from endpoints.enums import ProvisioningState
from endpoints.models import Deployment, Endpoint, GatewayState
from endpoints.services import events, traffic

logger = logging.getLogger(__name__)


def bury_endpoints() -> None:
    """Those whose last deployment is gone, and whose route the gateway was seen to have dropped."""
    confirmed = GatewayState.objects.filter(pk=1).values_list("confirmed_revision", flat=True).first() or 0
    left = Deployment.objects.present().filter(endpoint=OuterRef("pk"))
    over = Endpoint.objects.present().filter(
        ~Exists(left), state=ProvisioningState.DELETING, route_revision__lte=confirmed
    )
    for endpoint in over:
        with transaction.atomic():
            now = timezone.now()
            if Endpoint.objects.present().filter(pk=endpoint.pk).update(deleted_at=now, updated_at=now):
                events.record(actor=SYSTEM, verb="endpoint.deleted", endpoint=endpoint)


def give_all_traffic() -> None:
    """Deployments that were to have all the traffic, and serve now, get it. Asked for once, given once."""
    waiting = Deployment.objects.present().filter(all_traffic=True, serving_generation__isnull=False)
    usable = waiting.exclude(state=ProvisioningState.DELETING).exclude(endpoint__state=ProvisioningState.DELETING)
    for deployment in usable.select_related("endpoint__workspace"):
        try:
            _give_all_traffic(deployment)
        except StudioError as error:  # it is being deleted by now
            logger.info("%s does not get all the traffic: %s", deployment, error)


def _give_all_traffic(deployment: Deployment) -> None:
    with transaction.atomic():
        endpoint = Endpoint.objects.select_for_update(no_key=True).get(pk=deployment.endpoint_id)
        if Deployment.objects.filter(pk=deployment.pk, all_traffic=True).update(all_traffic=False):
            reason = f"Asked for when {deployment.name} was created."
            mirror: dict[str, int] | None = {} if deployment.name in endpoint.mirror_traffic else None
            traffic.set_traffic(
                actor=SYSTEM, endpoint=endpoint, traffic={deployment.name: 100}, mirror=mirror, reason=reason
            )
