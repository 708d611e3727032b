"""What each generation of a deployment was specified as, and what became of it."""

from django.db.models import Q

from endpoints.domain.actor import SYSTEM, Actor
from endpoints.enums import RevisionOutcome
from endpoints.models import Deployment, DeploymentRevision
from endpoints.selectors.revisions import SPECIFIED

KEPT = 20  # the newest, beside the one that serves


def keep_generation(
    *, actor: Actor, deployment: Deployment, reason: str = "", rolled_back_to: int | None = None
) -> DeploymentRevision:
    """The present generation as it is specified now. Call inside atomic(), with the deployment locked."""
    specified = {name: getattr(deployment, name) for name in SPECIFIED}
    revision, _ = DeploymentRevision.objects.update_or_create(
        deployment=deployment,
        generation=deployment.generation,
        defaults=specified,
        create_defaults={
            **specified,
            "created_by": actor.user,
            "actor_name": actor.name,
            "reason": reason,
            "rolled_back_to": rolled_back_to,
        },
    )
    _prune(deployment)
    return revision


def keep_what_serves(deployment: Deployment) -> None:
    """Before it is overwritten: one that was made before generations were kept has none."""
    serving = deployment.serving_generation
    if serving != deployment.generation or deployment.revisions.filter(generation=serving).exists():
        return
    revision = keep_generation(actor=SYSTEM, deployment=deployment)
    DeploymentRevision.objects.filter(pk=revision.pk).update(
        outcome=RevisionOutcome.SUCCEEDED, created_at=deployment.created_at
    )


def conclude_generation(
    deployment: Deployment, outcome: RevisionOutcome, *, failure_code: str = "", failure_message: str = ""
) -> None:
    """How its rollout ended. A count that fails later does not make it a failure."""
    rolling = deployment.revisions.filter(generation=deployment.generation, outcome=RevisionOutcome.ROLLING)
    rolling.update(outcome=outcome, failure_code=failure_code, failure_message=failure_message[:4000])


def _prune(deployment: Deployment) -> None:
    oldest = deployment.generation - KEPT
    past = deployment.revisions.filter(generation__lte=oldest)
    past.exclude(Q(generation=deployment.serving_generation) | Q(generation=deployment.generation)).delete()
