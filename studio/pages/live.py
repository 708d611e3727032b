"""The stream that tells open pages to look again. It carries no data: pages fetch what they show, as they may."""

import time
from collections.abc import AsyncIterator

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import path

from endpoints.models import User
from endpoints.selectors.endpoints import endpoints_for
from studio.live import Change, ticker

# A page reconnects by itself; what it may see is then looked up anew.
LIFETIME_SECONDS = 300
HEARTBEAT_SECONDS = 15


async def live(request: HttpRequest) -> HttpResponseBase:
    """`?endpoint=NAME` narrows the stream to one endpoint; without it, all that the person may see."""
    user = await request.auser()
    if not isinstance(user, User):
        return HttpResponse(status=401)
    visible = await sync_to_async(_visible)(user, request.GET.get("endpoint", ""))
    response = StreamingHttpResponse(_stream(visible), content_type="text/event-stream")
    response["Cache-Control"] = "no-cache"
    response["X-Accel-Buffering"] = "no"
    return response


def _visible(user: User, name: str) -> set[str]:
    found = endpoints_for(user).prefetch_related(None)
    if name:
        found = found.filter(name__iexact=name)
    return {str(pk) for pk in found.values_list("pk", flat=True)}


async def _stream(visible: set[str]) -> AsyncIterator[str]:
    yield "retry: 2000\nevent: hello\ndata: {}\n\n"
    ends, beat = time.monotonic() + LIFETIME_SECONDS, time.monotonic()
    async for change in ticker.listen():
        now = time.monotonic()
        if now > ends:
            return
        if change is not None and _concerns(change, visible):
            yield f"event: {change.kind}\ndata: {{}}\n\n"
        elif now - beat > HEARTBEAT_SECONDS:
            beat = now
            yield ": still here\n\n"


def _concerns(change: Change, visible: set[str]) -> bool:
    return change.kind == "sample" or change.endpoint_id in visible


urlpatterns = [path("live/", live, name="live")]
