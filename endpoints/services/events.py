"""The history. Every service writes here, in the transaction of what it changes."""

from collections.abc import Mapping
from typing import Any

from endpoints.domain.actor import Actor
from endpoints.models import Deployment, Endpoint, Event, Workspace


def record(
    *,
    actor: Actor,
    verb: str,
    workspace: Workspace | None = None,
    endpoint: Endpoint | None = None,
    deployment: Deployment | None = None,
    subject: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
) -> Event:
    """One row. The endpoint follows from the deployment, the workspace from the endpoint."""
    endpoint = endpoint or (deployment.endpoint if deployment else None)
    workspace_id = endpoint.workspace_id if endpoint else (workspace.pk if workspace else None)
    return Event.objects.create(
        workspace_id=workspace_id,
        endpoint_id=endpoint.pk if endpoint else None,
        endpoint_name=endpoint.name if endpoint else "",
        deployment_id=deployment.pk if deployment else None,
        deployment_name=deployment.name if deployment else "",
        verb=verb,
        subject=subject or _subject(endpoint, deployment),
        actor=actor.user,
        actor_name=actor.name,
        source=actor.source,
        before=dict(before) if before is not None else None,
        after=dict(after) if after is not None else None,
        reason=reason,
        request_id=actor.request_id,
    )


def _subject(endpoint: Endpoint | None, deployment: Deployment | None) -> str:
    return "/".join(item.name for item in (endpoint, deployment) if item)
