"""What container images are pulled with."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from endpoints.models.fields import EncryptedTextField
from endpoints.models.workspaces import Workspace


class RegistryCredential(models.Model):
    """Signs in to one container registry, for the images of one workspace."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="registry_credentials")
    server = models.CharField(max_length=255)  # host, or host:port
    username = models.CharField(max_length=255)
    password = EncryptedTextField()
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ("server",)
        constraints = [models.UniqueConstraint(fields=["workspace", "server"], name="one_credential_of_a_registry")]

    def __str__(self) -> str:
        return self.server
