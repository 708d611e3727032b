"""Who did what. Rows are only ever added."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from endpoints.enums import Source
from endpoints.models.workspaces import Workspace


class Event(models.Model):
    """`verb` is dotted: "traffic.updated", "deployment.created", "keys.read". Objects are kept by name and id,
    so that the history outlives them."""

    workspace = models.ForeignKey(Workspace, null=True, on_delete=models.SET_NULL, related_name="events")
    endpoint_id = models.UUIDField(null=True, blank=True)
    endpoint_name = models.CharField(max_length=32, blank=True)
    deployment_id = models.UUIDField(null=True, blank=True)
    deployment_name = models.CharField(max_length=32, blank=True)
    verb = models.CharField(max_length=60)
    subject = models.CharField(max_length=200, blank=True)  # what it was done to, for people
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="events"
    )
    actor_name = models.CharField(max_length=254)  # an e-mail address, or "system"
    source = models.CharField(max_length=10, choices=Source.choices)
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)
    reason = models.TextField(blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-id",)
        indexes = [
            models.Index(fields=["workspace", "-id"], name="events_of_workspace"),
            models.Index(fields=["endpoint_id", "-id"], name="events_of_endpoint"),
            models.Index(fields=["deployment_id", "verb", "created_at"], name="events_of_deployment"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.subject}"
