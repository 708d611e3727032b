"""Counters that never go back."""

from django.db import models
from django.utils import timezone

from endpoints.models.deployments import Deployment


class DeploymentTotals(models.Model):
    """What a deployment has had since `since`; `values` holds the fields of domain.totals.Totals. Written by the
    collector in the transaction of its pass."""

    deployment = models.OneToOneField(Deployment, on_delete=models.CASCADE, primary_key=True, related_name="totals")
    since = models.DateTimeField(default=timezone.now)
    values = models.JSONField(default=dict)

    def __str__(self) -> str:
        return str(self.deployment_id)
