"""How callers of an endpoint show who they are: the mode, on the Settings tab, and tokens, on the Consume tab."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from endpoints.enums import AuthMode
from endpoints.models import Endpoint
from endpoints.services.access_tokens import token_for
from endpoints.services.authentication import NEEDS, STOPS, set_auth_mode
from studio.actors import actor_of
from studio.pages.consume import consume_context
from studio.pages.endpoint_frame import endpoint_frame
from studio.pages.page import page, show, went_to

CHOICES = {
    AuthMode.KEY: "Key: callers send one of two keys",
    AuthMode.AML_TOKEN: "Studio token: callers get a token of this endpoint, good for a short time",
    AuthMode.AAD_TOKEN: "OpenID Connect token: callers say who they are, and a role decides",
}


def modes(endpoint: Endpoint) -> list[dict[str, Any]]:
    """Each with what callers need in it, and what the change to it takes from those of now."""
    present = AuthMode(endpoint.auth_mode)
    return [
        {
            "value": mode.value,
            "label": mode.label,
            "needs": NEEDS[mode],
            "current": mode == present,
            "dialog": f"auth-mode-{mode.value}",
            "consequence": f"{STOPS[present]} {NEEDS[mode]}",
            "hidden": {"auth_mode": mode.value},
        }
        for mode in AuthMode
    ]


@page
@require_POST
def endpoint_auth_mode(request: HttpRequest, name: str) -> HttpResponse:
    endpoint = endpoint_frame(request, name, "endpoint_settings")["endpoint"]
    set_auth_mode(actor=actor_of(request), endpoint=endpoint, auth_mode=request.POST.get("auth_mode", ""))
    url = reverse("endpoint_settings", args=[endpoint.name])
    return went_to(request, url, f"Callers now need: {AuthMode(endpoint.auth_mode).label}.")


@page
@require_POST
def endpoint_token(request: HttpRequest, name: str) -> HttpResponse:
    """The token stands in this answer alone."""
    context = consume_context(request, name)
    context["token"] = token_for(actor=actor_of(request), endpoint=context["endpoint"])
    response = show(request, "consume/tab.html", context, partial="token")
    response["Cache-Control"] = "no-store"
    return response


urlpatterns = [
    path("endpoints/<str:name>/auth-mode/", endpoint_auth_mode, name="endpoint_auth_mode"),
    path("endpoints/<str:name>/token/", endpoint_token, name="endpoint_token"),
]
