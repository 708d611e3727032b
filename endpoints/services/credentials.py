"""Keys: made with the endpoint, read on demand and on the record, replaced one at a time."""

import secrets

from django.db import transaction
from django.utils import timezone

from endpoints.domain.actor import Actor
from endpoints.domain.errors import Conflict, Invalid
from endpoints.enums import CredentialKind, ProvisioningState
from endpoints.models import Credential, Endpoint
from endpoints.permissions import Action, require
from endpoints.services import events
from endpoints.services.routes import next_revision


def _new_key() -> str:
    return secrets.token_urlsafe(32)


def create_credentials(endpoint: Endpoint) -> None:
    Credential.objects.bulk_create(
        Credential(endpoint=endpoint, kind=kind, value=_new_key()) for kind in CredentialKind
    )


def read_keys(*, actor: Actor, endpoint: Endpoint) -> dict[str, str]:
    """{"Primary": key, "Secondary": key}. Reading is a privileged act and stands in the history."""
    require(actor.user, Action.LIST_KEYS, endpoint)
    events.record(actor=actor, verb="keys.read", endpoint=endpoint)
    return {key.kind: key.value for key in endpoint.credentials.all()}


def regenerate_key(*, actor: Actor, endpoint: Endpoint, kind: str) -> str:
    """The new key. The old one stops working as soon as the gateway has the change."""
    require(actor.user, Action.REGENERATE_KEYS, endpoint)
    if kind not in CredentialKind.values:
        raise Invalid({"key_type": f"“{kind}” is not a key. Use {' or '.join(CredentialKind.values)}."})
    value = _new_key()
    with transaction.atomic():
        if Endpoint.objects.filter(pk=endpoint.pk, state=ProvisioningState.DELETING).exists():
            raise Conflict(f"“{endpoint.name}” is being deleted.")
        credential = Credential.objects.select_for_update(no_key=True).get(endpoint=endpoint, kind=kind)
        credential.value = value
        credential.created_at = timezone.now()
        credential.save()
        events.record(actor=actor, verb="key.regenerated", endpoint=endpoint, after={"key_type": kind})
        next_revision()
    return value


def test_key(endpoint: Endpoint) -> str:
    """The key with which the studio itself sends test calls; never shown, so not recorded as read."""
    return endpoint.credentials.get(kind=CredentialKind.PRIMARY).value
