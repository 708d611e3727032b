"""Endpoints: create, update, delete."""

from collections.abc import Mapping

from django.db import IntegrityError, transaction
from django.utils import timezone

from endpoints.domain import lifecycle
from endpoints.domain.actor import Actor
from endpoints.domain.errors import Conflict, Invalid
from endpoints.domain.names import checked_name, checked_tags
from endpoints.enums import AuthMode, EndpointKind, ProvisioningState
from endpoints.models import Endpoint, Workspace
from endpoints.permissions import Action, require
from endpoints.services import deployments, events
from endpoints.services.authentication import checked_mode, ready_for
from endpoints.services.capacity import check_endpoint_room
from endpoints.services.credentials import create_credentials
from endpoints.services.routes import next_revision
from endpoints.services.staleness import check_settings_version


def create_endpoint(
    *,
    actor: Actor,
    workspace: Workspace,
    name: str,
    description: str = "",
    tags: Mapping[str, str] | None = None,
    auth_mode: str = AuthMode.KEY,
    kind: str = EndpointKind.ONLINE,
) -> Endpoint:
    """An endpoint without deployments, and its two keys. Succeeded once the gateway is seen to route it."""
    require(actor.user, Action.WRITE, workspace)
    checked_name(name)
    tags = checked_tags(dict(tags or {}))
    _check_supported(kind)
    ready_for(checked_mode(auth_mode))
    try:
        with transaction.atomic():
            check_endpoint_room(workspace)
            endpoint = Endpoint.objects.create(
                workspace=workspace,
                name=name,
                description=description,
                tags=tags,
                auth_mode=auth_mode,
                kind=kind,
                route_revision=next_revision(),
                created_by=actor.user,
            )
            create_credentials(endpoint)
            after = {"kind": kind, "auth_mode": auth_mode, "description": description, "tags": tags}
            events.record(actor=actor, verb="endpoint.created", endpoint=endpoint, after=after)
    except IntegrityError:
        raise Invalid(
            {"name": f"The name “{name}” is taken: endpoint names are unique on this site. Choose another."}
        ) from None
    return endpoint


def _check_supported(kind: str) -> None:
    if kind != EndpointKind.ONLINE:
        raise Invalid({"kind": f"Endpoints of kind “{kind}” are not available yet. Use online."})


def update_endpoint(
    *,
    actor: Actor,
    endpoint: Endpoint,
    description: str | None = None,
    tags: Mapping[str, str] | None = None,
    expected_version: int | None = None,
) -> Endpoint:
    """Changes the words of an endpoint; None leaves a field as it is. StaleVersion where `settings_version` is not
    the expected one any more."""
    require(actor.user, Action.WRITE, endpoint)
    given = {"description": description, "tags": None if tags is None else checked_tags(dict(tags))}
    with transaction.atomic():
        locked = Endpoint.objects.select_for_update(no_key=True).get(pk=endpoint.pk)
        if locked.state == ProvisioningState.DELETING or locked.deleted_at:
            raise Conflict(f"“{locked.name}” is being deleted.")
        check_settings_version(locked, expected_version)
        before = {"description": locked.description, "tags": locked.tags}
        after = {key: before[key] if value is None else value for key, value in given.items()}
        if before != after:
            version = locked.settings_version + 1
            Endpoint.objects.filter(pk=locked.pk).update(**after, settings_version=version, updated_at=timezone.now())
            events.record(actor=actor, verb="endpoint.updated", endpoint=locked, before=before, after=after)
    endpoint.refresh_from_db()
    return endpoint


def delete_endpoint(*, actor: Actor, endpoint: Endpoint) -> None:
    """Deletes the endpoint with all its deployments: it stops answering at once, then everything drains."""
    require(actor.user, Action.DELETE, endpoint)
    with transaction.atomic():
        locked = Endpoint.objects.select_for_update(no_key=True).get(pk=endpoint.pk)
        if locked.state == ProvisioningState.DELETING or locked.deleted_at:
            raise Conflict(f"“{locked.name}” is being deleted already.")
        locked.state = lifecycle.after(locked.state, lifecycle.Move.DELETE, subject=locked.name)
        before = {"traffic": locked.traffic, "mirror_traffic": locked.mirror_traffic}
        locked.traffic = locked.mirror_traffic = {}
        locked.traffic_version += 1
        events.record(actor=actor, verb="endpoint.deletion_started", endpoint=locked, before=before)
        present = locked.deployments.present().exclude(state=ProvisioningState.DELETING)
        for deployment in present.select_for_update(of=("self",), no_key=True).select_related("endpoint"):
            deployments.start_deletion(actor=actor, deployment=deployment)
        locked.route_revision = next_revision()
        locked.save()
