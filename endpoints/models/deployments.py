"""Deployments: what should run. Replicas: what was seen running."""

import uuid

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from endpoints.enums import (
    FailureCode,
    NetworkAccess,
    ProvisioningState,
    ReplicaState,
    RevisionOutcome,
    ServerKind,
    SleepState,
)
from endpoints.models.assets import CodeVersion, EnvironmentVersion, ModelVersion
from endpoints.models.endpoints import Endpoint
from endpoints.models.instance_types import InstanceType

DEFAULT_SURGE = "25%"
DEFAULT_REQUEST_BYTES = 16 * 1024 * 1024
AT_ZERO = (SleepState.ASLEEP, SleepState.STOPPED)


def default_probe() -> dict[str, float]:
    """Azure's defaults, seconds (AML/reference-yaml-deployment-managed-online)."""
    return {"initial_delay": 10, "period": 10, "timeout": 2, "success_threshold": 1, "failure_threshold": 30}


class SpecificationFields(models.Model):
    """What a deployment runs, under the names of services.deployments.Specification."""

    model = models.ForeignKey(ModelVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="%(class)ss")
    code = models.ForeignKey(CodeVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="%(class)ss")
    scoring_script = models.CharField(max_length=200, blank=True)
    server = models.CharField(max_length=10, choices=ServerKind.choices, default=ServerKind.STUDIO)
    # Of servers that the user brings: words to run, or a container image; routes as {liveness_route: {port, path}, …}.
    command = models.JSONField(default=list, blank=True)
    image = models.CharField(max_length=512, blank=True)
    inference_config = models.JSONField(default=dict, blank=True)
    model_mount_path = models.CharField(max_length=300, blank=True)
    environment = models.ForeignKey(
        EnvironmentVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="%(class)ss"
    )
    environment_hash = models.CharField(max_length=64, blank=True)
    environment_variables = models.JSONField(default=dict, blank=True)
    instance_type = models.ForeignKey(InstanceType, on_delete=models.PROTECT, related_name="%(class)ss")
    egress_public_network_access = models.CharField(
        max_length=8, choices=NetworkAccess.choices, default=NetworkAccess.ENABLED
    )
    request_timeout_ms = models.PositiveIntegerField(
        default=5000, validators=[MinValueValidator(1), MaxValueValidator(300_000)]
    )
    max_concurrent_requests_per_instance = models.PositiveIntegerField(default=1, validators=[MinValueValidator(1)])
    max_request_bytes = models.PositiveBigIntegerField(default=DEFAULT_REQUEST_BYTES)
    liveness_probe = models.JSONField(default=default_probe)
    readiness_probe = models.JSONField(default=default_probe)
    instance_count = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(1000)]
    )
    # How it is rolled out. Neither these nor the count make a new generation.
    max_surge = models.CharField(max_length=5, default=DEFAULT_SURGE)  # replicas beyond the count: "2", or "25%" of it
    progress_deadline_seconds = models.PositiveIntegerField(null=True, blank=True)  # of a step; null: by the probes

    class Meta:
        abstract = True


class DeploymentQuerySet(models.QuerySet["Deployment"]):
    def present(self) -> "DeploymentQuerySet":
        return self.filter(deleted_at__isnull=True)


class Deployment(SpecificationFields):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="deployments")
    name = models.CharField(max_length=32)
    description = models.TextField(blank=True)
    tags = models.JSONField(default=dict, blank=True)
    color_slot = models.PositiveSmallIntegerField(default=0)
    state = models.CharField(max_length=10, choices=ProvisioningState.choices, default=ProvisioningState.CREATING)
    failure_code = models.CharField(max_length=40, choices=FailureCode.choices, blank=True)
    failure_message = models.TextField(blank=True)

    # Of the specification: a change to it is a new generation, rolled out beside the old one.
    generation = models.PositiveIntegerField(default=1)
    # What serves until the specified generation does: so many replicas, with these limits at the gateway.
    serving_generation = models.PositiveIntegerField(null=True, blank=True)
    serving_count = models.PositiveSmallIntegerField(default=0)
    serving_limits = models.JSONField(default=dict, blank=True)

    # Ready, Live, Progressing, Available, Degraded: [{type, status, reason, message, lastTransitionTime}]
    conditions = models.JSONField(default=list, blank=True)
    # Without a request for so many seconds, its replicas end, and the next request starts them; null: never.
    scale_to_zero_after = models.PositiveIntegerField(null=True, blank=True)
    sleep = models.CharField(max_length=8, choices=SleepState.choices, default=SleepState.AWAKE)
    sleep_changed_at = models.DateTimeField(null=True, blank=True)
    sleep_reason = models.TextField(blank=True)  # why it was stopped, or cannot wake
    stopped_by = models.ForeignKey(
        "endpoints.Budget", null=True, blank=True, on_delete=models.SET_NULL, related_name="stopped"
    )
    all_traffic = models.BooleanField(default=False)  # asked for at creation; given, and cleared, once it serves
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = DeploymentQuerySet.as_manager()

    class Meta:
        ordering = ("created_at", "name")
        constraints = [
            models.UniqueConstraint(
                "endpoint",
                Lower("name"),
                condition=models.Q(deleted_at__isnull=True),
                name="one_deployment_per_name",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def shown_state(self) -> str:
        """For people: one that sleeps has succeeded too, but nothing of it runs."""
        if self.state != ProvisioningState.SUCCEEDED or not self.at_zero:
            return self.state
        return "Stopped" if self.sleep == SleepState.STOPPED else "Scaled to zero"

    @property
    def at_zero(self) -> bool:
        """No replica of it is wanted now."""
        return self.sleep in AT_ZERO

    @property
    def cluster(self) -> str:
        """Its name in the gateway's statistics."""
        return f"d-{self.id.hex}"


class DeploymentRevision(SpecificationFields):
    """One generation as it was specified: from it what serves is healed, and what served can come back."""

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="revisions")
    generation = models.PositiveIntegerField()
    outcome = models.CharField(max_length=10, choices=RevisionOutcome.choices, default=RevisionOutcome.ROLLING)
    failure_code = models.CharField(max_length=40, choices=FailureCode.choices, blank=True)
    failure_message = models.TextField(blank=True)
    rolled_back_to = models.PositiveIntegerField(null=True, blank=True)  # the generation whose specification it has
    reason = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    actor_name = models.CharField(max_length=254, blank=True)

    class Meta:
        ordering = ("-generation",)
        constraints = [models.UniqueConstraint(fields=["deployment", "generation"], name="one_revision_per_generation")]

    def __str__(self) -> str:
        return f"generation {self.generation}"


class Replica(models.Model):
    """What was last observed of one replica, and whether the gateway may send it requests."""

    id = models.CharField(max_length=60, primary_key=True)
    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="replicas")
    generation = models.PositiveIntegerField()
    ordinal = models.PositiveSmallIntegerField()
    instance_type = models.ForeignKey(
        InstanceType, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )  # of its generation: what it costs
    socket = models.CharField(max_length=107)  # a unix socket's path, or 127.0.0.1:PORT
    readiness_socket = models.CharField(max_length=107, blank=True)  # where readiness is asked, if elsewhere
    state = models.CharField(max_length=12, choices=ReplicaState.choices, default=ReplicaState.STARTING)
    routed = models.BooleanField(default=False)
    route_revision = models.BigIntegerField(default=0)  # the one that carries `routed`
    pid = models.PositiveIntegerField(null=True, blank=True)
    restarts = models.PositiveIntegerField(default=0)
    exit_code = models.IntegerField(null=True, blank=True)
    reason = models.CharField(max_length=60, blank=True)
    message = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    ready_at = models.DateTimeField(null=True, blank=True)
    changed_at = models.DateTimeField(null=True, blank=True)
    stopping_at = models.DateTimeField(null=True, blank=True)  # when we asked it to stop
    conditions = models.JSONField(default=list, blank=True)  # Ready and Live, as those of a deployment

    class Meta:
        ordering = ("generation", "ordinal")

    def __str__(self) -> str:
        return self.id


class ReplicaPort(models.Model):
    """A TCP port of this machine that a replica has, for as long as it has its row."""

    number = models.PositiveIntegerField(primary_key=True)
    replica = models.ForeignKey(Replica, on_delete=models.CASCADE, related_name="ports")
    declared = models.PositiveIntegerField()  # as its routes name it; 0 where they name none

    class Meta:
        constraints = [models.UniqueConstraint(fields=["replica", "declared"], name="one_port_of_a_replica")]

    def __str__(self) -> str:
        return str(self.number)
