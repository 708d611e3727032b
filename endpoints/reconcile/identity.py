"""Keys of identity providers, looked at again and again: they change when their owners want."""

from django.utils import timezone

from endpoints.reconcile.leases import lease
from endpoints.services.identity import refresh_due


def refresh_identity() -> None:
    with lease("identity", seconds=60) as held:
        if held is not None:
            refresh_due(now=timezone.now())
