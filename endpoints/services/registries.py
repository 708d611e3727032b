"""What a workspace's container images are pulled with."""

from django.db import transaction

from endpoints.domain.actor import Actor
from endpoints.domain.errors import Invalid, NotFound
from endpoints.domain.images import checked_registry
from endpoints.models import RegistryCredential, Workspace
from endpoints.permissions import Action, require
from endpoints.services import events

MAX_PASSWORD = 16_384  # some registries give tokens for passwords


def set_registry_credential(
    *, actor: Actor, workspace: Workspace, server: str, username: str, password: str
) -> RegistryCredential:
    """In place of the one for that registry, if there is one. Replicas that start from now on are pulled with it.

    The password is kept encrypted, and never shown again. Raises Invalid.
    """
    require(actor.user, Action.MANAGE_WORKSPACE, workspace)
    server = checked_registry(server)
    problems = {}
    if not 0 < len(username.strip()) <= 255:
        problems["username"] = "A name of up to 255 characters."
    if not 0 < len(password) <= MAX_PASSWORD:
        problems["password"] = f"A password or token of up to {MAX_PASSWORD} characters."
    if problems:
        raise Invalid(problems)
    fields = {"username": username.strip(), "password": password, "created_by": actor.user}
    with transaction.atomic():
        found, _ = RegistryCredential.objects.update_or_create(workspace=workspace, server=server, defaults=fields)
        after = {"username": found.username}
        events.record(actor=actor, verb="registry.signed_in", workspace=workspace, subject=server, after=after)
    return found


def remove_registry_credential(*, actor: Actor, workspace: Workspace, server: str) -> None:
    """Images that are here already go on running. Raises NotFound."""
    require(actor.user, Action.MANAGE_WORKSPACE, workspace)
    with transaction.atomic():
        gone, _ = RegistryCredential.objects.filter(workspace=workspace, server=server.lower()).delete()
        if not gone:
            raise NotFound(f"“{workspace}” has no credential for {server}.")
        events.record(actor=actor, verb="registry.signed_out", workspace=workspace, subject=server)
