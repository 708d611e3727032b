"""Alert rules, what came of them, and who is told."""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from endpoints.enums import AlertScope, AlertState, ChannelKind, DeliveryState, Severity
from endpoints.models.deployments import Deployment
from endpoints.models.endpoints import Endpoint
from endpoints.models.fields import EncryptedTextField
from endpoints.models.workspaces import Workspace


class NotificationChannel(models.Model):
    """Where a workspace is told. `target` is an address of e-mail or a URL, which may be a secret itself."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="notification_channels")
    name = models.CharField(max_length=60)
    kind = models.CharField(max_length=10, choices=ChannelKind.choices)
    target = EncryptedTextField()
    secret = EncryptedTextField(blank=True, default="")  # signs what a webhook gets
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ("name",)
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="one_channel_of_a_name")]

    def __str__(self) -> str:
        return self.name


class AlertRule(models.Model):
    """Watches one deployment, one endpoint or the workspace. How it stands is written by the evaluation alone."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="alert_rules")
    endpoint = models.ForeignKey(Endpoint, null=True, blank=True, on_delete=models.CASCADE, related_name="alert_rules")
    deployment = models.ForeignKey(
        Deployment, null=True, blank=True, on_delete=models.CASCADE, related_name="alert_rules"
    )
    name = models.CharField(max_length=80)
    signal = models.CharField(max_length=60)
    operator = models.CharField(max_length=20)
    threshold = models.FloatField()
    recovery = models.FloatField(null=True, blank=True)
    window_seconds = models.PositiveIntegerField(default=300)
    fire_after_seconds = models.PositiveIntegerField(default=0)
    resolve_after_seconds = models.PositiveIntegerField(default=0)
    severity = models.CharField(max_length=1, choices=Severity.choices, default=Severity.WARNING)
    notify_no_data = models.BooleanField(default=False)
    enabled = models.BooleanField(default=True)
    silenced_until = models.DateTimeField(null=True, blank=True)
    silence_reason = models.CharField(max_length=200, blank=True)
    channels = models.ManyToManyField(NotificationChannel, blank=True, related_name="rules")
    version = models.PositiveIntegerField(default=1)
    state = models.CharField(max_length=10, choices=AlertState.choices, default=AlertState.OK)
    since = models.DateTimeField(default=timezone.now)
    pending = models.CharField(max_length=10, choices=AlertState.choices, blank=True)
    pending_since = models.DateTimeField(null=True, blank=True)
    value = models.FloatField(null=True, blank=True)
    evaluated_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ("name",)
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="one_alert_rule_of_a_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def scope(self) -> AlertScope:
        if self.deployment_id:
            return AlertScope.DEPLOYMENT
        return AlertScope.ENDPOINT if self.endpoint_id else AlertScope.WORKSPACE

    @property
    def subject(self) -> str:
        """ "churn/blue", "churn", or the workspace's name."""
        if self.deployment is not None:
            return f"{self.deployment.endpoint.name}/{self.deployment.name}"
        return self.endpoint.name if self.endpoint is not None else self.workspace.name

    @property
    def channel_names(self) -> list[str]:
        return [channel.name for channel in self.channels.all()]


class Alert(models.Model):
    """One time that a rule was not OK, from when it began until it ended. What the rule said then is kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="alerts")
    rule = models.ForeignKey(AlertRule, null=True, on_delete=models.SET_NULL, related_name="alerts")
    endpoint = models.ForeignKey(Endpoint, null=True, blank=True, on_delete=models.CASCADE, related_name="alerts")
    name = models.CharField(max_length=80)
    subject = models.CharField(max_length=80)
    severity = models.CharField(max_length=1, choices=Severity.choices)
    state = models.CharField(max_length=10, choices=AlertState.choices)  # firing or no_data
    condition = models.CharField(max_length=300)
    value = models.FloatField(null=True, blank=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ending = models.CharField(max_length=60, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    notified_at = models.DateTimeField(null=True, blank=True)  # None: silenced so far, or of no interest

    class Meta:
        ordering = ("-started_at", "-id")
        constraints = [
            models.UniqueConstraint(
                fields=["rule"], condition=models.Q(ended_at__isnull=True), name="one_open_alert_of_a_rule"
            )
        ]
        indexes = [models.Index(fields=["workspace", "-started_at"], name="alerts_of_a_workspace")]

    def __str__(self) -> str:
        return f"{self.name} {self.started_at:%Y-%m-%dT%H:%M:%SZ}"


class Notification(models.Model):
    """One message to one channel, or to one person by mail: written with what it tells of, sent afterwards. `key` is
    said once to each."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    channel = models.ForeignKey(
        NotificationChannel, null=True, blank=True, on_delete=models.CASCADE, related_name="notifications"
    )
    recipient = models.EmailField(blank=True, default="", db_default="")  # in place of a channel
    alert = models.ForeignKey(Alert, null=True, blank=True, on_delete=models.CASCADE, related_name="notifications")
    key = models.CharField(max_length=120)
    document = models.JSONField()  # domain.notices.Notice
    state = models.CharField(max_length=10, choices=DeliveryState.choices, default=DeliveryState.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(default=timezone.now)
    claim = models.UUIDField(null=True, blank=True)  # whose turn it is, until due_at
    error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = [
            models.UniqueConstraint(fields=["channel", "key"], name="told_once"),
            models.UniqueConstraint(
                fields=["recipient", "key"], condition=models.Q(channel__isnull=True), name="told_once_by_mail"
            ),
            models.CheckConstraint(
                condition=models.Q(channel__isnull=False, recipient="")
                | (models.Q(channel__isnull=True) & ~models.Q(recipient="")),
                name="a_channel_or_a_recipient",
            ),
        ]
        indexes = [models.Index(fields=["state", "due_at"], name="notifications_due")]

    def __str__(self) -> str:
        return self.key
