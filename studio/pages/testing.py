"""The Test tab: send a request as yourself, and see where its time went."""

import json
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from endpoints.domain.errors import Invalid, NotFound
from endpoints.domain.json_diff import Change
from endpoints.enums import TrafficLogMode
from endpoints.models import Deployment, Endpoint, TestCall
from endpoints.selectors.endpoints import test_calls_of
from endpoints.services.comparison import Comparison, compare
from endpoints.services.invoke import Answer, invoke
from studio.actors import actor_of, signed_in
from studio.pages.endpoint_frame import endpoint_frame, scoring_uri
from studio.pages.page import page, show
from studio.pages.sample_body import sample_body
from studio.pages.snippets import snippets, token_url

HISTORY = 50
SHOWN_BYTES = 200_000
SHOWN_VALUE = 500  # characters of a value in the list of differences
TEMPLATE = "testing/tab.html"


@page
def endpoint_test(request: HttpRequest, name: str) -> HttpResponse:
    """`?deployment=` pins; `?call=` puts an earlier request back into the editor."""
    context = _context(request, name)
    if request.method == "POST":
        return _compare(request, context) if request.POST.get("other") else _send(request, context)
    if request.GET.get("part") == "history":
        return show(request, TEMPLATE, context, partial="history")
    return show(request, TEMPLATE, context)


def _context(request: HttpRequest, name: str) -> dict[str, Any]:
    context = endpoint_frame(request, name, "endpoint_test")
    endpoint: Endpoint = context["endpoint"]
    deployments: list[Deployment] = context["deployments"]
    history = list(test_calls_of(signed_in(request), endpoint)[:HISTORY])
    replayed = _replayed(request, history)
    pinned = request.POST.get("deployment", request.GET.get("deployment", replayed.pinned_to if replayed else ""))
    targets = [item for item in deployments if item.name == pinned] or deployments
    sample = sample_body(targets, history)
    return context | {
        "history": history,
        "pinned": pinned,
        "path": request.POST.get("path") or (replayed.path if replayed else "/score"),
        "body": replayed.request_body if replayed else json.dumps(sample, indent=2),
        "runnable": [item for item in deployments if item.serving_generation],
        "snippets": snippets(url=scoring_uri(endpoint), body=sample, deployment=pinned, token_url=token_url(endpoint)),
    }


def _replayed(request: HttpRequest, history: list[TestCall]) -> TestCall | None:
    wanted = request.GET.get("call", "")
    return next((call for call in history if str(call.pk) == wanted), None)


def _compare(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    body, other = request.POST.get("body", "").replace("\r\n", "\n"), request.POST["other"]
    runs = request.POST.get("runs", "1")
    context |= {"body": body, "other": other, "runs": runs}
    try:
        found = compare(
            actor=actor_of(request),
            endpoint=context["endpoint"],
            body=body.encode(),
            deployments=(context["pinned"], other),
            runs=int(runs) if runs.isdecimal() and len(runs) < 4 else 0,
            path=context["path"],
        )
        context["comparison"] = _compared(found, context)
    except Invalid as error:
        context["problem"] = str(error)
    response = show(request, TEMPLATE, context, partial="response")
    response["HX-Trigger"] = "test-sent"
    return response


def _compared(found: Comparison, context: dict[str, Any]) -> dict[str, Any]:
    """In the form that components/comparison.html takes."""
    slots = {item.name: item.color_slot for item in context["deployments"]}
    sides = [
        {
            "deployment": side.deployment,
            "slot": slots.get(side.deployment, 7),
            "status": side.first.status,
            "ok": not side.failures,
            "error": side.first.error,
            "body": side.first.body.decode("utf-8", "replace")[:SHOWN_BYTES],
            "runs": len(side.answers),
            "failures": side.failures,
            "p50_ms": side.p50_ms,
            "p95_ms": side.p95_ms,
        }
        for side in found.sides
    ]
    return {"sides": sides, "comparable": found.changes is not None, "changes": _rows(found.changes or [])}


def _rows(changes: list[Change]) -> list[dict[str, str]]:
    sides = {"added": ("", "after"), "removed": ("before", ""), "changed": ("before", "after")}
    return [
        {"path": item.path, "kind": item.kind}
        | {side: json.dumps(getattr(item, side), ensure_ascii=False)[:SHOWN_VALUE] for side in sides[item.kind] if side}
        for item in changes
    ]


def _send(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    body = request.POST.get("body", "").replace("\r\n", "\n")
    try:
        answer, call = invoke(
            actor=actor_of(request),
            endpoint=context["endpoint"],
            body=body.encode(),
            deployment=context["pinned"],
            path=context["path"],
        )
    except Invalid as error:
        answer, call = Answer(status=None, error=str(error)), None
    context |= {"answer": _shown(answer, call, context), "body": body, "problem": answer.error}
    response = show(request, TEMPLATE, context, partial="response")
    response["HX-Trigger"] = "test-sent"
    return response


def _shown(answer: Answer, call: TestCall | None, context: dict[str, Any]) -> dict[str, Any] | None:
    """The answer in the form that components/test_response.html takes; None when nothing came back."""
    if answer.status is None or call is None:
        return None
    endpoint: Endpoint = context["endpoint"]
    slots = {item.name: item.color_slot for item in context["deployments"]}
    text = answer.body.decode("utf-8", "replace")
    logs = reverse("endpoint_logs", args=[endpoint.name])
    lines_of = urlencode({"deployment": answer.answered_by, "replica": "all", "q": answer.request_id})
    return {
        "status": answer.status,
        "reason": _phrase(answer.status),
        "ok": answer.status < 400,
        "total_ms": answer.duration_ms,
        **_split(answer),
        "size": filesizeformat(len(answer.body)),
        "deployment": answer.answered_by,
        "slot": slots.get(answer.answered_by, 7),
        "request_id": answer.request_id,
        "log_url": f"{logs}?{lines_of}" if answer.answered_by else "",
        "row_url": _row_url(endpoint, answer.request_id),
        "headers": sorted(answer.headers.items()),
        "body": text[:SHOWN_BYTES],
        "language": "json",
        "truncated": len(text) > SHOWN_BYTES,
        "download_url": reverse("test_call_download", args=[endpoint.name, call.pk]),
    }


def _row_url(endpoint: Endpoint, request_id: str) -> str:
    """Of the request in the traffic log; empty where nothing is kept."""
    if not request_id or endpoint.traffic_log == TrafficLogMode.OFF:
        return ""
    return f"{reverse('endpoint_traffic_log', args=[endpoint.name])}?{urlencode({'request_id': request_id})}"


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _split(answer: Answer) -> dict[str, float]:
    """Milliseconds in the model, in gateway and server around it, and on the way; they sum to the total."""
    upstream = answer.headers.get("x-envoy-upstream-service-time", "")
    inside = min(float(upstream), answer.duration_ms) if upstream.isdigit() else (answer.model_ms or 0)
    model = min(answer.model_ms or 0, answer.duration_ms)
    inside = max(inside, model)
    return {"model_ms": model, "gateway_ms": inside - model, "network_ms": answer.duration_ms - inside}


@page
def test_call_download(request: HttpRequest, name: str, call_id: int) -> HttpResponse:
    endpoint = endpoint_frame(request, name, "endpoint_test")["endpoint"]
    call = test_calls_of(signed_in(request), endpoint).filter(pk=call_id).first()
    if call is None:
        raise NotFound("This test call is not in your history any more.")
    response = HttpResponse(call.response_body, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{endpoint.name}-{call.pk}.json"'
    return response


@page
@require_POST
def test_history_clear(request: HttpRequest, name: str) -> HttpResponse:
    context = endpoint_frame(request, name, "endpoint_test")
    test_calls_of(signed_in(request), context["endpoint"]).delete()
    return show(request, TEMPLATE, _context(request, name), partial="history")


urlpatterns = [
    path("endpoints/<str:name>/test/", endpoint_test, name="endpoint_test"),
    path("endpoints/<str:name>/test/clear/", test_history_clear, name="test_history_clear"),
    path("endpoints/<str:name>/test/<int:call_id>/download/", test_call_download, name="test_call_download"),
]
