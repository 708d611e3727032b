"""`manage.py activator`: where requests wait for a deployment that is scaled to zero."""

import logging
import threading
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import close_old_connections, connection

from endpoints import hints
from endpoints.compute.local.changes import CHANGES_SOCKET, hear
from endpoints.gateway.activator import Activator
from endpoints.gateway.envoy.holding import ACTIVATOR_SOCKET
from endpoints.reconcile.idling import in_rotation
from endpoints.services.sleeping import wake_for_request

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Hold requests for deployments that are scaled to zero, and wake these. SIGTERM ends it."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        socket = Path(settings.STUDIO_RUN_DIR) / ACTIVATOR_SOCKET
        socket.unlink(missing_ok=True)
        application = Activator(wake=_wake, serving=in_rotation)
        hear(Path(settings.STUDIO_RUN_DIR) / CHANGES_SOCKET, partial(_changed, application))
        threading.Thread(target=_get_ready, daemon=True).start()
        uvicorn.run(application, uds=str(socket), lifespan="off", log_level="warning", access_log=False)


def _changed(application: Activator, deployment: str) -> None:
    application.expect()
    close_old_connections()
    hints.deployment_changed(deployment)


def _get_ready() -> None:
    """What is done for the first time takes long: not while somebody waits. And what was said while nobody heard is
    looked for."""
    try:
        in_rotation()
        _wake(UUID(int=0).hex)
        hints.routes_changed()
    except Exception as error:
        logger.warning("Not all is there yet: %s", error)
    finally:
        connection.close()


def _wake(deployment: str) -> bool:
    close_old_connections()
    return wake_for_request(deployment)
