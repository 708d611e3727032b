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
    """One role, of a person or service account or of a group, in a workspace or on one endpoint of it."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="role_assignments"
    )
    group = models.CharField(max_length=400, blank=True)  # permissions.group_key: "issuer|group"
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="role_assignments")
    endpoint = models.ForeignKey(
        "endpoints.Endpoint", null=True, blank=True, on_delete=models.CASCADE, related_name="role_assignments"
    )
    role = models.CharField(max_length=20, choices=Role.choices)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(user__isnull=False, group="") | (models.Q(user__isnull=True) & ~models.Q(group="")),
                name="a_person_or_a_group",
            ),
            models.UniqueConstraint(
                fields=["user", "group", "workspace", "role"],
                condition=models.Q(endpoint__isnull=True, user__isnull=False),
                name="one_role_of_a_person",
            ),
            models.UniqueConstraint(
                fields=["user", "group", "endpoint", "role"],
                condition=models.Q(endpoint__isnull=False, user__isnull=False),
                name="one_role_of_a_person_here",
            ),
            models.UniqueConstraint(
                fields=["group", "workspace", "role"],
                condition=models.Q(endpoint__isnull=True, user__isnull=True),
                name="one_role_of_a_group",
            ),
            models.UniqueConstraint(
                fields=["group", "endpoint", "role"],
                condition=models.Q(endpoint__isnull=False, user__isnull=True),
                name="one_role_of_a_group_here",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.principal} {self.role} {self.endpoint or self.workspace}"

    @property
    def principal(self) -> str:
        """For people: an address, an account's name or a group's."""
        return str(self.user) if self.user else self.group.partition("|")[2]

    @property
    def group_issuer(self) -> str:
        return self.group.partition("|")[0]


class ServiceAccount(models.Model):
    """A program that calls the API and endpoints as itself: a user without a sign-in, with secrets of its own."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="service_account")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="service_accounts")
    name = models.SlugField(max_length=32)
    description = models.CharField(max_length=300, blank=True)
    client_id = models.CharField(max_length=40, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("name",)
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="one_service_account_of_a_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def enabled(self) -> bool:
        return bool(self.user.is_active)


class ServiceSecret(models.Model):
    """Two at a time, so that one can be replaced while the other works. Only the SHA-256 is stored."""

    account = models.ForeignKey(ServiceAccount, on_delete=models.CASCADE, related_name="secrets")
    prefix = models.CharField(max_length=12)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("created_at",)

    def __str__(self) -> str:
        return f"{self.account} {self.prefix}"

    @property
    def shown_id(self) -> str:
        """For a template, which joins only text."""
        return str(self.pk)
