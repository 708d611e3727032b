"""Endpoints, their keys, and the gateway's state."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from endpoints.domain.traffic_log import PERCENT
from endpoints.enums import AuthMode, CredentialKind, EndpointKind, ProvisioningState, TrafficLogMode
from endpoints.models.fields import EncryptedTextField
from endpoints.models.workspaces import Workspace


class EndpointQuerySet(models.QuerySet["Endpoint"]):
    def present(self) -> "EndpointQuerySet":
        """Not deleted. What is deleted stays as a tombstone, for its usage and its history."""
        return self.filter(deleted_at__isnull=True)


class Endpoint(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="endpoints")
    name = models.CharField(max_length=32)
    kind = models.CharField(max_length=10, choices=EndpointKind.choices, default=EndpointKind.ONLINE)
    description = models.TextField(blank=True)
    tags = models.JSONField(default=dict, blank=True)
    auth_mode = models.CharField(max_length=10, choices=AuthMode.choices, default=AuthMode.KEY)
    # Of words, limits, CORS, the traffic log and auth_mode, for optimistic locking.
    settings_version = models.PositiveIntegerField(default=1)
    state = models.CharField(max_length=10, choices=ProvisioningState.choices, default=ProvisioningState.CREATING)
    # Desired traffic {deployment: percent}, its version for optimistic locking, and the route revision carrying it.
    traffic = models.JSONField(default=dict, blank=True)
    mirror_traffic = models.JSONField(default=dict, blank=True)  # {deployment: percent}, one at most
    traffic_version = models.PositiveIntegerField(default=1)
    traffic_changed_at = models.DateTimeField(null=True, blank=True)
    route_revision = models.BigIntegerField(default=0)
    # Over all deployments; null is the site's default.
    requests_per_second = models.PositiveIntegerField(null=True, blank=True)
    kilobytes_per_second = models.PositiveIntegerField(null=True, blank=True)  # of 1024 bytes, in each direction
    cors = models.JSONField(default=dict, blank=True)  # the fields of domain.limits.Cors; empty: off
    # Which requests are kept one by one; the share of a sample in percent.
    traffic_log = models.CharField(max_length=10, choices=TrafficLogMode.choices, default=TrafficLogMode.SAMPLED)
    traffic_log_percent = models.PositiveSmallIntegerField(default=PERCENT)
    # What the gateway was last seen to do.
    live_traffic = models.JSONField(default=dict, blank=True)
    live_mirror = models.JSONField(default=dict, blank=True)
    live_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = EndpointQuerySet.as_manager()

    class Meta:
        ordering = ("name",)
        constraints = [
            models.UniqueConstraint(
                Lower("name"), condition=models.Q(deleted_at__isnull=True), name="one_endpoint_per_name"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Credential(models.Model):
    """A key of an endpoint. Two at a time, so that one can be replaced while the other works."""

    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="credentials")
    kind = models.CharField(max_length=10, choices=CredentialKind.choices)
    value = EncryptedTextField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["endpoint", "kind"], name="one_key_of_a_kind")]

    def __str__(self) -> str:
        return f"{self.endpoint_id} {self.kind}"


class GatewayState(models.Model):
    """One row: how far the gateway has been seen to follow.

    A change that concerns routes takes the next `desired_revision` in its own transaction; it is in force
    when `confirmed_revision` has reached it.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    desired_revision = models.BigIntegerField(default=0)
    confirmed_revision = models.BigIntegerField(default=0)
    version = models.CharField(max_length=64, blank=True)  # of the route table that was confirmed
    published_version = models.CharField(max_length=64, blank=True)
    refused_version = models.CharField(max_length=64, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    behind_since = models.DateTimeField(null=True, blank=True)  # the first change after all were confirmed
    refusal = models.TextField(blank=True)
    refused_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_gateway_state")]

    def __str__(self) -> str:
        return f"{self.confirmed_revision}/{self.desired_revision}"
