"""Registered models: list, upload, one version."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from endpoints import wiring
from endpoints.domain.errors import Conflict, Invalid, NotFound
from endpoints.models import ModelVersion
from endpoints.permissions import Action, can, require
from endpoints.selectors.assets import latest_only, models_for
from endpoints.services.assets import archive_asset, register_model
from studio.actors import actor_of, signed_in
from studio.pages.asset_forms import ModelForm
from studio.pages.forms import add_problems
from studio.pages.page import page, show, went_to
from studio.workspaces import current_workspace

FILES_SHOWN = 200


@page
def model_list(request: HttpRequest) -> HttpResponse:
    user, workspace = signed_in(request), current_workspace(request)
    query = request.GET.get("q", "").strip()
    found = latest_only(models_for(user, workspace=workspace)) if workspace else ModelVersion.objects.none()
    if query:
        found = found.filter(name__icontains=query)
    may_write = workspace is not None and can(user, Action.WRITE, workspace)
    context = {"models": list(found[:200]), "query": query, "may_write": may_write}
    return show(request, "models/list.html", context)


@page
def model_create(request: HttpRequest) -> HttpResponse:
    workspace = current_workspace(request)
    if workspace is None:
        raise NotFound("You are in no workspace yet.")
    require(signed_in(request), Action.WRITE, workspace)
    form = ModelForm(request.POST or None, initial={"name": request.GET.get("name", "")})
    if request.method == "POST" and form.is_valid():
        try:
            upload = form.staged(request)
            values = {key: value for key, value in form.cleaned_data.items() if key != "upload"}
            model = register_model(actor=actor_of(request), workspace=workspace, folder=upload.folder, **values)
        except (Invalid, NotFound) as error:
            add_problems(form, error if isinstance(error, Invalid) else Invalid({"upload": str(error)}))
        else:
            return went_to(request, _url(model), f"{model} is registered.")
    return show(request, "models/create.html", {"form": form}, status=422 if form.errors else 200)


@page
def model_detail(request: HttpRequest, name: str, version: int) -> HttpResponse:
    model = _model(request, name, version)
    used = model.deployments.filter(deleted_at=None).select_related("endpoint")
    versions = models_for(signed_in(request), workspace=model.workspace).filter(name=name)
    context = {
        "model": model,
        "files": _files(model),
        "signature": _signature(model),
        "deployments": list(used),
        "versions": list(versions),
        "may_delete": can(signed_in(request), Action.DELETE, model.workspace),
        "crumbs": [{"label": "Models", "url": reverse("model_list")}, {"label": str(model)}],
    }
    return show(request, "models/detail.html", context)


def _model(request: HttpRequest, name: str, version: int) -> ModelVersion:
    """In the workspace that is open, else in any other of the person's."""
    mine = models_for(signed_in(request)).filter(name=name, version=version)
    workspace = current_workspace(request)
    model = mine.filter(workspace=workspace).first() or mine.first()
    if model is None:
        raise NotFound(f"There is no model {name}:{version}.")
    return model


def _files(model: ModelVersion) -> list[Any]:
    try:
        return wiring.store().files(model.artifact_id)[:FILES_SHOWN]
    except KeyError:
        return []


def _signature(model: ModelVersion) -> list[dict[str, Any]]:
    """Rows of the signature's table."""
    rows = []
    for kind in ("inputs", "outputs", "params"):
        for position, column in enumerate(model.mlflow.get("signature", {}).get(kind) or ()):
            name = column.get("name", position)
            rows.append({"kind": kind[:-1], "name": name, "type": column.get("type", ""), "column": column})
    return rows


@page
@require_POST
def model_archive(request: HttpRequest, name: str, version: int) -> HttpResponse:
    model = _model(request, name, version)
    try:
        archive_asset(actor=actor_of(request), asset=model)
    except Conflict as error:
        return went_to(request, _url(model), str(error), level=messages.ERROR)
    return went_to(request, reverse("model_list"), f"{model} is archived.")


def _url(model: ModelVersion) -> str:
    return reverse("model_detail", args=[model.name, model.version])


urlpatterns = [
    path("models/", model_list, name="model_list"),
    path("models/create/", model_create, name="model_create"),
    path("models/<str:name>/<int:version>/", model_detail, name="model_detail"),
    path("models/<str:name>/<int:version>/archive/", model_archive, name="model_archive"),
]
