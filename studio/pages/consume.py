"""The Consume tab: URL, keys and code."""

import json
from typing import Any

import httpx
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from endpoints.domain.errors import Forbidden, Invalid, Unavailable
from endpoints.enums import CredentialKind
from endpoints.services.access_tokens import test_credential
from endpoints.services.credentials import read_keys, regenerate_key
from endpoints.services.gateway_client import gateway_client, gateway_url
from studio.actors import actor_of
from studio.pages.endpoint_frame import endpoint_frame, host_scoring_uri, scoring_uri
from studio.pages.page import page, show, went_to
from studio.pages.sample_body import sample_body
from studio.pages.snippets import snippets, token_url


@page
def endpoint_consume(request: HttpRequest, name: str) -> HttpResponse:
    return show(request, "consume/tab.html", consume_context(request, name))


def consume_context(request: HttpRequest, name: str) -> dict[str, Any]:
    context = endpoint_frame(request, name, "endpoint_consume")
    endpoint = context["endpoint"]
    sample = sample_body(context["deployments"])
    return context | {
        "keys": [{"kind": kind, "label": f"{kind.label} key", "id": f"key-{kind.lower()}"} for kind in CredentialKind],
        "snippets": snippets(url=scoring_uri(endpoint), body=sample, token_url=token_url(endpoint)),
        "swagger_uri": f"{settings.STUDIO_GATEWAY_URL}/{endpoint.name}/swagger.json",
        "host_uri": host_scoring_uri(endpoint),
        "sample": json.dumps(sample, indent=2),
    }


@page
@require_POST
def key_reveal(request: HttpRequest, name: str, kind: str) -> HttpResponse:
    """The key as plain text; the reading stands in the history."""
    endpoint = endpoint_frame(request, name, "endpoint_consume")["endpoint"]
    keys = read_keys(actor=actor_of(request), endpoint=endpoint)
    if kind not in keys:
        raise Invalid({"kind": "There is no such key."})
    response = HttpResponse(keys[kind], content_type="text/plain; charset=utf-8")
    response["Cache-Control"] = "no-store"
    return response


@page
@require_POST
def key_regenerate(request: HttpRequest, name: str, kind: str) -> HttpResponse:
    endpoint = endpoint_frame(request, name, "endpoint_consume")["endpoint"]
    regenerate_key(actor=actor_of(request), endpoint=endpoint, kind=kind)
    url = reverse("endpoint_consume", args=[endpoint.name])
    return went_to(request, url, f"The {kind.lower()} key is new. The old one no longer works.")


@page
def endpoint_swagger(request: HttpRequest, name: str) -> HttpResponse:
    """The Swagger document as the gateway gives it, for a person who has no key at hand."""
    endpoint = endpoint_frame(request, name, "endpoint_consume")["endpoint"]
    headers = {"authorization": f"Bearer {test_credential(actor=actor_of(request), endpoint=endpoint)}"}
    try:
        found = gateway_client().get(f"{gateway_url()}/{endpoint.name}/swagger.json", headers=headers, timeout=10)
    except httpx.HTTPError as error:
        raise Unavailable(f"The gateway did not answer: {error or type(error).__name__}") from error
    if found.status_code == 401:
        raise Forbidden("Your role does not let you call this endpoint. An Owner of the workspace can grant it.")
    if found.status_code != 200:
        raise Unavailable(f"The endpoint answered {found.status_code}. It needs a deployment that takes traffic.")
    response = HttpResponse(found.content, content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="{endpoint.name}-swagger.json"'
    return response


_BASE = "endpoints/<str:name>/"
urlpatterns = [
    path(f"{_BASE}consume/", endpoint_consume, name="endpoint_consume"),
    path(f"{_BASE}consume/swagger.json", endpoint_swagger, name="endpoint_swagger"),
    path(f"{_BASE}keys/<str:kind>/", key_reveal, name="key_reveal"),
    path(f"{_BASE}keys/<str:kind>/regenerate/", key_regenerate, name="key_regenerate"),
]
