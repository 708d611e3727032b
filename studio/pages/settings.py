"""An endpoint's Settings: its words, and its end."""

from typing import Any

from allauth.account.decorators import reauthentication_required
from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from endpoints.domain.errors import Invalid, StaleVersion
from endpoints.domain.limits import most_pending
from endpoints.models import Deployment, Endpoint
from endpoints.selectors.limits import limits_in_force
from endpoints.services.endpoints import delete_endpoint, update_endpoint
from studio.actors import actor_of
from studio.pages.authentication import modes
from studio.pages.endpoint_frame import endpoint_frame
from studio.pages.forms import PairsField, add_problems
from studio.pages.limit_forms import cors_form, limits_form
from studio.pages.page import page, show, went_to
from studio.pages.stale import stale_notice
from studio.pages.traffic_log_forms import traffic_log_form


class EndpointForm(forms.Form):
    description = forms.CharField(required=False, max_length=500, widget=forms.Textarea(attrs={"rows": 3}))
    tags = PairsField(help_text="One key=value in a line.")
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)


@page
def endpoint_settings(request: HttpRequest, name: str) -> HttpResponse:
    context = endpoint_frame(request, name, "endpoint_settings")
    endpoint = context["endpoint"]
    form = _words(endpoint, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            words = dict(form.cleaned_data)
            version = words.pop("version")
            update_endpoint(actor=actor_of(request), endpoint=endpoint, expected_version=version, **words)
        except Invalid as error:
            add_problems(form, error)
        except StaleVersion as error:
            context |= settings_context(context) | {"form": form}
            context["stale"] = stale_notice(error, url=request.path, yours=words)
            return show(request, "settings/endpoint.html", context, status=409)
        else:
            return went_to(request, reverse("endpoint_settings", args=[endpoint.name]), "Saved.")
    context |= settings_context(context) | {"form": form}
    return show(request, "settings/endpoint.html", context, status=422 if form.errors else 200)


def _words(endpoint: Endpoint, data: Any = None) -> EndpointForm:
    present = {"description": endpoint.description, "tags": endpoint.tags, "version": endpoint.settings_version}
    return EndpointForm(data, initial=present)


def settings_context(context: dict[str, Any]) -> dict[str, Any]:
    """All forms of the page, as they are before anybody sent one. `context` is the endpoint's frame."""
    endpoint = context["endpoint"]
    return {
        "form": _words(endpoint),
        "limits_form": limits_form(endpoint),
        "cors_form": cors_form(endpoint),
        "traffic_log_form": traffic_log_form(endpoint),
        "traffic_log_days": settings.STUDIO_TRAFFIC_LOG_DAYS,
        "limits": limits_in_force(endpoint),
        "pending": [pending(deployment) for deployment in context["deployments"]],
        "goes": _goes(context),
        "modes": modes(endpoint),
    }


def pending(deployment: Deployment) -> dict[str, Any]:
    """How many requests may be in flight at a deployment, and how that comes about."""
    concurrent, instances = deployment.max_concurrent_requests_per_instance, deployment.instance_count
    return {
        "name": deployment.name,
        "concurrent": concurrent,
        "instances": instances,
        "most": most_pending(max_concurrent=concurrent, instances=instances),
    }


def _goes(context: dict[str, object]) -> list[str]:
    """What a deletion takes with it, for the dialog."""
    deployments = context["deployments"]
    assert isinstance(deployments, list)
    return [
        "The URL and both keys",
        *(f"Deployment {item.name} ({item.instance_count} replicas)" for item in deployments),
    ]


@page
@require_POST
@reauthentication_required
def endpoint_delete(request: HttpRequest, name: str) -> HttpResponse:
    endpoint = endpoint_frame(request, name, "endpoint_settings")["endpoint"]
    if request.POST.get("confirm_name") != endpoint.name:
        back = reverse("endpoint_settings", args=[endpoint.name])
        return went_to(request, back, "The name you typed is another. Nothing was deleted.", level=messages.ERROR)
    delete_endpoint(actor=actor_of(request), endpoint=endpoint)
    return went_to(request, reverse("endpoint_list"), f"“{endpoint.name}” is being deleted: it no longer answers.")


urlpatterns = [
    path("endpoints/<str:name>/settings/", endpoint_settings, name="endpoint_settings"),
    path("endpoints/<str:name>/delete/", endpoint_delete, name="endpoint_delete"),
]
