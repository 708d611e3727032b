"""A request id on everything, and what htmx needs of every answer."""

import uuid
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.utils.cache import patch_vary_headers
from django.utils.decorators import sync_and_async_middleware, sync_only_middleware
from django.utils.http import url_has_allowed_host_and_scheme, urlencode

from studio.api.errors import CONTENT_TYPE, Problem
from studio.second_factor import lacks_second_factor

GetResponse = Callable[[HttpRequest], Any]
Middleware = Callable[[HttpRequest], HttpResponseBase] | Callable[[HttpRequest], Awaitable[HttpResponseBase]]


def _around(
    get_response: GetResponse,
    before: Callable[[HttpRequest], None],
    after: Callable[[HttpRequest, HttpResponseBase], HttpResponseBase],
) -> Middleware:
    if iscoroutinefunction(get_response):

        async def asynchronous(request: HttpRequest) -> HttpResponseBase:
            before(request)
            return after(request, await get_response(request))

        return asynchronous

    def synchronous(request: HttpRequest) -> HttpResponseBase:
        before(request)
        return after(request, get_response(request))

    return synchronous


@sync_and_async_middleware
def request_id(get_response: GetResponse) -> Middleware:
    """`request.request_id`: ours always, so that nobody can forge one in the history."""

    def before(request: HttpRequest) -> None:
        request.request_id = str(uuid.uuid4())  # type: ignore[attr-defined]

    def after(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        response["X-Request-Id"] = request.request_id  # type: ignore[attr-defined]
        return response

    return _around(get_response, before, after)


@sync_and_async_middleware
def htmx_habits(get_response: GetResponse) -> Middleware:
    """Fragments and pages share URLs; an expired sign-in sends the whole page to the door, not a fragment."""

    def before(request: HttpRequest) -> None:
        return None

    def after(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        location = response.get("Location", "")
        if request.headers.get("HX-Request") and response.status_code == 302 and location.startswith("/accounts/login"):
            response = HttpResponse(status=204, headers={"HX-Redirect": _door(request, location)})
        elif request.headers.get("HX-Request") and response.status_code == 302 and "/accounts/" in location:
            response = HttpResponse(status=204, headers={"HX-Redirect": location})
        patch_vary_headers(response, ["HX-Request"])
        return response

    return _around(get_response, before, after)


SETTING_UP = ("/accounts/", "/profile/security/", "/static/", "/healthz", "/.well-known/")


@sync_only_middleware
def second_factor_first(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Where IT wants a second factor, who has none is led to set one up, and does nothing else before."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.path.startswith(SETTING_UP) or not lacks_second_factor(request):
            return get_response(request)
        if request.path.startswith("/api/"):
            body = Problem(code="forbidden", detail=NEEDED).body(getattr(request, "request_id", ""))
            return JsonResponse(body, status=403, content_type=CONTENT_TYPE)
        return redirect("profile_security")

    return middleware


NEEDED = "This studio wants a second factor of everybody. Set one up under Security."


def _door(request: HttpRequest, location: str) -> str:
    """The sign-in that leads back to the page the person was on, not to the fragment that was asked for."""
    shown = request.headers.get("HX-Current-URL", "")
    if not shown or not url_has_allowed_host_and_scheme(shown, allowed_hosts={request.get_host()}):
        return location
    parts = urlsplit(shown)
    back = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return f"{location.partition('?')[0]}?{urlencode({'next': back}).replace('%2F', '/')}"
