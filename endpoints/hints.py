"""Wake-up calls after a commit. Losing one costs seconds, never truth: a sweep finds the work anyway."""

import logging
from collections.abc import Callable
from typing import Any

from celery import current_app
from django.db import transaction

logger = logging.getLogger(__name__)


def deployment_changed(deployment_id: object, *, delay: float = 0, chain: str = "") -> None:
    """`chain` marks a loop's follow-up call to itself; see reconcile.deployments."""
    name = "endpoints.tasks.reconcile_deployment"
    _after_commit(name, delay=delay, deployment_id=str(deployment_id), chain=chain)


def routes_changed() -> None:
    _after_commit("endpoints.tasks.reconcile_gateway")


def autoscale_changed() -> None:
    _after_commit("endpoints.tasks.autoscale")


def notifications_waiting() -> None:
    _after_commit("endpoints.tasks.send_notifications")


def _after_commit(task: str, *, delay: float = 0, **kwargs: Any) -> None:
    transaction.on_commit(lambda: _send(task, delay=delay, kwargs=kwargs))


def _send(task: str, *, delay: float, kwargs: dict[str, Any]) -> None:
    send: Callable[..., Any] = current_app.send_task
    try:
        send(task, kwargs=kwargs, countdown=delay or None, expires=30, retry=False)
    except Exception as error:  # the broker may be down; the sweep will find it
        logger.warning("Hint %s not sent: %s", task, error)
