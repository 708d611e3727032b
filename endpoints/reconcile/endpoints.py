"""Endpoints that are being deleted."""

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from endpoints.domain.actor import SYSTEM
from endpoints.enums import ProvisioningState
from endpoints.models import Deployment, Endpoint, GatewayState
from endpoints.services import events


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
