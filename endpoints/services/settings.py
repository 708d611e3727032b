"""Fields of an endpoint that its routes carry: one change, one event, one revision."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from endpoints.domain.actor import Actor
from endpoints.domain.errors import Conflict
from endpoints.enums import ProvisioningState
from endpoints.models import Endpoint
from endpoints.services import events
from endpoints.services.routes import next_revision
from endpoints.services.staleness import check_settings_version


def change_settings(
    actor: Actor, endpoint: Endpoint, wanted: Mapping[str, Any], expected_version: int | None, *, verb: str
) -> Endpoint:
    """The caller has checked the right and the values."""
    with transaction.atomic():
        locked = Endpoint.objects.select_for_update(no_key=True).get(pk=endpoint.pk)
        if locked.state == ProvisioningState.DELETING or locked.deleted_at:
            raise Conflict(f"“{locked.name}” is being deleted.")
        check_settings_version(locked, expected_version)
        before = {name: getattr(locked, name) for name in wanted}
        if before != wanted:
            for name, value in wanted.items():
                setattr(locked, name, value)
            events.record(actor=actor, verb=verb, endpoint=locked, before=before, after=dict(wanted))
            locked.route_revision = next_revision()
            locked.settings_version += 1
            locked.save(update_fields=[*wanted, "settings_version", "route_revision", "updated_at"])
    endpoint.refresh_from_db()
    return endpoint
