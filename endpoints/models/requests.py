"""What people keep while they work: wizard drafts, test calls and requests under a name."""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from endpoints.models.endpoints import Endpoint
from endpoints.models.fields import EncryptedTextField
from endpoints.models.workspaces import Workspace


class Draft(models.Model):
    """A wizard that is not finished. `data` holds each step's cleaned fields under the step's name."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="drafts")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    endpoint = models.ForeignKey(Endpoint, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return str(self.id)


class TestCall(models.Model):
    """One request sent from the Test tab; the last fifty of each person and endpoint are kept."""

    __test__ = False  # not a pytest class

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="test_calls")
    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="test_calls")
    pinned_to = models.CharField(max_length=32, blank=True)
    method = models.CharField(max_length=10, default="POST")
    path = models.CharField(max_length=200, default="/score")
    headers = EncryptedTextField(blank=True)  # those that the person added, a line each
    content_type = models.CharField(max_length=100, default="application/json")
    answered_by = models.CharField(max_length=32, blank=True)
    status = models.PositiveSmallIntegerField(null=True, blank=True)  # null: no answer at all
    error = models.TextField(blank=True)
    duration_ms = models.FloatField(default=0)
    model_ms = models.FloatField(null=True, blank=True)
    request_body = EncryptedTextField(blank=True)  # the beginning; empty for what is no text
    response_body = EncryptedTextField(blank=True)
    request_bytes = models.PositiveBigIntegerField(null=True, blank=True)  # null: of before it was counted
    response_bytes = models.PositiveBigIntegerField(null=True, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    share = models.UUIDField(null=True, blank=True, unique=True)  # of the link for others; null: for nobody else
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-id",)
        indexes = [models.Index(fields=["user", "endpoint", "-id"], name="calls_of_person")]

    def __str__(self) -> str:
        return f"{self.endpoint_id} {self.status}"


class SavedRequest(models.Model):
    """A request under a name, of one person; `shared`: everybody who sees the endpoint may use it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_requests")
    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="saved_requests")
    name = models.CharField(max_length=80)
    shared = models.BooleanField(default=False)
    pinned_to = models.CharField(max_length=32, blank=True)
    method = models.CharField(max_length=10, default="POST")
    path = models.CharField(max_length=200, default="/score")
    headers = EncryptedTextField(blank=True)
    content_type = models.CharField(max_length=100, default="application/json")
    body = EncryptedTextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name", "id")
        constraints = [
            models.UniqueConstraint(fields=["user", "endpoint", "name"], name="saved_request_name_per_person")
        ]

    def __str__(self) -> str:
        return self.name
