"""Wake-up calls: each under a minute, each safe to run twice."""

from typing import Any

from celery import shared_task

from endpoints.reconcile import auditing, autoscaling, deployments, gateway, housekeeping, identity, idling
from endpoints.reconcile import sweep as sweeper
from endpoints.services import notifications


@shared_task(name="endpoints.tasks.reconcile_deployment")
def reconcile_deployment(*, deployment_id: str, chain: str = "", **_: Any) -> None:
    deployments.reconcile_deployment(deployment_id=deployment_id, chain=chain)


@shared_task(name="endpoints.tasks.reconcile_gateway")
def reconcile_gateway(**_: Any) -> None:
    gateway.reconcile_gateway()


@shared_task(name="endpoints.tasks.sweep")
def sweep(**_: Any) -> None:
    sweeper.sweep()


@shared_task(name="endpoints.tasks.look_for_idle")
def look_for_idle(**_: Any) -> None:
    idling.look_for_idle()


@shared_task(name="endpoints.tasks.autoscale")
def autoscale(**_: Any) -> None:
    autoscaling.autoscale()


@shared_task(name="endpoints.tasks.refresh_identity")
def refresh_identity(**_: Any) -> None:
    identity.refresh_identity()


@shared_task(name="endpoints.tasks.send_notifications")
def send_notifications(**_: Any) -> None:
    notifications.send_due()


@shared_task(name="endpoints.tasks.audit")
def audit(**_: Any) -> None:
    auditing.audit()


@shared_task(name="endpoints.tasks.tidy")
def tidy(**_: Any) -> None:
    housekeeping.tidy()
