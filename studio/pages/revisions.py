"""Of a deployment's Spec: what it was, generation by generation, what differs, and the way back."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from endpoints.domain.errors import Conflict, Invalid
from endpoints.models import Deployment, DeploymentRevision
from endpoints.selectors.revisions import revisions_of
from endpoints.services.deployments import specification_of
from endpoints.services.revisions import compared, roll_back
from studio.actors import actor_of
from studio.pages.endpoint_frame import deployment_frame
from studio.pages.forms import whole_number
from studio.pages.page import page, went_to


def revisions_context(deployment: Deployment, asked: QueryDict) -> dict[str, Any]:
    """The history; with ?from=3&to=5 what differs between these two, with one of them alone against the present."""
    found = list(revisions_of(deployment))
    kept = {revision.generation: revision for revision in found}
    start, end = (whole_number(asked.get(name, "")) for name in ("from", "to"))
    before, after = kept.get(start or 0), kept.get(end or deployment.generation)
    return {
        "revisions": [_row(deployment, revision) for revision in found],
        "compared": _difference(before, after) if before and after else None,
        "not_kept": (start is not None and before is None) or (end is not None and after is None),
    }


def _row(deployment: Deployment, revision: DeploymentRevision) -> dict[str, Any]:
    serves = revision.generation == deployment.serving_generation
    present = revision.generation == deployment.generation
    return {
        "revision": revision,
        "serves": serves,
        "present": present,
        "dialog": f"roll-back-{revision.generation}",
        "title": f"Roll back to generation {revision.generation}?",
        "hidden": {"expected_generation": deployment.generation},
    }


def _difference(before: DeploymentRevision, after: DeploymentRevision) -> dict[str, Any]:
    fields = compared(specification_of(before), specification_of(after))
    return {"before": before.generation, "after": after.generation, "fields": fields}


@page
@require_POST
def deployment_roll_back(request: HttpRequest, name: str, deployment: str, generation: int) -> HttpResponse:
    found = deployment_frame(request, name, deployment, "deployment_spec")["deployment"]
    expected = whole_number(request.POST.get("expected_generation", ""))
    try:
        _, operation = roll_back(
            actor=actor_of(request), deployment=found, generation=generation, expected_generation=expected
        )
    except (Conflict, Invalid) as error:
        back = reverse("deployment_spec", args=[found.endpoint.name, found.name])
        return went_to(request, back, f"Nothing was rolled back. {error}", level=messages.ERROR)
    return went_to(request, reverse("operation_detail", args=[operation.pk]))


urlpatterns = [
    path(
        "endpoints/<str:name>/deployments/<str:deployment>/revisions/<int:generation>/roll-back/",
        deployment_roll_back,
        name="deployment_roll_back",
    ),
]
