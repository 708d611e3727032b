"""Operations: what runs now, and how far it is."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from endpoints.domain.diagnosis import Cause
from endpoints.enums import OperationState, Phase
from endpoints.models import Operation
from endpoints.selectors.diagnosis import causes_of
from endpoints.selectors.endpoints import operation_for, operations_for
from endpoints.services.operations import cancel_operation
from studio.actors import actor_of, signed_in
from studio.pages.endpoint_frame import rights
from studio.pages.page import page, show, went_to

SHOWN = 100


@page
def operation_list(request: HttpRequest) -> HttpResponse:
    operations = list(operations_for(signed_in(request))[:SHOWN])
    return show(request, "operations/list.html", {"operations": operations}, partial="rows")


@page
def operation_detail(request: HttpRequest, operation_id: UUID) -> HttpResponse:
    operation = operation_for(signed_in(request), operation_id)
    may = rights(request, operation.endpoint)
    arguments = [operation.endpoint.name, operation.deployment.name]
    context = {
        "settings_url": reverse("deployment_settings", args=arguments) if may["write"] else "",
        "operation": operation,
        "endpoint": operation.endpoint,
        "deployment": operation.deployment,
        "running": operation.state == OperationState.RUNNING,
        "rights": may,
        "logs": _logs(operation),
        "causes": _causes(operation),
        "crumbs": [
            {"label": "Endpoints", "url": reverse("endpoint_list")},
            {"label": operation.endpoint.name, "url": reverse("endpoint_detail", args=[operation.endpoint.name])},
            {"label": f"{operation.get_kind_display()} {operation.deployment.name}"},
        ],
    }
    return show(request, "operations/detail.html", context, partial="progress")


def _causes(operation: Operation) -> list[Cause]:
    failed = operation.state == OperationState.FAILED
    return causes_of(operation.deployment, message=operation.failure_message) if failed else []


def _logs(operation: Operation) -> list[dict[str, Any]]:
    """The log of the phase that counts first: the build's until it is built, then the server's."""
    build = {"id": "build-log", "title": "Environment build", "url": reverse("build_log", args=[operation.pk])}
    arguments = [operation.endpoint.name, operation.deployment.name]
    server = {"id": "server-log", "title": "Inference server", "url": reverse("replica_log", args=[*arguments, 0])}
    names = [phase["name"] for phase in operation.phases if phase["state"] in ("running", "failed")]
    return [build, server] if Phase.ENVIRONMENT.value in names else [server, build]


@page
@require_POST
def operation_cancel(request: HttpRequest, operation_id: UUID) -> HttpResponse:
    operation = operation_for(signed_in(request), operation_id)
    cancel_operation(actor=actor_of(request), operation=operation)
    return went_to(
        request, reverse("operation_detail", args=[operation.pk]), "Cancelling: what was started is stopped."
    )


urlpatterns = [
    path("operations/", operation_list, name="operation_list"),
    path("operations/<uuid:operation_id>/", operation_detail, name="operation_detail"),
    path("operations/<uuid:operation_id>/cancel/", operation_cancel, name="operation_cancel"),
]
