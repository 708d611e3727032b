"""Long-running changes, and the leases under which loops work."""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from endpoints.enums import OperationKind, OperationState
from endpoints.models.deployments import Deployment
from endpoints.models.endpoints import Endpoint


class Operation(models.Model):
    """A change to a deployment that takes time. `phases` is a list, in order, of
    {name, state, started_at, finished_at, message}; times are ISO 8601 in UTC or null."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="operations")
    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="operations")
    kind = models.CharField(max_length=10, choices=OperationKind.choices)
    state = models.CharField(max_length=10, choices=OperationState.choices, default=OperationState.RUNNING)
    generation = models.PositiveIntegerField()
    phases = models.JSONField(default=list)
    failure_code = models.CharField(max_length=40, blank=True)
    failure_message = models.TextField(blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    troubled_at = models.DateTimeField(null=True, blank=True)  # since when its steps meet an error that may pass
    # How far its replicas have come (domain.planning.Plan.progress), and since when no further.
    progress = models.PositiveIntegerField(default=0)
    progressed_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    source = models.CharField(max_length=10, blank=True)
    request_id = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ("-created_at",)
        constraints = [
            models.UniqueConstraint(
                fields=["deployment"],
                condition=models.Q(state=OperationState.RUNNING),
                name="one_running_operation",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.deployment_id}"


class Lease(models.Model):
    """Who may work on something now. Taken, kept and given back by guarded UPDATEs only."""

    name = models.CharField(max_length=100, primary_key=True)
    token = models.CharField(max_length=36, blank=True)
    expires_at = models.DateTimeField()
    chain = models.CharField(max_length=36, blank=True)  # the one follow-up call that still counts

    def __str__(self) -> str:
        return self.name
