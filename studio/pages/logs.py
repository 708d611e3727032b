"""Logs: of a deployment's replicas, and of its environment's build. The viewer asks for what it does not have yet."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path, reverse

from endpoints import wiring
from endpoints.domain.errors import Invalid
from endpoints.enums import LogContainer
from endpoints.models import Deployment, Endpoint
from endpoints.selectors import logs as selectors
from endpoints.selectors.endpoints import deployment_of, operation_for, replica_of
from endpoints.selectors.logs import MOST_LINES, replica_ends, tail_of, written_since
from studio.actors import signed_in
from studio.pages.endpoint_frame import deployment_frame, endpoint_frame, readable_endpoint
from studio.pages.forms import whole_number
from studio.pages.page import page, show

TAIL_BYTES = 65_536
FIRST_LINES = 200
LINE_COUNTS = (FIRST_LINES, 1000, 5000)
ALL = "all"
DOWNLOAD_BYTES = 20 * 1024 * 1024


@page
def endpoint_logs(request: HttpRequest, name: str) -> HttpResponse:
    """`?deployment=` and `?replica=` choose; without them the first of each."""
    context = endpoint_frame(request, name, "endpoint_logs")
    deployments: list[Deployment] = context["deployments"]
    chosen = next((item for item in deployments if item.name == request.GET.get("deployment")), None)
    chosen = chosen or next(iter(deployments), None)
    context |= {"chosen": chosen, "log_tabs": log_tabs(context["endpoint"], "endpoint_logs")}
    if chosen is not None:
        context |= _sources(deployment_of(context["endpoint"], chosen.name), request)
    return show(request, "logs/endpoint.html", context)


@page
def deployment_logs(request: HttpRequest, name: str, deployment: str) -> HttpResponse:
    context = deployment_frame(request, name, deployment, "deployment_logs")
    return show(request, "logs/deployment.html", context | _sources(context["deployment"], request))


def log_tabs(endpoint: Endpoint, current: str) -> list[dict[str, Any]]:
    """What replicas write, and what the gateway tells of requests."""
    return [
        {"label": label, "url": reverse(name, args=[endpoint.name]), "current": name == current}
        for label, name in (("Output", "endpoint_logs"), ("Requests", "endpoint_traffic_log"))
    ]


def _sources(deployment: Deployment, request: HttpRequest) -> dict[str, Any]:
    """What the toolbar shows, and where the viewer reads: everything is in the URL."""
    replicas = list(deployment.replicas.all())
    ordinals = sorted({replica.ordinal for replica in replicas})
    wanted = whole_number(request.GET.get("replica", ""))
    ordinal = wanted if wanted in ordinals else None
    if request.GET.get("replica") != ALL and ordinal is None:
        ordinal = next(iter(ordinals), None)
    container = _container(request)
    has_output = bool(ordinals) or container == LogContainer.STORAGE_INITIALIZER
    return {
        "ordinals": ordinals,
        "ordinal": ordinal,
        "containers": LogContainer.choices,
        "container": container,
        "log_url": _log_url(deployment, request, container, ordinal) if has_output else "",
        "download_url": _download_url(deployment, container, ordinal),
        "log_replicas": replicas if container == LogContainer.INFERENCE_SERVER else [],
        "q": request.GET.get("q", "").strip(),
        "lines": _lines(request),
        "line_counts": LINE_COUNTS,
    }


def _container(request: HttpRequest) -> LogContainer:
    given = request.GET.get("container", "")
    return LogContainer(given) if given in LogContainer.values else LogContainer.INFERENCE_SERVER


def _log_url(deployment: Deployment, request: HttpRequest, container: LogContainer, ordinal: int | None) -> str:
    arguments = [deployment.endpoint.name, deployment.name]
    asked = {"q": request.GET.get("q", "").strip(), "lines": str(_lines(request))}
    if container == LogContainer.INFERENCE_SERVER and ordinal is not None:
        return f"{reverse('replica_log', args=[*arguments, ordinal])}?{urlencode(asked)}"
    return f"{reverse('deployment_log', args=arguments)}?{urlencode({**asked, 'container': container.value})}"


def _download_url(deployment: Deployment, container: LogContainer, ordinal: int | None) -> str:
    arguments = [deployment.endpoint.name, deployment.name]
    if container == LogContainer.STORAGE_INITIALIZER:
        return f"{reverse('deployment_build_log', args=arguments)}?download=1"
    return f"{reverse('replica_log', args=[*arguments, ordinal])}?download=1" if ordinal is not None else ""


def _lines(request: HttpRequest) -> int:
    """How many of the last lines."""
    given = whole_number(request.GET.get("lines", "")) or FIRST_LINES
    return min(given, MOST_LINES)


@page
def deployment_log(request: HttpRequest, name: str, deployment: str) -> HttpResponse:
    """As replica_log, of all replicas together or of the storage initializer."""
    found = deployment_of(readable_endpoint(request, name), deployment)
    if _container(request) == LogContainer.STORAGE_INITIALIZER:
        return _initializer_log(request, found)
    text, given = request.GET.get("q", "").strip(), request.GET.get("offset", "")
    if given:
        lines, ends = written_since(found, _ends(given), limit=TAIL_BYTES, text=text)
    else:
        ends = replica_ends(found)
        lines = tail_of(found, container=LogContainer.INFERENCE_SERVER, lines=_lines(request), text=text)
    return JsonResponse({"lines": lines, "offset": _cursor(ends), "done": False})


def _cursor(ends: Mapping[str, int]) -> str:
    return ",".join(f"{name}:{end}" for name, end in ends.items())


def _ends(cursor: str) -> dict[str, int]:
    pairs = [part.rpartition(":") for part in cursor.split(",")]
    ends = {name: whole_number(end) for name, _, end in pairs}
    if None in ends.values():
        raise Invalid({"offset": "offset comes from an earlier answer."})
    return {name: end for name, end in ends.items() if end is not None}


def _initializer_log(request: HttpRequest, deployment: Deployment) -> HttpResponse:
    """The files stand in it before the environment's build, which grows."""
    text, offset, done = request.GET.get("q", "").strip(), _offset(request), not deployment.environment_hash
    chunk = selectors.build_log(deployment, start=offset, limit=TAIL_BYTES)
    lines = [line for line in chunk.lines if text.lower() in line.lower()]
    if offset is None:
        lines = tail_of(deployment, container=LogContainer.STORAGE_INITIALIZER, lines=_lines(request), text=text)
    return JsonResponse({"lines": lines, "offset": chunk.end, "done": done})


@page
def replica_log(request: HttpRequest, name: str, deployment: str, ordinal: int) -> HttpResponse:
    """JSON {lines, offset, done}; `?offset=` gives what came after that byte, without it the last lines; `?q=` only
    those that hold it."""
    found = deployment_of(readable_endpoint(request, name), deployment)
    replica = replica_of(found, ordinal)
    if request.GET.get("download"):
        return _download(wiring.compute().whole_log(replica.pk), f"{name}-{deployment}-{ordinal}")
    text, offset = request.GET.get("q", "").strip(), _offset(request)
    if offset is None:
        end = wiring.compute().read_log(replica.pk, limit=1).size
        lines = wiring.compute().tail_log(replica.pk, lines=_lines(request), text=text)
        return JsonResponse({"lines": lines, "offset": end, "done": False})
    chunk = wiring.compute().read_log(replica.pk, start=offset, limit=TAIL_BYTES)
    lines = [line for line in chunk.lines if text.lower() in line.lower()]
    return JsonResponse({"lines": lines, "offset": chunk.end, "done": False})


@page
def deployment_build_log(request: HttpRequest, name: str, deployment: str) -> HttpResponse:
    found = deployment_of(readable_endpoint(request, name), deployment)
    return _build_log(request, found)


@page
def build_log(request: HttpRequest, operation_id: UUID) -> HttpResponse:
    return _build_log(request, operation_for(signed_in(request), operation_id).deployment)


def _build_log(request: HttpRequest, deployment: Deployment) -> HttpResponse:
    if request.GET.get("download"):
        whole = selectors.build_log(deployment, limit=DOWNLOAD_BYTES).text
        return _download([whole.encode()], f"{deployment.name}-build")
    offset = _offset(request)
    chunk = selectors.build_log(deployment, start=offset, limit=TAIL_BYTES)
    lines = chunk.lines[-FIRST_LINES:] if offset is None else chunk.lines
    return JsonResponse({"lines": lines, "offset": chunk.end, "done": not deployment.environment_hash})


def _offset(request: HttpRequest) -> int | None:
    given = request.GET.get("offset", "")
    offset = whole_number(given)
    if given and offset is None:
        raise Invalid({"offset": "offset is a number of bytes."})
    return offset


def _download(blocks: Iterable[bytes], filename: str) -> HttpResponse:
    response = HttpResponse(blocks, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{filename}.log"'
    return response


urlpatterns = [
    path("endpoints/<str:name>/logs/", endpoint_logs, name="endpoint_logs"),
    path("endpoints/<str:name>/deployments/<str:deployment>/logs/", deployment_logs, name="deployment_logs"),
    path(
        "endpoints/<str:name>/deployments/<str:deployment>/logs/build/",
        deployment_build_log,
        name="deployment_build_log",
    ),
    path("endpoints/<str:name>/deployments/<str:deployment>/logs/all/", deployment_log, name="deployment_log"),
    path("endpoints/<str:name>/deployments/<str:deployment>/logs/<int:ordinal>/", replica_log, name="replica_log"),
    path("operations/<uuid:operation_id>/build-log/", build_log, name="build_log"),
]
