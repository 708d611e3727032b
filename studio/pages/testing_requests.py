"""Saved requests of the Test tab, and links to single calls."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from endpoints.models import Endpoint
from endpoints.selectors.requests import saved_request_for, shared_call_for, test_call_for
from endpoints.services.saved_requests import change_request, delete_request, save_request, share_call, unshare_call
from studio.actors import actor_of, signed_in
from studio.pages.endpoint_frame import endpoint_frame
from studio.pages.page import page, show, went_to
from studio.pages.testing_answers import SHOWN_BYTES
from studio.pages.testing_forms import file_limit, posted, scoring_request

SHARED = "1"


@page
@require_POST
def request_save(request: HttpRequest, name: str) -> HttpResponse:
    """What stands in the form, under the name in `save_as`."""
    context = endpoint_frame(request, name, "endpoint_test")
    endpoint: Endpoint = context["endpoint"]
    saved = save_request(
        actor=actor_of(request),
        endpoint=endpoint,
        name=request.POST.get("save_as", ""),
        request=scoring_request(request, posted(request), file_limit(context["deployments"])),
        shared=request.POST.get("save_shared") == SHARED,
    )
    return went_to(request, _tab(endpoint, f"?saved={saved.pk}"), f"Saved as “{saved.name}”.")


@page
@require_POST
def request_change(request: HttpRequest, name: str, saved_id: UUID) -> HttpResponse:
    endpoint, saved = _saved(request, name, saved_id)
    shared = request.POST.get("shared") == SHARED
    change_request(actor=actor_of(request), saved=saved, name=request.POST.get("name", ""), shared=shared)
    return went_to(request, _tab(endpoint, f"?saved={saved.pk}"), f"“{saved.name}” is changed.")


@page
@require_POST
def request_delete(request: HttpRequest, name: str, saved_id: UUID) -> HttpResponse:
    endpoint, saved = _saved(request, name, saved_id)
    delete_request(actor=actor_of(request), saved=saved)
    return went_to(request, _tab(endpoint), f"“{saved.name}” is deleted.")


@page
@require_POST
def test_call_share(request: HttpRequest, name: str, call_id: int) -> HttpResponse:
    """`shared=1` gives a link, without it the link is taken back."""
    endpoint: Endpoint = endpoint_frame(request, name, "endpoint_test")["endpoint"]
    call = test_call_for(signed_in(request), endpoint, call_id)
    if request.POST.get("shared") != SHARED:
        unshare_call(actor=actor_of(request), call=call)
        return went_to(request, _tab(endpoint), "The link opens nothing any more.")
    share_call(actor=actor_of(request), call=call)
    return went_to(request, reverse("test_call_shared", args=[endpoint.name, call.share]), "Send this page's address.")


@page
def test_call_shared(request: HttpRequest, name: str, share: UUID) -> HttpResponse:
    """What others see of a call: its bodies only where they may score."""
    context = endpoint_frame(request, name, "endpoint_test")
    call = shared_call_for(signed_in(request), context["endpoint"], share)
    own = call.user_id == signed_in(request).pk
    bodies = {"request_body": call.request_body[:SHOWN_BYTES], "response_body": call.response_body[:SHOWN_BYTES]}
    context |= {"call": call, "own": own, **(bodies if context["rights"]["score"] else {})}
    context["link"] = request.build_absolute_uri(request.path)
    return show(request, "testing/shared.html", context)


def _saved(request: HttpRequest, name: str, saved_id: UUID) -> tuple[Endpoint, Any]:
    endpoint: Endpoint = endpoint_frame(request, name, "endpoint_test")["endpoint"]
    return endpoint, saved_request_for(signed_in(request), endpoint, saved_id)


def _tab(endpoint: Endpoint, query: str = "") -> str:
    return reverse("endpoint_test", args=[endpoint.name]) + query


_BASE = "endpoints/<str:name>/test/"
urlpatterns = [
    path(f"{_BASE}requests/", request_save, name="request_save"),
    path(f"{_BASE}requests/<uuid:saved_id>/", request_change, name="request_change"),
    path(f"{_BASE}requests/<uuid:saved_id>/delete/", request_delete, name="request_delete"),
    path(f"{_BASE}calls/<int:call_id>/share/", test_call_share, name="test_call_share"),
    path(f"{_BASE}shared/<uuid:share>/", test_call_shared, name="test_call_shared"),
]
