"""`manage.py activator`: where requests wait for a deployment that is scaled to zero."""

from pathlib import Path
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import close_old_connections

from endpoints.gateway.activator import Activator
from endpoints.gateway.envoy.holding import ACTIVATOR_SOCKET
from endpoints.reconcile.idling import in_rotation
from endpoints.services.sleeping import wake_for_request


class Command(BaseCommand):
    help = "Hold requests for deployments that are scaled to zero, and wake these. SIGTERM ends it."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        socket = Path(settings.STUDIO_RUN_DIR) / ACTIVATOR_SOCKET
        socket.unlink(missing_ok=True)
        application = Activator(wake=_wake, serving=in_rotation)
        uvicorn.run(application, uds=str(socket), lifespan="off", log_level="warning", access_log=False)


def _wake(deployment: str) -> bool:
    close_old_connections()
    return wake_for_request(deployment)
