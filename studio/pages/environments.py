"""Environments: list, register, one version."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from endpoints.domain.errors import Conflict, Invalid, NotFound
from endpoints.models import EnvironmentVersion
from endpoints.permissions import Action, can, require
from endpoints.selectors.assets import build_of, environments_for, latest_only
from endpoints.services.assets import archive_asset, read_environment, register_environment
from endpoints.services.specification import built_hash
from studio.actors import actor_of, signed_in
from studio.pages.asset_forms import EnvironmentForm
from studio.pages.forms import add_problems
from studio.pages.page import page, show, went_to
from studio.workspaces import current_workspace


@page
def environment_list(request: HttpRequest) -> HttpResponse:
    user, workspace = signed_in(request), current_workspace(request)
    found = latest_only(environments_for(user, workspace=workspace)) if workspace else []
    may_write = workspace is not None and can(user, Action.WRITE, workspace)
    return show(request, "environments/list.html", {"environments": list(found[:200]), "may_write": may_write})


@page
def environment_create(request: HttpRequest) -> HttpResponse:
    workspace = current_workspace(request)
    if workspace is None:
        raise NotFound("You are in no workspace yet.")
    require(signed_in(request), Action.WRITE, workspace)
    form = EnvironmentForm(request.POST or None, initial={"name": request.GET.get("name", "")})
    preview = None
    if request.method == "POST" and form.is_valid():
        values = form.values()
        try:
            preview = read_environment(
                text=values["text"], format=values["format"], python_version=values["python_version"]
            )
            if "preview" not in request.POST:
                made = register_environment(actor=actor_of(request), workspace=workspace, **values)
                return went_to(request, _url(made), f"{made} is registered. It is built when a deployment needs it.")
        except Invalid as error:
            add_problems(form, error)
    context = {"form": form, "preview": preview}
    return show(request, "environments/create.html", context, status=422 if form.errors else 200)


@page
def environment_detail(request: HttpRequest, name: str, version: int) -> HttpResponse:
    environment = _environment(request, name, version)
    used = environment.deployments.filter(deleted_at=None).select_related("endpoint")
    context = {
        "environment": environment,
        "build": build_of(built_hash(environment)),
        "deployments": list(used),
        "versions": list(environments_for(signed_in(request), workspace=environment.workspace).filter(name=name)),
        "may_delete": can(signed_in(request), Action.DELETE, environment.workspace),
        "crumbs": [{"label": "Environments", "url": reverse("environment_list")}, {"label": str(environment)}],
    }
    return show(request, "environments/detail.html", context)


def _environment(request: HttpRequest, name: str, version: int) -> EnvironmentVersion:
    mine = environments_for(signed_in(request)).filter(name=name, version=version)
    environment = mine.filter(workspace=current_workspace(request)).first() or mine.first()
    if environment is None:
        raise NotFound(f"There is no environment {name}:{version}.")
    return environment


@page
@require_POST
def environment_archive(request: HttpRequest, name: str, version: int) -> HttpResponse:
    environment = _environment(request, name, version)
    try:
        archive_asset(actor=actor_of(request), asset=environment)
    except Conflict as error:
        return went_to(request, _url(environment), str(error), level=messages.ERROR)
    return went_to(request, reverse("environment_list"), f"{environment} is archived.")


def _url(environment: EnvironmentVersion) -> str:
    return reverse("environment_detail", args=[environment.name, environment.version])


urlpatterns = [
    path("environments/", environment_list, name="environment_list"),
    path("environments/create/", environment_create, name="environment_create"),
    path("environments/<str:name>/<int:version>/", environment_detail, name="environment_detail"),
    path("environments/<str:name>/<int:version>/archive/", environment_archive, name="environment_archive"),
]
