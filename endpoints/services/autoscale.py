"""Autoscale settings: put, switched, removed; and what they leave to people."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from endpoints import hints
from endpoints.domain.actor import Actor
from endpoints.domain.errors import Conflict, Invalid, StaleVersion
from endpoints.domain.scaling import active_profile
from endpoints.domain.scaling_schema import MIN_INSTANCES, Place, parse, to_json
from endpoints.enums import ProvisioningState
from endpoints.models import AutoscaleSetting, Deployment
from endpoints.permissions import Action, require
from endpoints.selectors.autoscale import autoscale_of, existing_autoscale, spec_of
from endpoints.selectors.quota import site_limits_row
from endpoints.services import events
from endpoints.services.capacity import check_autoscale_maximum


def set_autoscale(
    *, actor: Actor, deployment: Deployment, document: Any, expected_version: int | None = None, reason: str = ""
) -> AutoscaleSetting:
    """The setting as a document: Azure's JSON, or the same with YAML's names. It takes the place of the one before, and
    begins without a cooldown. `expected_version` 0 says that there is none yet. Raises Invalid, StaleVersion, Conflict.
    """
    require(actor.user, Action.WRITE, deployment.endpoint)
    spec = parse(document, place_of(deployment))
    if spec.enabled:
        check_autoscale_maximum(deployment, max(profile.capacity.maximum for profile in spec.profiles))
    setting = to_json(spec)
    with transaction.atomic():
        _check_present(deployment)
        row = _locked(deployment)
        before, version = (row.setting, row.version) if row else (None, 0)
        _check_version(deployment, expected_version, version)
        row = row or AutoscaleSetting(deployment=deployment)
        row.setting, row.enabled, row.version = setting, setting["enabled"], version + 1
        row.cooldown_until, row.last_decision = None, None
        row.updated_at, row.updated_by = timezone.now(), actor.user
        row.save()
        events.record(
            actor=actor, verb="autoscale.updated", deployment=deployment, before=before, after=setting, reason=reason
        )
        hints.autoscale_changed()
    return row


def switch_autoscale(*, actor: Actor, deployment: Deployment, enabled: bool) -> AutoscaleSetting:
    """On or off; its rules stay. Off, the number of instances stays as it is. Raises NotFound."""
    require(actor.user, Action.WRITE, deployment.endpoint)
    row = existing_autoscale(deployment)
    document = {**row.setting, "enabled": enabled}
    return set_autoscale(actor=actor, deployment=deployment, document=document, expected_version=row.version)


def remove_autoscale(*, actor: Actor, deployment: Deployment, expected_version: int | None = None) -> None:
    """The number of instances stays as it is, and so do the decisions. Raises NotFound, StaleVersion."""
    require(actor.user, Action.WRITE, deployment.endpoint)
    existing_autoscale(deployment)
    with transaction.atomic():
        row = _locked(deployment)
        _check_version(deployment, expected_version, row.version if row else 0)
        if row is not None:
            events.record(actor=actor, verb="autoscale.removed", deployment=deployment, before=row.setting)
            row.delete()


def check_manual_count(deployment: Deployment, count: int) -> None:
    """A person may set the count while autoscale is on, and autoscale goes on from there. Outside of the bounds it
    would be set back at the next look, as Azure does: that is refused instead, with the reason."""
    row = autoscale_of(deployment)
    if row is None or not row.enabled:
        return
    profile = active_profile(spec_of(row), timezone.now())
    low, high = profile.capacity.minimum, profile.capacity.maximum
    if not low <= count <= high:
        raise Invalid(
            {
                "instance_count": f"Autoscale keeps {deployment.name} between {low} and {high} (profile "
                f"“{profile.title}”) and would set it back. Change its bounds, or switch it off."
            }
        )


def place_of(deployment: Deployment) -> Place:
    return Place(
        endpoint=deployment.endpoint.name,
        deployment=deployment.name,
        lowest=lowest_minimum(deployment),
        highest=site_limits_row().instances_per_deployment,
    )


def lowest_minimum(deployment: Deployment) -> int:
    """The least that a profile's minimum may be. Whether a deployment goes to zero when nobody calls is no rule of
    autoscale: that is its own setting, and its instances come back with the next request."""
    return MIN_INSTANCES


def _locked(deployment: Deployment) -> AutoscaleSetting | None:
    return AutoscaleSetting.objects.select_for_update(no_key=True).filter(deployment=deployment).first()


def _check_present(deployment: Deployment) -> None:
    """Locks it: whoever puts the first setting, or deletes it, takes turns."""
    fresh = Deployment.objects.select_for_update(no_key=True).only("state", "deleted_at").get(pk=deployment.pk)
    if fresh.deleted_at or fresh.state == ProvisioningState.DELETING:
        raise Conflict(f"{deployment.name} is being deleted.")


def _check_version(deployment: Deployment, expected: int | None, present: int) -> None:
    if expected not in (None, present):
        raise StaleVersion(
            f"The autoscale setting of {deployment.name} was changed meanwhile: it is at version {present}, your "
            f"change was made against {expected}."
        )
