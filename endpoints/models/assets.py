"""Versioned assets: models, scoring code, environments, and the files behind them."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from endpoints.enums import BuildState, ModelType, ScanStatus
from endpoints.models.workspaces import Workspace


class Artifact(models.Model):
    """Files by content: two uploads of the same files are one artifact."""

    digest = models.CharField(max_length=64, primary_key=True)
    size_bytes = models.BigIntegerField()
    file_count = models.PositiveIntegerField()
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.digest[:12]


class VersionedAsset(models.Model):
    """`name:version` in a workspace; never changed once made, but for its words and archiving."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=100)
    version = models.PositiveIntegerField()
    description = models.TextField(blank=True)
    tags = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True
        ordering = ("name", "-version")

    def __str__(self) -> str:
        return f"{self.name}:{self.version}"


class ModelVersion(VersionedAsset):
    type = models.CharField(max_length=20, choices=ModelType.choices)
    artifact = models.ForeignKey(Artifact, on_delete=models.PROTECT, related_name="model_versions")
    scan_status = models.CharField(max_length=20, choices=ScanStatus.choices, default=ScanStatus.UNVERIFIED)
    scan_findings = models.JSONField(default=list, blank=True)  # [{path, severity, message}]
    mlflow = models.JSONField(default=dict, blank=True)  # flavors, signature, requirements, sample; {} otherwise
    triton = models.JSONField(default=dict, blank=True)  # root of the repository, models; {} otherwise

    class Meta(VersionedAsset.Meta):
        constraints = [
            models.UniqueConstraint(fields=["workspace", "name", "version"], name="one_model_version"),
        ]


class CodeVersion(VersionedAsset):
    artifact = models.ForeignKey(Artifact, on_delete=models.PROTECT, related_name="code_versions")

    class Meta(VersionedAsset.Meta):
        constraints = [
            models.UniqueConstraint(fields=["workspace", "name", "version"], name="one_code_version"),
        ]


class EnvironmentVersion(VersionedAsset):
    """The text as given, and what it was read as."""

    class Format(models.TextChoices):
        REQUIREMENTS = "requirements", "requirements.txt"
        CONDA = "conda", "conda.yml"

    format = models.CharField(max_length=20, choices=Format.choices)
    text = models.TextField()
    python_version = models.CharField(max_length=10)
    requirements = models.JSONField(default=list)

    class Meta(VersionedAsset.Meta):
        constraints = [
            models.UniqueConstraint(fields=["workspace", "name", "version"], name="one_environment_version"),
        ]


class EnvironmentBuild(models.Model):
    """One environment on this machine, by the hash of its specification; shared by all that ask for it."""

    spec_hash = models.CharField(max_length=64, primary_key=True)
    python_version = models.CharField(max_length=10)
    requirements = models.JSONField(default=list)
    state = models.CharField(max_length=20, choices=BuildState.choices, default=BuildState.PENDING)
    error = models.TextField(blank=True)
    size_bytes = models.BigIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return self.spec_hash[:12]
