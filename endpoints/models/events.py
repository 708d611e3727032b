"""Who did what. Rows are only ever added: what would change or remove one is refused here, and by the database."""

import uuid
from typing import Any, NoReturn

from django.conf import settings
from django.db import models
from django.utils import timezone

from endpoints.domain.errors import Conflict
from endpoints.enums import Source
from endpoints.models.workspaces import Workspace


class AppendOnly(Conflict):
    """Of a row that is there for good."""

    def __init__(self) -> None:
        super().__init__("The history is only ever added to: nothing in it is changed or removed.")


class AppendOnlyQuerySet(models.QuerySet[Any]):
    def update(self, **_: Any) -> NoReturn:
        raise AppendOnly

    def bulk_update(self, *_: Any, **__: Any) -> NoReturn:
        raise AppendOnly

    def delete(self) -> NoReturn:
        raise AppendOnly


class AppendOnlyModel(models.Model):
    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **options: Any) -> None:
        if not self._state.adding:
            raise AppendOnly
        super().save(*args, **options)

    def delete(self, *_: Any, **__: Any) -> NoReturn:
        raise AppendOnly


class Event(AppendOnlyModel):
    """`verb` is dotted: "traffic.updated", "deployment.created", "keys.read". Objects are kept by name and id,
    so that the history outlives them: the workspace and the actor too, whose rows may be gone."""

    workspace = models.ForeignKey(
        Workspace, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="events"
    )
    endpoint_id = models.UUIDField(null=True, blank=True)
    endpoint_name = models.CharField(max_length=32, blank=True)
    deployment_id = models.UUIDField(null=True, blank=True)
    deployment_name = models.CharField(max_length=32, blank=True)
    verb = models.CharField(max_length=60)
    subject = models.CharField(max_length=200, blank=True)  # what it was done to, for people
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="events",
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
            models.Index(fields=["request_id"], name="events_of_request"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.subject}"


class Seal(AppendOnlyModel):
    """A link of the chain (domain.audit.Link). Its event is named and not referred to, so that one that is gone is
    found."""

    position = models.BigIntegerField(primary_key=True)
    event_id = models.BigIntegerField(unique=True)
    digest = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)
    sealed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("position",)

    def __str__(self) -> str:
        return f"{self.position}: {self.event_id}"


class AuditState(models.Model):
    """One row: whose chain this is, and how far a check has come. A check that goes on has `checking_since`."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    site = models.UUIDField(default=uuid.uuid4)
    checking_since = models.DateTimeField(null=True, blank=True)
    checked_position = models.BigIntegerField(default=0)
    checked_faults = models.JSONField(default=list, blank=True)  # so far: [{position, event_id, message}]
    verified_at = models.DateTimeField(null=True, blank=True)
    verified_position = models.BigIntegerField(default=0)
    verified_event = models.BigIntegerField(default=0)
    faults = models.JSONField(default=list, blank=True)  # of the last whole check

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_audit_state")]

    def __str__(self) -> str:
        return str(self.site)


class AuditForwarder(models.Model):
    """How far the history has been sent to one address."""

    address = models.CharField(max_length=300, primary_key=True)
    position = models.BigIntegerField(default=0)
    forwarded_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)
    failing_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("address",)

    def __str__(self) -> str:
        return self.address
