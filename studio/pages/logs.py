"""Logs: of a deployment's replicas, and of its environment's build. The viewer asks for what it does not have yet."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path, reverse

from endpoints import wiring
from endpoints.domain.errors import Invalid
from endpoints.domain.replicas import LogChunk
from endpoints.models import Deployment
from endpoints.selectors.endpoints import deployment_of, endpoint_for, operation_for, replica_of
from studio.actors import signed_in
from studio.pages.endpoint_frame import deployment_frame, endpoint_frame
from studio.pages.forms import whole_number
from studio.pages.page import page, show

TAIL_BYTES = 65_536
FIRST_LINES = 200
DOWNLOAD_BYTES = 20 * 1024 * 1024


@page
def endpoint_logs(request: HttpRequest, name: str) -> HttpResponse:
    """`?deployment=` and `?replica=` choose; without them the first of each."""
    context = endpoint_frame(request, name, "endpoint_logs")
    deployments: list[Deployment] = context["deployments"]
    chosen = next((item for item in deployments if item.name == request.GET.get("deployment")), None)
    chosen = chosen or next(iter(deployments), None)
    context["chosen"] = chosen
    if chosen is not None:
        context |= _sources(deployment_of(context["endpoint"], chosen.name), request)
    return show(request, "logs/endpoint.html", context)


@page
def deployment_logs(request: HttpRequest, name: str, deployment: str) -> HttpResponse:
    context = deployment_frame(request, name, deployment, "deployment_logs")
    return show(request, "logs/deployment.html", context | _sources(context["deployment"], request))


def _sources(deployment: Deployment, request: HttpRequest) -> dict[str, Any]:
    replicas = list(deployment.replicas.all())
    ordinals = sorted({replica.ordinal for replica in replicas})
    wanted = whole_number(request.GET.get("replica", ""))
    source = "build" if request.GET.get("source") == "build" else "server"
    ordinal = wanted if wanted in ordinals else next(iter(ordinals), None)
    arguments = [deployment.endpoint.name, deployment.name]
    if source == "build":
        url = reverse("deployment_build_log", args=arguments)
    else:
        url = reverse("replica_log", args=[*arguments, ordinal]) if ordinal is not None else ""
    return {"ordinals": ordinals, "ordinal": ordinal, "source": source, "log_url": url, "log_replicas": replicas}


@page
def replica_log(request: HttpRequest, name: str, deployment: str, ordinal: int) -> HttpResponse:
    """JSON {lines, offset}; `?offset=` gives what came after that byte, without it the last lines."""
    found = deployment_of(endpoint_for(signed_in(request), name), deployment)
    replica = replica_of(found, ordinal)
    return _answer(
        request, lambda **where: wiring.compute().read_log(replica.pk, **where), f"{name}-{deployment}-{ordinal}"
    )


@page
def deployment_build_log(request: HttpRequest, name: str, deployment: str) -> HttpResponse:
    found = deployment_of(endpoint_for(signed_in(request), name), deployment)
    return _build_log(request, found)


@page
def build_log(request: HttpRequest, operation_id: UUID) -> HttpResponse:
    return _build_log(request, operation_for(signed_in(request), operation_id).deployment)


def _build_log(request: HttpRequest, deployment: Deployment) -> HttpResponse:
    spec_hash = deployment.environment_hash
    return _answer(request, lambda **where: wiring.builder().read_log(spec_hash, **where), f"{deployment.name}-build")


def _answer(request: HttpRequest, read: Callable[..., LogChunk], filename: str) -> HttpResponse:
    if request.GET.get("download"):
        response = HttpResponse(read(limit=DOWNLOAD_BYTES).text, content_type="text/plain; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{filename}.log"'
        return response
    given = request.GET.get("offset", "")
    offset = whole_number(given)
    if given and offset is None:
        raise Invalid({"offset": "offset is a number of bytes."})
    chunk = read(start=offset, limit=TAIL_BYTES)
    lines = chunk.text.splitlines()
    return JsonResponse({"lines": lines if given else lines[-FIRST_LINES:], "offset": chunk.end, "done": False})


urlpatterns = [
    path("endpoints/<str:name>/logs/", endpoint_logs, name="endpoint_logs"),
    path("endpoints/<str:name>/deployments/<str:deployment>/logs/", deployment_logs, name="deployment_logs"),
    path(
        "endpoints/<str:name>/deployments/<str:deployment>/logs/build/",
        deployment_build_log,
        name="deployment_build_log",
    ),
    path("endpoints/<str:name>/deployments/<str:deployment>/logs/<int:ordinal>/", replica_log, name="replica_log"),
    path("operations/<uuid:operation_id>/build-log/", build_log, name="build_log"),
]
