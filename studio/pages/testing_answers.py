"""Answers of test calls as the components take them."""

import json
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from django.template.defaultfilters import filesizeformat
from django.urls import reverse

from endpoints.domain.errors import NotFound
from endpoints.domain.json_diff import Change
from endpoints.enums import LogContainer, ReplicaState, TrafficLogMode
from endpoints.models import Deployment, Endpoint, TestCall
from endpoints.selectors.endpoints import deployment_of
from endpoints.selectors.logs import tail_of
from endpoints.services.comparison import Comparison
from endpoints.services.invoke import Answer

SHOWN_BYTES = 200_000
SHOWN_VALUE = 500  # characters of a value in the list of differences
TRACEBACK_LINES = 40


def shown(answer: Answer, call: TestCall | None, context: dict[str, Any]) -> dict[str, Any] | None:
    """The answer in the form that components/test_response.html takes; None when nothing came back."""
    if answer.status is None or call is None:
        return None
    endpoint: Endpoint = context["endpoint"]
    slots = {item.name: item.color_slot for item in context["deployments"]}
    text = answer.body.decode("utf-8", "replace")
    return {
        "status": answer.status,
        "reason": _phrase(answer.status),
        "ok": answer.status < 400,
        "broken": answer.error,
        "total_ms": answer.duration_ms,
        **_split(answer),
        "size": filesizeformat(len(answer.body)),
        "deployment": answer.answered_by,
        "slot": slots.get(answer.answered_by, 7),
        "request_id": answer.request_id,
        "row_url": _row_url(endpoint, answer.request_id) if context["rights"]["read"] else "",
        **(_from_the_replicas(answer, endpoint) if context["rights"]["read"] else {}),
        "headers": sorted(answer.headers.items()),
        "body": text[:SHOWN_BYTES],
        "content_type": answer.headers.get("content-type", ""),
        "truncated": len(text) > SHOWN_BYTES,
        "kept": filesizeformat(len(call.response_body.encode())),
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


def _from_the_replicas(answer: Answer, endpoint: Endpoint) -> dict[str, Any]:
    """Which one answered, where that is known, and what it wrote of the request if that failed."""
    try:
        deployment = deployment_of(endpoint, answer.answered_by)
    except NotFound:
        return {}
    lines_of = urlencode({"deployment": deployment.name, "replica": "all", "q": answer.request_id})
    lines = _lines(answer, deployment)
    return {
        "log_url": f"{reverse('endpoint_logs', args=[endpoint.name])}?{lines_of}",
        "replica": _replica(deployment, lines),
        "traceback": "\n".join(line.replace(f"[request {answer.request_id}] ", "") for line in lines),
    }


def _lines(answer: Answer, deployment: Deployment) -> list[str]:
    if not answer.request_id or answer.status is None or answer.status < 400:
        return []
    return tail_of(deployment, container=LogContainer.INFERENCE_SERVER, lines=TRACEBACK_LINES, text=answer.request_id)


def _replica(deployment: Deployment, lines: list[str]) -> str:
    """The only one that is ready, or the only one that wrote of it."""
    ready = [row.ordinal for row in deployment.replicas.all() if row.state == ReplicaState.READY]
    if len(ready) > 1:
        ready = [ordinal for ordinal in ready if any(f" [replica {ordinal}] " in line for line in lines)]
    return f"replica {ready[0]}" if len(ready) == 1 else ""


def compared(found: Comparison, context: dict[str, Any]) -> dict[str, Any]:
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
