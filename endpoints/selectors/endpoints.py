"""Endpoints, deployments and what belongs to them, as one person may see them."""

from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Prefetch, Q, QuerySet

from endpoints.domain.errors import NotFound
from endpoints.models import Deployment, Endpoint, Event, Operation, Replica, RoleAssignment, User, Workspace
from endpoints.permissions import ALLOWED, Action, held_by

_READING = [role for role, actions in ALLOWED.items() if Action.READ in actions]


def workspaces_for(user: User) -> QuerySet[Workspace]:
    """Those that the person may read."""
    if user.is_superuser:
        return Workspace.objects.all()
    held = RoleAssignment.objects.filter(held_by(user), endpoint=None, role__in=_READING)
    return Workspace.objects.filter(pk__in=held.values("workspace"))


def _reachable(user: User) -> Q:
    """Of endpoints: where the person has any role, in the workspace or on the endpoint itself."""
    if user.is_superuser:
        return Q()
    held = RoleAssignment.objects.filter(held_by(user))
    in_workspace, on_endpoint = held.filter(endpoint=None), held.exclude(endpoint=None)
    return Q(workspace__in=in_workspace.values("workspace")) | Q(pk__in=on_endpoint.values("endpoint"))


def workspace_for(user: User, name: str) -> Workspace:
    """Raises NotFound for a stranger, as for a workspace that does not exist."""
    workspace = workspaces_for(user).filter(name=name).first()
    if workspace is None:
        raise NotFound(f"There is no workspace “{name}”.")
    return workspace


def endpoints_for(user: User, *, workspace: Workspace | None = None) -> QuerySet[Endpoint]:
    """Present endpoints on which the person has a role, each with its present deployments under `live_deployments`:
    two queries. What the role allows is asked of `permissions`."""
    deployments = Deployment.objects.present().select_related("model", "instance_type")
    found = Endpoint.objects.present().filter(_reachable(user))
    if workspace is not None:
        found = found.filter(workspace=workspace)
    return found.select_related("workspace", "created_by").prefetch_related(
        Prefetch("deployments", queryset=deployments, to_attr="live_deployments")
    )


def readable_endpoints(user: User) -> QuerySet[Endpoint]:
    """Deleted ones too: their history stays."""
    if user.is_superuser:
        return Endpoint.objects.all()
    reading = RoleAssignment.objects.filter(held_by(user), role__in=_READING)
    inherited = Q(workspace__in=reading.filter(endpoint=None).values("workspace"))
    return Endpoint.objects.filter(inherited | Q(pk__in=reading.exclude(endpoint=None).values("endpoint")))


def search_endpoints(found: QuerySet[Endpoint], text: str) -> QuerySet[Endpoint]:
    text = text.strip()
    return found.filter(Q(name__icontains=text) | Q(description__icontains=text)) if text else found


def endpoint_for(user: User, name: str) -> Endpoint:
    """By name, letters of either case. Raises NotFound, to strangers too."""
    endpoint = endpoints_for(user).filter(name__iexact=name).first()
    if endpoint is None:
        raise NotFound(f"There is no endpoint “{name}”.")
    return endpoint


def tombstone_for(user: User, name: str) -> Event | None:
    """Who deleted the endpoint that had this name, and when; None if there was none."""
    events = Event.objects.filter(
        workspace__in=workspaces_for(user), endpoint_name__iexact=name, verb="endpoint.deletion_started"
    )
    return events.order_by("-id").first()


def deployments_of(endpoint: Endpoint) -> QuerySet[Deployment]:
    replicas = Replica.objects.order_by("generation", "ordinal")
    return (
        endpoint.deployments.present()
        .select_related("endpoint__workspace", "model", "code", "environment", "instance_type", "created_by")
        .prefetch_related(Prefetch("replicas", queryset=replicas))
    )


def deployment_of(endpoint: Endpoint, name: str) -> Deployment:
    deployment = deployments_of(endpoint).filter(name__iexact=name).first()
    if deployment is None:
        raise NotFound(f"“{endpoint.name}” has no deployment “{name}”.")
    return deployment


def replica_of(deployment: Deployment, ordinal: int) -> Replica:
    """The newest generation's, stopped or not: its log says why."""
    replica = deployment.replicas.filter(ordinal=ordinal).order_by("-generation").first()
    if replica is None:
        raise NotFound(f"{deployment.name} has no replica {ordinal}.")
    return replica


def operations_for(user: User) -> QuerySet[Operation]:
    return Operation.objects.filter(endpoint__in=readable_endpoints(user)).select_related(
        "endpoint__workspace", "deployment", "created_by"
    )


def operation_for(user: User, operation_id: UUID | str) -> Operation:
    """Raises NotFound for what is no id, too."""
    try:
        operation = operations_for(user).filter(pk=operation_id).first()
    except ValidationError:
        operation = None
    if operation is None:
        raise NotFound("There is no such operation.")
    return operation


def events_for(user: User, *, endpoint: Endpoint | None = None, workspace: Workspace | None = None) -> QuerySet[Event]:
    events = Event.objects.select_related("actor")
    own = Q(workspace__in=workspaces_for(user))
    if endpoint is not None:
        return events.filter(own | Q(endpoint_id__in=readable_endpoints(user).values("pk")), endpoint_id=endpoint.pk)
    if workspace is not None:
        return events.filter(workspace=workspace).filter(own)
    return events.filter(own | Q(workspace=None, actor=user))


SECURITY = (
    "sign_in.",
    "second_factor.",
    "passkey.",
    "recovery_codes.",
    "session.",
    "identity.",
    "password.",
    "account.",
)


def own_security_events(user: User) -> QuerySet[Event]:
    """How and from where the person signed in, or somebody tried to; and what was done to their ways in."""
    of_security = Q()
    for verb in SECURITY:
        of_security |= Q(verb__startswith=verb)
    mine = Q(actor=user) | Q(actor=None, subject=user.email)
    return Event.objects.filter(of_security, mine, workspace=None).select_related("actor")
