"""The Test tab's answers as they come: lines of JSON, of which the last is the answer as the page shows it."""

import base64
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.urls import path

from endpoints.domain.errors import Invalid, StudioError
from endpoints.domain.requests import ScoringRequest
from endpoints.services.streaming import Ending, Opening, Part, invoke_streaming
from studio.actors import actor_of
from studio.pages.endpoint_frame import endpoint_frame
from studio.pages.page import status_of
from studio.pages.testing import TEMPLATE, answered
from studio.pages.testing_forms import field_problems, file_limit, posted, scoring_request


async def test_stream(request: HttpRequest, name: str) -> HttpResponseBase:
    """POST, as the tab's form. Whoever closes the connection ends the request, all the way to the replica."""
    user = await request.auser()
    if not user.is_authenticated:
        return HttpResponse(status=401)
    if request.method != "POST":
        return HttpResponse(status=405, headers={"Allow": "POST"})
    request.user = user  # so that nothing later asks the database for it from this loop
    try:
        context, sending = await sync_to_async(_prepared)(request, name)
        parts = await invoke_streaming(actor=actor_of(request), endpoint=context["endpoint"], request=sending)
    except StudioError as error:
        problems = field_problems(error) if isinstance(error, Invalid) else {"all": str(error)}
        return JsonResponse({"problems": problems}, status=status_of(error))
    response = StreamingHttpResponse(_lines(parts, context), content_type="application/x-ndjson")
    response["Cache-Control"] = "no-cache"
    response["X-Accel-Buffering"] = "no"
    return response


test_stream.__test__ = False  # type: ignore[attr-defined]  # not a test


def _prepared(request: HttpRequest, name: str) -> tuple[dict[str, Any], ScoringRequest]:
    context = endpoint_frame(request, name, "endpoint_test")
    return context, scoring_request(request, posted(request), file_limit(context["deployments"]))


async def _lines(parts: AsyncGenerator[Part, None], context: dict[str, Any]) -> AsyncIterator[str]:
    async with aclosing(parts):
        async for part in parts:
            yield json.dumps(await _line(part, context)) + "\n"


async def _line(part: Part, context: dict[str, Any]) -> dict[str, Any]:
    if isinstance(part, Opening):
        return {"head": {"status": part.status, "type": part.headers.get("content-type", "")}}
    if isinstance(part, Ending):
        return {"end": await sync_to_async(_rendered)(part, context)}
    return {"bytes": base64.b64encode(part).decode()}


def _rendered(ending: Ending, context: dict[str, Any]) -> str:
    return render_to_string(f"{TEMPLATE}#response", {**context, **answered(ending.answer, ending.call, context)})


urlpatterns = [path("endpoints/<str:name>/test/stream/", test_stream, name="test_stream")]
