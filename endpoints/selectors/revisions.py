"""What a deployment was, generation by generation."""

import copy
from collections.abc import Iterable
from uuid import UUID

from django.db.models import F, QuerySet

from endpoints.domain.errors import NotFound
from endpoints.models import Deployment, DeploymentRevision
from endpoints.models.deployments import SpecificationFields

SPECIFIED = tuple(field.name for field in SpecificationFields._meta.local_fields)
_RELATED = ("model", "code", "environment", "instance_type")


def revisions_of(deployment: Deployment) -> QuerySet[DeploymentRevision]:
    """The newest first."""
    return deployment.revisions.select_related(*_RELATED, "created_by")


def revision_of(deployment: Deployment, generation: int) -> DeploymentRevision:
    """Raises NotFound where it was never, or is not kept any more."""
    found = revisions_of(deployment).filter(generation=generation).first()
    if found is None:
        raise NotFound(f"{deployment.name} has no generation {generation} that is kept.")
    return found


def as_of(deployment: Deployment, revision: DeploymentRevision) -> Deployment:
    """The deployment as it was specified then. It is for reading: never save it."""
    past = copy.copy(deployment)
    for name in SPECIFIED:
        setattr(past, name, getattr(revision, name))
    past.generation = revision.generation
    return past


def as_serving(deployments: Iterable[Deployment]) -> dict[UUID, Deployment]:
    """By their id, those that serve another generation than is specified, as what they serve. One query."""
    serving = DeploymentRevision.objects.filter(
        deployment__in=[each.pk for each in deployments if each.serving_generation not in (None, each.generation)],
        deployment__serving_generation=F("generation"),
    )
    found = {revision.deployment_id: revision for revision in serving.select_related(*_RELATED)}
    return {each.pk: as_of(each, found[each.pk]) for each in deployments if each.pk in found}
