"""What was measured, and what is billed."""

import uuid

from django.db import models

from endpoints.enums import Meter, UsagePhase
from endpoints.models.deployments import Deployment


class Sample(models.Model):
    """One deployment, one aligned half-open UTC interval [at, at + resolution).

    What lists sum has a column; the rest lies in bytes, as domain.packing reads and writes it. Rows of hours and days
    stand for what is over, up to their Rollup; what came since is in the next shorter ones.
    """

    pk = models.CompositePrimaryKey("deployment", "resolution", "at")
    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="samples")
    at = models.DateTimeField()
    requests = models.PositiveBigIntegerField(default=0)
    errors = models.PositiveBigIntegerField(default=0)
    covered_ms = models.PositiveBigIntegerField(default=0)
    resolution = models.PositiveIntegerField()  # seconds: 10, 60, 3600, 86400
    in_flight = models.PositiveIntegerField(default=0)  # the most that was seen
    latency = models.BinaryField(default=bytes)
    mirror_latency = models.BinaryField(default=bytes)
    more = models.BinaryField(default=bytes)

    class Meta:
        indexes = [models.Index(fields=["resolution", "at"], name="samples_by_interval")]

    def __str__(self) -> str:
        return f"{self.deployment_id} {self.resolution}s {self.at:%Y-%m-%dT%H:%M:%SZ}"


class Rollup(models.Model):
    """Up to when samples of this resolution were made of the next shorter ones."""

    resolution = models.PositiveIntegerField(primary_key=True)
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.resolution}s until {self.until:%Y-%m-%dT%H:%M:%SZ}"


class CollectorPass(models.Model):
    """One look of the collector at everything, kept for a day. Failed ones have an error."""

    started_at = models.DateTimeField(db_index=True)
    duration_ms = models.PositiveIntegerField()
    late_ms = models.PositiveIntegerField(default=0)  # after the full interval at which it was to begin
    skipped = models.PositiveIntegerField(default=0)  # intervals since the one before in which there was none
    deployments = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=500, blank=True)

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%dT%H:%M:%SZ}"


class CounterCursor(models.Model):
    """The cumulative counters of the last scrape. Written in the transaction that writes what was made of them."""

    name = models.CharField(max_length=100, primary_key=True)
    identity = models.CharField(max_length=200)
    scraped_at = models.DateTimeField()
    counters = models.JSONField()

    def __str__(self) -> str:
        return self.name


class Usage(models.Model):
    """What was used in the half-open UTC interval [started_at, ended_at), at the price of that time.

    Never spans an hour boundary, nor a change of price. Grows while it goes on; otherwise never changes: the database
    itself keeps the price as it is. `replica_id` is what used it: a replica, a job's instance, a build, an endpoint.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="usage")
    meter = models.CharField(max_length=20, choices=Meter.choices, default=Meter.ONLINE, db_default=Meter.ONLINE.value)
    replica_id = models.CharField(max_length=60)
    instance_type = models.CharField(max_length=40)  # of what is counted: of which model
    phase = models.CharField(max_length=10, choices=UsagePhase.choices)
    job = models.CharField(max_length=64, blank=True, default="", db_default="")
    unit_price = models.DecimalField(max_digits=10, decimal_places=4)  # of a unit of the meter (domain.meters)
    quantity = models.PositiveBigIntegerField(null=True, blank=True)  # of what is counted; time is the interval's
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["replica_id", "started_at"], name="no_second_billed_twice"),
            models.CheckConstraint(condition=models.Q(ended_at__gte=models.F("started_at")), name="usage_goes_forward"),
        ]
        indexes = [
            models.Index(fields=["deployment", "started_at"], name="usage_by_time"),
            models.Index(fields=["started_at"], name="usage_of_the_site"),
        ]

    def __str__(self) -> str:
        return f"{self.replica_id} {self.started_at:%Y-%m-%dT%H:%M:%SZ}"
