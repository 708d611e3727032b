"""How a deployment scales by itself, and what came of each look at it."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from endpoints.enums import ScaleOutcome
from endpoints.models.deployments import Deployment
from endpoints.models.operations import Operation


class ScaleDecision(models.Model):
    """Something that autoscale did, or wanted to do. What comes out the same again and again is one row: `repeats`
    times until `last_at`, told as it was the last time. `inputs` is what the rules read: a list of
    {rule, direction, metric, value, threshold, fires}."""

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="scale_decisions")
    at = models.DateTimeField(default=timezone.now)
    last_at = models.DateTimeField(default=timezone.now)
    repeats = models.PositiveIntegerField(default=1)
    outcome = models.CharField(max_length=12, choices=ScaleOutcome.choices)
    profile = models.CharField(max_length=300)
    from_count = models.PositiveSmallIntegerField()
    to_count = models.PositiveSmallIntegerField()  # the same as before, where nothing was done
    wanted = models.PositiveIntegerField()
    reason = models.TextField()
    inputs = models.JSONField(default=list)
    operation = models.ForeignKey(Operation, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ("-id",)
        indexes = [models.Index(fields=["deployment", "-id"], name="decisions_of_a_deployment")]

    def __str__(self) -> str:
        return self.reason


class AutoscaleSetting(models.Model):
    """One per deployment. `setting` is Azure's JSON, as domain.scaling_schema writes it."""

    deployment = models.OneToOneField(Deployment, on_delete=models.CASCADE, related_name="autoscale")
    enabled = models.BooleanField(default=True)  # of `setting`, so that the loop can ask for it
    setting = models.JSONField()
    version = models.PositiveIntegerField(default=1)
    cooldown_until = models.DateTimeField(null=True, blank=True)
    evaluated_at = models.DateTimeField(null=True, blank=True)
    last_decision = models.ForeignKey(ScaleDecision, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    def __str__(self) -> str:
        return f"autoscale of {self.deployment_id}"
