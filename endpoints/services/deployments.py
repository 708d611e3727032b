"""Deployments: create, update, scale, retry, delete; restart of a replica."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from endpoints import hints, wiring
from endpoints.compute.port import ComputeError
from endpoints.domain import lifecycle
from endpoints.domain.actor import Actor
from endpoints.domain.environments import EnvironmentSpec
from endpoints.domain.errors import Conflict, Invalid, Unavailable
from endpoints.domain.lifecycle import Move
from endpoints.domain.names import checked_name, checked_tags
from endpoints.enums import NetworkAccess, OperationKind, ProvisioningState, ServerKind, SleepState
from endpoints.models import (
    CodeVersion,
    Deployment,
    DeploymentRevision,
    Endpoint,
    EnvironmentVersion,
    InstanceType,
    ModelVersion,
    Operation,
    Replica,
    default_probe,
)
from endpoints.models.deployments import DEFAULT_REQUEST_BYTES, DEFAULT_SURGE
from endpoints.permissions import Action, require
from endpoints.selectors.quota import site_limits_row
from endpoints.services import events
from endpoints.services.autoscale import check_manual_count
from endpoints.services.brought_servers import kept_routes
from endpoints.services.builds import ensure_build
from endpoints.services.capacity import as_it_stands, check_capacity
from endpoints.services.generations import keep_generation, keep_what_serves
from endpoints.services.operations import start_operation
from endpoints.services.routes import next_revision
from endpoints.services.specification import check_specification, needed_environment
from endpoints.services.staleness import changed_at_once, stale_deployment

COLOR_SLOTS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Specification:
    """What a deployment runs. All of it but BESIDE_REPLICAS belongs to the generation."""

    model: ModelVersion | None = None
    code: CodeVersion | None = None
    scoring_script: str = ""
    server: str = ServerKind.STUDIO
    command: Sequence[str] = field(default_factory=list)
    image: str = ""
    inference_config: Mapping[str, Any] = field(default_factory=dict)
    model_mount_path: str = ""
    environment: EnvironmentVersion | None = None
    environment_variables: Mapping[str, str] = field(default_factory=dict)
    instance_type: InstanceType | None = None
    instance_count: int = 1
    request_timeout_ms: int = 5000
    max_concurrent_requests_per_instance: int = 1
    max_request_bytes: int = DEFAULT_REQUEST_BYTES
    liveness_probe: Mapping[str, float] = field(default_factory=default_probe)
    readiness_probe: Mapping[str, float] = field(default_factory=default_probe)
    egress_public_network_access: str = NetworkAccess.ENABLED
    max_surge: str = DEFAULT_SURGE
    progress_deadline_seconds: int | None = None


# No replica knows of these: a change to them restarts none, and makes no generation.
BESIDE_REPLICAS = ("instance_count", "max_surge", "progress_deadline_seconds")


def create_deployment(
    *,
    actor: Actor,
    endpoint: Endpoint,
    name: str,
    specification: Specification,
    description: str = "",
    tags: Mapping[str, str] | None = None,
    all_traffic: bool = False,
) -> tuple[Deployment, Operation]:
    """A deployment, and the operation that brings it up. It gets no traffic, or with `all_traffic` all of it once it
    serves (Azure's --all-traffic)."""
    require(actor.user, Action.WRITE, endpoint)
    checked_name(name)
    tags = checked_tags(dict(tags or {}))
    specification = check_specification(specification, workspace=endpoint.workspace)
    built = needed_environment(specification)
    try:
        with transaction.atomic():
            locked = Endpoint.objects.select_for_update(no_key=True).get(pk=endpoint.pk)
            _check_room(locked)
            deployment = Deployment(
                endpoint=locked,
                name=name,
                description=description,
                tags=tags,
                color_slot=_free_slot(locked),
                all_traffic=all_traffic,
                created_by=actor.user,
            )
            _write(deployment, specification, built)
            check_capacity(deployment)
            keep_generation(actor=actor, deployment=deployment)
            after = describe(specification)
            events.record(actor=actor, verb="deployment.created", deployment=deployment, after=after)
            operation = start_operation(actor=actor, deployment=deployment, kind=OperationKind.CREATE)
    except IntegrityError:
        raise Invalid({"name": f"“{endpoint.name}” has a deployment “{name}” already."}) from None
    return deployment, operation


def update_deployment(
    *,
    actor: Actor,
    deployment: Deployment,
    expected_generation: int | None = None,
    description: str | None = None,
    tags: Mapping[str, str] | None = None,
    reason: str = "",
    rolled_back_to: int | None = None,
    **changes: Any,
) -> tuple[Deployment, Operation | None]:
    """Changes any field of Specification. A new generation rolls out beside the old one; a changed count scales.
    `reason` stands in the history; `rolled_back_to` is the generation that the changes were taken from.

    Returns no operation where nothing needs to run. Raises StaleVersion, Conflict, Invalid.
    """
    workspace = deployment.endpoint.workspace
    require(actor.user, Action.WRITE, deployment.endpoint)
    read = specification_of(_read(deployment))
    wanted = replace(read, **_known(changes))
    if actor.user is not None and wanted.instance_count != read.instance_count:
        check_manual_count(deployment, wanted.instance_count)
    changed = wanted != read
    built = needed_environment(check_specification(wanted, workspace=workspace)) if changed else None
    with transaction.atomic():
        locked = _locked(deployment)
        _check_present(locked, expected_generation)
        before = specification_of(locked)
        if before != read:
            raise changed_at_once(locked)
        _write_words(actor, locked, description, tags)
        if not changed:
            locked.save()
            return locked, None
        _check_routes(locked, before, wanted)
        if _beside_replicas(locked, before, wanted):
            return _set_rollout(actor, locked, before, wanted, reason), None
        return locked, _roll(actor, locked, before, wanted, built, reason, rolled_back_to)


def _read(deployment: Deployment) -> Deployment:
    related = Deployment.objects.select_related("model", "code", "environment", "instance_type", "endpoint")
    return related.get(pk=deployment.pk)


def _locked(deployment: Deployment) -> Deployment:
    """Its own row only: what it points to is shared."""
    locked = Deployment.objects.select_for_update(of=("self",), no_key=True).select_related("endpoint")
    return locked.get(pk=deployment.pk)


def _beside_replicas(deployment: Deployment, before: Specification, after: Specification) -> bool:
    """Whether only how it is rolled out changes, and nothing is rolling."""
    same = {name: getattr(after, name) for name in BESIDE_REPLICAS if name != "instance_count"}
    return not lifecycle.is_moving(deployment.state) and replace(before, **same) == after


def _set_rollout(
    actor: Actor, deployment: Deployment, before: Specification, after: Specification, reason: str
) -> Deployment:
    for name in BESIDE_REPLICAS:
        setattr(deployment, name, getattr(after, name))
    deployment.save()
    keep_generation(actor=actor, deployment=deployment)
    _tell(actor, deployment, "deployment.rollout_set", before, after, reason)
    return deployment


def _roll(
    actor: Actor,
    deployment: Deployment,
    before: Specification,
    after: Specification,
    built: EnvironmentSpec | None,
    reason: str,
    rolled_back_to: int | None,
) -> Operation:
    """What failed or was cancelled is rolled out whole: nothing says how much of it there is."""
    stood = as_it_stands(deployment)
    at_rest = deployment.state == ProvisioningState.SUCCEEDED
    same = {name: getattr(after, name) for name in BESIDE_REPLICAS}
    only_count = at_rest and replace(before, **same) == after
    move, kind = (Move.SCALE, OperationKind.SCALE) if only_count else (Move.UPDATE, OperationKind.UPDATE)
    deployment.state = lifecycle.after(deployment.state, move, subject=deployment.name)
    deployment.failure_code = deployment.failure_message = ""
    keep_what_serves(deployment)
    if not only_count:
        deployment.generation += 1
    _leave_zero(deployment)
    _write(deployment, after, built)
    check_capacity(deployment, stood)
    keep_generation(actor=actor, deployment=deployment, reason=reason, rolled_back_to=rolled_back_to)
    verb = "deployment.rolled_back" if rolled_back_to else "deployment.updated"
    _tell(actor, deployment, "deployment.scaled" if only_count else verb, before, after, reason)
    return start_operation(actor=actor, deployment=deployment, kind=kind)


def _leave_zero(deployment: Deployment) -> None:
    """What is rolled out runs."""
    if deployment.at_zero:
        deployment.sleep, deployment.sleep_changed_at = SleepState.WAKING, timezone.now()
        deployment.sleep_reason, deployment.stopped_by = "", None


def _tell(
    actor: Actor, deployment: Deployment, verb: str, before: Specification, after: Specification, reason: str
) -> None:
    changed = differences(before, after)
    events.record(
        actor=actor,
        verb=verb,
        deployment=deployment,
        before={key: old for key, old, _ in changed},
        after={key: new for key, _, new in changed},
        reason=reason,
    )


def retry_deployment(*, actor: Actor, deployment: Deployment) -> Operation:
    """Tries a failed or cancelled deployment again, as it is specified."""
    workspace = deployment.endpoint.workspace
    require(actor.user, Action.WRITE, deployment.endpoint)
    read = specification_of(_read(deployment))
    built = needed_environment(check_specification(read, workspace=workspace))
    with transaction.atomic():
        locked = _locked(deployment)
        _check_present(locked, None)
        if locked.state == ProvisioningState.SUCCEEDED:
            raise Conflict(f"{locked.name} is running; there is nothing to retry.")
        if specification_of(locked) != read:
            raise changed_at_once(locked)
        stood = as_it_stands(locked)
        locked.state = lifecycle.after(locked.state, Move.UPDATE, subject=locked.name)
        locked.failure_code = locked.failure_message = ""
        keep_what_serves(locked)
        locked.generation += 1
        _leave_zero(locked)
        _write(locked, read, built)
        check_capacity(locked, stood)
        keep_generation(actor=actor, deployment=locked, reason="Tried again.")
        events.record(actor=actor, verb="deployment.retried", deployment=locked)
        return start_operation(actor=actor, deployment=locked, kind=OperationKind.UPDATE)


def delete_deployment(*, actor: Actor, deployment: Deployment) -> Operation:
    """Drains and removes it. Refused while it has live or mirrored traffic."""
    require(actor.user, Action.DELETE, deployment.endpoint)
    with transaction.atomic():
        endpoint = Endpoint.objects.select_for_update(no_key=True).get(pk=deployment.endpoint_id)
        share = endpoint.traffic.get(deployment.name, 0) or endpoint.live_traffic.get(deployment.name, 0)
        if share:
            raise Conflict(
                f"{deployment.name} has {share} % of the traffic of “{endpoint.name}”. "
                "Shift it to another deployment first, then delete."
            )
        if deployment.name in endpoint.mirror_traffic or deployment.name in endpoint.live_mirror:
            raise Conflict(f"{deployment.name} gets copies of the traffic of “{endpoint.name}”. Stop the mirror first.")
        locked = _locked(deployment)
        if locked.deleted_at or locked.state == ProvisioningState.DELETING:
            raise Conflict(f"{locked.name} is being deleted already.")
        operation = start_deletion(actor=actor, deployment=locked)
        next_revision()
    return operation


def start_deletion(*, actor: Actor, deployment: Deployment) -> Operation:
    """The deletion itself, once it is known to be allowed. Call inside atomic(), and take a revision afterwards."""
    deployment.state = lifecycle.after(deployment.state, Move.DELETE, subject=deployment.name)
    deployment.save(update_fields=["state", "updated_at"])
    events.record(actor=actor, verb="deployment.deletion_started", deployment=deployment)
    return start_operation(actor=actor, deployment=deployment, kind=OperationKind.DELETE)


def restart_replica(*, actor: Actor, replica: Replica) -> None:
    """Drains one replica and starts it again; the others go on serving."""
    deployment = replica.deployment
    require(actor.user, Action.WRITE, deployment.endpoint)
    serving = Replica.objects.exclude(deployment__state=ProvisioningState.DELETING).filter(stopping_at=None)
    if not serving.filter(pk=replica.pk).exists():
        raise Conflict("This replica is being stopped.")
    try:
        wiring.compute().restart(replica.pk)
    except ComputeError as error:
        raise Unavailable(f"The replica cannot be restarted now: {error}") from error
    subject = f"{deployment.endpoint.name}/{deployment.name}/{replica.ordinal}"
    events.record(actor=actor, verb="replica.restarted", deployment=deployment, subject=subject)
    hints.deployment_changed(deployment.pk, delay=0.5)


def specification_of(deployment: Deployment | DeploymentRevision) -> Specification:
    return Specification(**{item.name: getattr(deployment, item.name) for item in fields(Specification)})


def describe(specification: Specification) -> dict[str, Any]:
    """For the history: names rather than ids, and no value of an environment variable, which may be a secret."""
    described = {item.name: getattr(specification, item.name) for item in fields(Specification)}
    described["environment_variables"] = sorted(specification.environment_variables)
    plain = (int, float, str, dict, list)
    return {key: value if isinstance(value, plain) else str(value or "") for key, value in described.items()}


def differences(before: Specification, after: Specification) -> list[tuple[str, Any, Any]]:
    """(field, before, after) of those that differ, as `describe` has them."""
    old, new = describe(before), describe(after)
    raw = [item.name for item in fields(Specification) if getattr(before, item.name) != getattr(after, item.name)]
    return [(name, old[name], new[name]) for name in raw]


def _known(changes: Mapping[str, Any]) -> Mapping[str, Any]:
    unknown = set(changes) - {item.name for item in fields(Specification)}
    if unknown:
        raise Invalid(dict.fromkeys(unknown, "There is no such field."))
    return changes


def _write(deployment: Deployment, specification: Specification, built: EnvironmentSpec | None) -> None:
    for item in fields(Specification):
        setattr(deployment, item.name, getattr(specification, item.name))
    deployment.environment_hash = built.hash if built else ""
    if built:
        ensure_build(built)
    deployment.save()


def _write_words(actor: Actor, deployment: Deployment, description: str | None, tags: Mapping[str, str] | None) -> None:
    before = {"description": deployment.description, "tags": deployment.tags}
    deployment.description = deployment.description if description is None else description
    deployment.tags = deployment.tags if tags is None else checked_tags(dict(tags))
    after = {"description": deployment.description, "tags": deployment.tags}
    if before != after:
        events.record(actor=actor, verb="deployment.described", deployment=deployment, before=before, after=after)


def _check_present(deployment: Deployment, expected_generation: int | None) -> None:
    if deployment.deleted_at or deployment.state == ProvisioningState.DELETING:
        raise Conflict(f"{deployment.name} is being deleted.")
    if expected_generation is not None and deployment.generation != expected_generation:
        raise stale_deployment(deployment, expected_generation)


def _check_routes(deployment: Deployment, before: Specification, after: Specification) -> None:
    problems = {} if deployment.serving_generation is None else kept_routes(before, after)
    if problems:
        raise Invalid(problems)


def _check_room(endpoint: Endpoint) -> None:
    if endpoint.deleted_at or endpoint.state == ProvisioningState.DELETING:
        raise Conflict(f"“{endpoint.name}” is being deleted.")
    most = site_limits_row().deployments_per_endpoint
    if endpoint.deployments.present().count() >= most:
        raise Invalid(f"An endpoint has at most {most} deployments. Delete one first.")


def _free_slot(endpoint: Endpoint) -> int:
    used = set(endpoint.deployments.present().values_list("color_slot", flat=True))
    return next((slot for slot in range(COLOR_SLOTS) if slot not in used), len(used) % COLOR_SLOTS)
