"""How much of everything there may be, and who asks for more. IT edits it."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from endpoints.enums import RequestState
from endpoints.models.workspaces import Workspace


class SiteLimits(models.Model):
    """One row: Azure's limits as they hold here (azure-semantics 2.1). Whoever takes capacity locks it, so that two at
    once do not pass a quota together."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    reserve_percent = models.PositiveSmallIntegerField(default=20, validators=[MaxValueValidator(100)])
    deployments_per_endpoint = models.PositiveIntegerField(default=20, validators=[MinValueValidator(1)])
    instances_per_deployment = models.PositiveIntegerField(default=50, validators=[MinValueValidator(1)])
    request_timeout_ms = models.PositiveIntegerField(default=180_000, validators=[MinValueValidator(1)])
    # Of endpoints without limits of their own; null: as the studio was started with; 0: none.
    requests_per_second = models.PositiveIntegerField(null=True, blank=True)
    kilobytes_per_second = models.PositiveIntegerField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_row_of_limits")]

    def __str__(self) -> str:
        return f"limits of the site, version {self.version}"


class QuotaFields(models.Model):
    """Null: no limit."""

    vcpu = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    memory_mib = models.PositiveBigIntegerField(null=True, blank=True)
    gpu = models.PositiveIntegerField(null=True, blank=True)
    endpoints = models.PositiveIntegerField(null=True, blank=True)
    deployments = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        abstract = True


class Quota(QuotaFields):
    """Of a workspace; without one, of the whole site."""

    workspace = models.OneToOneField(Workspace, null=True, blank=True, on_delete=models.CASCADE, related_name="quota")
    version = models.PositiveIntegerField(default=1)
    updated_at = models.DateTimeField(default=timezone.now)
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                models.Value(1), condition=models.Q(workspace__isnull=True), name="one_quota_of_the_site"
            ),
        ]

    def __str__(self) -> str:
        return f"quota of {self.workspace or 'the site'}"


class QuotaRequest(QuotaFields):
    """The limits that a member asks for; null leaves one as it is."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="quota_requests")
    reason = models.TextField()
    state = models.CharField(max_length=10, choices=RequestState.choices, default=RequestState.PENDING)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    note = models.TextField(blank=True)

    class Meta:
        ordering = ("-id",)
        indexes = [models.Index(fields=["state", "-id"], name="quota_requests_by_state")]

    def __str__(self) -> str:
        return f"request {self.pk} of {self.workspace}"
