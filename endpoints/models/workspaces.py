"""Tenants, and who may do what in them."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from endpoints.enums import Role


class Workspace(models.Model):
    name = models.SlugField(max_length=32, unique=True)
    display_name = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.display_name or self.name


class RoleAssignment(models.Model):
    """One role of one person in one workspace."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="role_assignments")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="role_assignments")
    role = models.CharField(max_length=20, choices=Role.choices)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "workspace"], name="one_role_per_person")]

    def __str__(self) -> str:
        return f"{self.user} {self.role} {self.workspace}"
