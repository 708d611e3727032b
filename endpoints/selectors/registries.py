"""The container registries that a workspace signs in to."""

from django.db.models import QuerySet

from endpoints.models import RegistryCredential, Workspace


def registries_of(workspace: Workspace) -> QuerySet[RegistryCredential]:
    """For whoever may see the workspace: passwords are for the pulling of images alone."""
    return RegistryCredential.objects.filter(workspace=workspace).defer("password").select_related("created_by")
