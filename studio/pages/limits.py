"""Of an endpoint's Settings: its limits, and the web pages that may call it."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from endpoints.domain.errors import Invalid, StaleVersion
from endpoints.models import Endpoint
from endpoints.permissions import Action, require
from endpoints.services.limits import set_cors, set_limits
from studio.actors import actor_of, signed_in
from studio.pages.endpoint_frame import endpoint_frame
from studio.pages.forms import add_problems
from studio.pages.limit_forms import cors_form, limits_form
from studio.pages.page import page, show, went_to
from studio.pages.settings import settings_context
from studio.pages.stale import stale_notice


@page
@require_POST
def endpoint_limits(request: HttpRequest, name: str) -> HttpResponse:
    return saved_settings(request, name, "limits_form", limits_form, set_limits)


@page
@require_POST
def endpoint_cors(request: HttpRequest, name: str) -> HttpResponse:
    return saved_settings(request, name, "cors_form", cors_form, set_cors)


def saved_settings(
    request: HttpRequest,
    name: str,
    which: str,
    make: Callable[[Endpoint, Any], forms.Form],
    save: Callable[..., Endpoint],
) -> HttpResponse:
    """Back to the Settings; or the Settings with what is wrong at its field."""
    context = endpoint_frame(request, name, "endpoint_settings")
    endpoint = context["endpoint"]
    require(signed_in(request), Action.WRITE, endpoint)
    form = make(endpoint, request.POST)
    if form.is_valid():
        try:
            save(actor=actor_of(request), endpoint=endpoint, **form.cleaned_data)
        except Invalid as error:
            add_problems(form, error)
        except StaleVersion as error:
            url = reverse("endpoint_settings", args=[endpoint.name])
            context |= settings_context(context) | {which: form}
            context["stale"] = stale_notice(error, url=url, yours=form.cleaned_data)
            return show(request, "settings/endpoint.html", context, status=409)
        else:
            return went_to(request, reverse("endpoint_settings", args=[endpoint.name]), "Saved. The gateway follows.")
    context |= settings_context(context) | {which: form}
    return show(request, "settings/endpoint.html", context, status=422)


_BASE = "endpoints/<str:name>/settings/"
urlpatterns = [
    path(f"{_BASE}limits/", endpoint_limits, name="endpoint_limits"),
    path(f"{_BASE}cors/", endpoint_cors, name="endpoint_cors"),
]
