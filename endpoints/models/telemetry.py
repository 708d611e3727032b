"""What was measured, and what is billed."""

import uuid

from django.db import models

from endpoints.enums import UsagePhase
from endpoints.models.deployments import Deployment


class Sample(models.Model):
    """One deployment, one aligned half-open UTC interval [at, at + resolution).

    `values` holds the fields of domain.rollups.SampleValues.
    """

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="samples")
    resolution = models.PositiveIntegerField()  # seconds: 10, 60, 3600
    at = models.DateTimeField()
    requests = models.PositiveIntegerField(default=0)  # of `values`, so that lists can sum in SQL
    errors = models.PositiveIntegerField(default=0)
    values = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["deployment", "resolution", "at"], name="one_sample_per_interval"),
        ]
        indexes = [models.Index(fields=["resolution", "at"], name="samples_by_time")]

    def __str__(self) -> str:
        return f"{self.deployment_id} {self.resolution}s {self.at:%Y-%m-%dT%H:%M:%SZ}"


class CounterCursor(models.Model):
    """The cumulative counters of the last scrape. Written in the transaction that writes what was made of them."""

    name = models.CharField(max_length=100, primary_key=True)
    identity = models.CharField(max_length=200)
    scraped_at = models.DateTimeField()
    counters = models.JSONField()

    def __str__(self) -> str:
        return self.name


class Usage(models.Model):
    """What one replica used in the half-open UTC interval [started_at, ended_at), at the price of that time.

    Never spans an hour boundary. Grows while the replica runs; otherwise never changes.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="usage")
    replica_id = models.CharField(max_length=60)
    instance_type = models.CharField(max_length=40)
    phase = models.CharField(max_length=10, choices=UsagePhase.choices)
    price_per_hour = models.DecimalField(max_digits=10, decimal_places=4)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["replica_id", "started_at"], name="no_second_billed_twice"),
            models.CheckConstraint(condition=models.Q(ended_at__gte=models.F("started_at")), name="usage_goes_forward"),
        ]
        indexes = [models.Index(fields=["deployment", "started_at"], name="usage_by_time")]

    def __str__(self) -> str:
        return f"{self.replica_id} {self.started_at:%Y-%m-%dT%H:%M:%SZ}"
