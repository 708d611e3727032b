"""What the site's IT has switched, and which backups there are."""

from datetime import datetime

from django.db import connections, models
from django.utils import timezone

from endpoints.enums import BackupKind, BannerLevel


class SiteState(models.Model):
    """One row, there after every migration."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    read_only = models.BooleanField(default=False)
    read_only_reason = models.CharField(max_length=300, blank=True)
    read_only_until = models.DateTimeField(null=True, blank=True)  # then it ends by itself
    banner = models.CharField(max_length=300, blank=True)  # empty: none
    banner_level = models.CharField(max_length=10, choices=BannerLevel.choices, default=BannerLevel.INFO)
    banner_from = models.DateTimeField(null=True, blank=True)
    banner_until = models.DateTimeField(null=True, blank=True)
    # After how many days IT is shown tokens and keys as old, and how long some records are kept.
    old_token_days = models.PositiveIntegerField(default=180, db_default=180)
    unused_token_days = models.PositiveIntegerField(default=90, db_default=90)
    old_key_days = models.PositiveIntegerField(default=365, db_default=365)
    notification_days = models.PositiveIntegerField(default=90, db_default=90)
    decision_days = models.PositiveIntegerField(default=90, db_default=90)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_site_state")]

    def __str__(self) -> str:
        return "read-only" if self.read_only else "open"

    @classmethod
    def ensure(cls, using: str) -> None:
        if cls._meta.db_table in connections[using].introspection.table_names():
            cls.objects.using(using).get_or_create(id=1)

    def closed(self, *, now: datetime) -> bool:
        """Whether people may write nothing."""
        return self.read_only and (self.read_only_until is None or now < self.read_only_until)

    def banner_shown(self, *, now: datetime) -> bool:
        begun = self.banner_from is None or self.banner_from <= now
        return bool(self.banner) and begun and (self.banner_until is None or now < self.banner_until)


class BackupRecord(models.Model):
    """A backup that was made, tried or put back; `error` is empty where it went well."""

    kind = models.CharField(max_length=10, choices=BackupKind.choices)
    path = models.CharField(max_length=1000)
    size_bytes = models.BigIntegerField(default=0)
    artifacts = models.PositiveIntegerField(default=0)
    encrypted = models.BooleanField(default=False)
    made_at = models.DateTimeField(null=True, blank=True)  # of the backup that was tried or put back
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(default=timezone.now)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.kind} {self.path}"


class SiteReading(models.Model):
    """What was seen last of one of the studio's own parts (domain.health_readings), by whoever looks in the
    background. `values` stay from when it answered last."""

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField(default=timezone.now)
    answered_at = models.DateTimeField(null=True, blank=True)
    values = models.JSONField(default=dict)
    error = models.CharField(max_length=300, blank=True)  # of the last look; empty: it answered

    def __str__(self) -> str:
        return self.name
