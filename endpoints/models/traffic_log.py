"""Requests that were kept one by one."""

from django.db import models

from endpoints.enums import AuthMode
from endpoints.models.endpoints import Endpoint


class TrafficLogEntry(models.Model):
    """One request at the gateway; the fields are those of domain.traffic_log.Entry. Rows are only added, and pruned
    from the oldest on."""

    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="traffic_log_entries", db_index=False)
    at = models.DateTimeField()
    status = models.PositiveSmallIntegerField()
    deployment = models.CharField(max_length=32, blank=True)  # a name: it outlives the deployment
    method = models.CharField(max_length=20, blank=True)
    path = models.CharField(max_length=500, blank=True)  # without its query
    protocol = models.CharField(max_length=10, blank=True)
    status_reason = models.CharField(max_length=100, blank=True)
    flags = models.CharField(max_length=40, blank=True)
    model_status = models.PositiveSmallIntegerField(null=True, blank=True)
    model_reason = models.CharField(max_length=200, blank=True)
    pinned = models.BooleanField(default=False)
    attempts = models.PositiveSmallIntegerField(default=0)
    request_bytes = models.PositiveBigIntegerField(default=0)
    response_bytes = models.PositiveBigIntegerField(default=0)
    total_ms = models.PositiveIntegerField(null=True, blank=True)
    request_ms = models.PositiveIntegerField(null=True, blank=True)
    response_ms = models.PositiveIntegerField(null=True, blank=True)
    model_ms = models.FloatField(null=True, blank=True)
    request_throttling_delay_ms = models.PositiveIntegerField(null=True, blank=True)
    response_throttling_delay_ms = models.PositiveIntegerField(null=True, blank=True)
    auth_mode = models.CharField(max_length=10, choices=AuthMode.choices, blank=True)
    caller = models.CharField(max_length=200, blank=True)  # a key's name or a token's subject, never either itself
    user_agent = models.CharField(max_length=70, blank=True)
    x_request_id = models.CharField(max_length=40, blank=True)
    x_ms_client_request_id = models.CharField(max_length=40, blank=True)
    traceparent = models.CharField(max_length=55, blank=True)

    class Meta:
        ordering = ("-at", "-id")
        indexes = [
            models.Index(fields=["endpoint", "at", "id"], name="traffic_log_by_time"),
            models.Index(fields=["x_request_id"], name="traffic_log_by_request"),
            models.Index(
                fields=["x_ms_client_request_id"],
                name="traffic_log_by_client_id",
                condition=~models.Q(x_ms_client_request_id=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%dT%H:%M:%SZ} {self.method} {self.path} {self.status}"


class TrafficLogState(models.Model):
    """One row: how far the gateway's log was read. Written in the transaction that writes what was read."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    file = models.CharField(max_length=100, blank=True)  # which of the log's files, whatever its name is now
    offset = models.PositiveBigIntegerField(default=0)
    lines = models.PositiveBigIntegerField(default=0)  # of that file
    kept = models.PositiveBigIntegerField(default=0)  # requests, in all
    unreadable = models.PositiveBigIntegerField(default=0)  # lines that were torn off, in all
    dropped = models.PositiveBigIntegerField(default=0)  # lines that nobody came to read in time, in all
    dropped_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)
    behind_bytes = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_traffic_log_state")]

    def __str__(self) -> str:
        return f"{self.file} {self.offset}"
