"""A deployment: what it runs, what its replicas do, and changes to it."""

from typing import Any

import yaml
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from endpoints import wiring
from endpoints.domain.errors import BudgetExceeded, Conflict, Invalid, StaleVersion
from endpoints.domain.inference_config import Route
from endpoints.enums import ProvisioningState
from endpoints.models import Deployment, Replica
from endpoints.selectors.diagnosis import causes_of
from endpoints.selectors.endpoints import replica_of
from endpoints.services import deployments as services
from endpoints.services.brought_servers import routes_of
from endpoints.services.capacity import acts
from studio.actors import actor_of
from studio.pages.brought_forms import at_their_fields
from studio.pages.capacity import deployment_capacity
from studio.pages.conditions import shown_conditions
from studio.pages.deployment_forms import DeploymentUpdateForm, update_form
from studio.pages.deployment_yaml import deployment_yaml
from studio.pages.endpoint_frame import deployment_frame
from studio.pages.forms import add_problems
from studio.pages.page import page, show, went_to
from studio.pages.revisions import revisions_context
from studio.pages.stale import stale_notice


@page
def deployment_detail(request: HttpRequest, name: str, deployment: str) -> HttpResponse:
    context = deployment_frame(request, name, deployment, "deployment_detail")
    found: Deployment = context["deployment"]
    context |= {
        "replicas": [_with_conditions(replica) for replica in found.replicas.all()],
        "conditions": shown_conditions(found.conditions),
        "operations": list(found.operations.all()[:5]),
        "variables": sorted(found.environment_variables),
        "routes": _routes(found),
        "causes": causes_of(found) if found.state == ProvisioningState.FAILED else [],
        "isolation": wiring.compute().isolation(),
        "stopped_for_now": found.stopped_by is not None and acts(found.stopped_by, now=timezone.now()),
    }
    return show(request, "deployments/detail.html", context, partial="overview")


def _with_conditions(replica: Replica) -> dict[str, Any]:
    return {"seen": replica, "conditions": shown_conditions(replica.conditions)}


def _routes(deployment: Deployment) -> list[tuple[str, Route]]:
    """What the server answers, as (what for, where)."""
    try:
        found = routes_of(deployment)
    except Invalid:
        return []
    return [("scoring", found.scoring), ("readiness", found.readiness), ("liveness", found.liveness)]


@page
def deployment_spec(request: HttpRequest, name: str, deployment: str) -> HttpResponse:
    context = deployment_frame(request, name, deployment, "deployment_spec")
    document = deployment_yaml(context["deployment"])
    if request.GET.get("download"):
        response = HttpResponse(_dump(document), content_type="application/yaml")
        response["Content-Disposition"] = f'attachment; filename="{name}-{deployment}.yml"'
        return response
    context |= {"yaml": _dump(document), **revisions_context(context["deployment"], request.GET)}
    return show(request, "deployments/spec.html", context)


def _dump(document: dict[str, Any]) -> str:
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


@page
def deployment_settings(request: HttpRequest, name: str, deployment: str) -> HttpResponse:
    context = deployment_frame(request, name, deployment, "deployment_settings")
    found: Deployment = context["deployment"]
    context |= {"capacity": deployment_capacity(found)}
    if request.method != "POST":
        form = update_form(found)
        return show(request, "deployments/settings.html", context | {"form": form})
    form = update_form(found, request.POST)
    if form.is_valid():
        try:
            _, operation = services.update_deployment(actor=actor_of(request), deployment=found, **form.changes())
        except Invalid as error:
            add_problems(form, at_their_fields(error))
        except StaleVersion as error:
            return _stale(request, context, form, error)
        except (BudgetExceeded, Conflict) as error:
            form.add_error(None, str(error))
        else:
            return _updated(request, found, operation)
    return show(request, "deployments/settings.html", context | {"form": form}, status=422)


@page
def deployment_capacity_part(request: HttpRequest, name: str, deployment: str) -> HttpResponse:
    """What the form as it stands makes of the quotas, and what it costs: a part of the settings."""
    context = deployment_frame(request, name, deployment, "deployment_settings")
    found: Deployment = context["deployment"]
    context |= {"capacity": deployment_capacity(found, request.GET)}
    return show(request, "deployments/_capacity.html", context)


def _stale(
    request: HttpRequest, context: dict[str, Any], form: DeploymentUpdateForm, error: StaleVersion
) -> HttpResponse:
    """What was typed stays in the form, and is refused again until the page was loaded anew."""
    notice = stale_notice(error, url=request.path, yours=form.cleaned_data)
    return show(request, "deployments/settings.html", context | {"form": form, "stale": notice}, status=409)


def _updated(request: HttpRequest, deployment: Deployment, operation: Any) -> HttpResponse:
    if operation is None:
        url = reverse("deployment_detail", args=[deployment.endpoint.name, deployment.name])
        return went_to(request, url, "Saved. Nothing had to be restarted.")
    return went_to(request, reverse("operation_detail", args=[operation.pk]))


@page
@require_POST
def deployment_retry(request: HttpRequest, name: str, deployment: str) -> HttpResponse:
    found = deployment_frame(request, name, deployment, "deployment_detail")["deployment"]
    operation = services.retry_deployment(actor=actor_of(request), deployment=found)
    return went_to(request, reverse("operation_detail", args=[operation.pk]))


@page
@require_POST
def deployment_delete(request: HttpRequest, name: str, deployment: str) -> HttpResponse:
    found = deployment_frame(request, name, deployment, "deployment_settings")["deployment"]
    back = reverse("deployment_settings", args=[found.endpoint.name, found.name])
    if request.POST.get("confirm_name") != found.name:
        return went_to(request, back, "The name you typed is another. Nothing was deleted.", level=messages.ERROR)
    try:
        operation = services.delete_deployment(actor=actor_of(request), deployment=found)
    except Conflict as error:
        return went_to(request, back, str(error), level=messages.ERROR)
    return went_to(request, reverse("operation_detail", args=[operation.pk]))


@page
@require_POST
def replica_restart(request: HttpRequest, name: str, deployment: str, ordinal: int) -> HttpResponse:
    found = deployment_frame(request, name, deployment, "deployment_detail")["deployment"]
    services.restart_replica(actor=actor_of(request), replica=replica_of(found, ordinal))
    url = reverse("deployment_detail", args=[found.endpoint.name, found.name])
    return went_to(request, url, f"Replica {ordinal} drains and starts again.")


_BASE = "endpoints/<str:name>/deployments/<str:deployment>/"
urlpatterns = [
    path(_BASE, deployment_detail, name="deployment_detail"),
    path(f"{_BASE}spec/", deployment_spec, name="deployment_spec"),
    path(f"{_BASE}settings/", deployment_settings, name="deployment_settings"),
    path(f"{_BASE}capacity/", deployment_capacity_part, name="deployment_capacity"),
    path(f"{_BASE}retry/", deployment_retry, name="deployment_retry"),
    path(f"{_BASE}delete/", deployment_delete, name="deployment_delete"),
    path(f"{_BASE}replicas/<int:ordinal>/restart/", replica_restart, name="replica_restart"),
]
