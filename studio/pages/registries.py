"""The container registries that the open workspace signs in to."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from endpoints import wiring
from endpoints.domain.errors import Invalid, NotFound
from endpoints.models import Workspace
from endpoints.permissions import Action, can
from endpoints.selectors.registries import registries_of
from endpoints.services.registries import MAX_PASSWORD, remove_registry_credential, set_registry_credential
from studio.actors import actor_of, signed_in
from studio.pages.forms import add_problems
from studio.pages.page import page, show, went_to
from studio.workspaces import current_workspace


class RegistryForm(forms.Form):
    server = forms.CharField(label="Registry", max_length=255, help_text="Such as ghcr.io; docker.io for Docker Hub.")
    username = forms.CharField(max_length=255)
    password = forms.CharField(
        label="Password or token",
        max_length=MAX_PASSWORD,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Kept encrypted, and never shown again.",
    )


@page
def workspace_registries(request: HttpRequest) -> HttpResponse:
    workspace = _open(request)
    form = RegistryForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            set_registry_credential(actor=actor_of(request), workspace=workspace, **form.cleaned_data)
        except Invalid as error:
            add_problems(form, error)
        else:
            return went_to(request, reverse("workspace_registries"), "Saved.")
    context = {
        "form": form,
        "workspace": workspace,
        "registries": list(registries_of(workspace)),
        "engine": wiring.compute().containers(),
        "may_write": can(signed_in(request), Action.MANAGE_WORKSPACE, workspace),
    }
    return show(request, "workspace/registries.html", context, status=422 if form.errors else 200)


@page
@require_POST
def registry_remove(request: HttpRequest, server: str) -> HttpResponse:
    remove_registry_credential(actor=actor_of(request), workspace=_open(request), server=server)
    return went_to(request, reverse("workspace_registries"), f"The credential for {server} is gone.")


def _open(request: HttpRequest) -> Workspace:
    workspace = current_workspace(request)
    if workspace is None:
        raise NotFound("You are in no workspace yet.")
    return workspace


urlpatterns = [
    path("workspace/registries/", workspace_registries, name="workspace_registries"),
    path("workspace/registries/<str:server>/remove/", registry_remove, name="registry_remove"),
]
