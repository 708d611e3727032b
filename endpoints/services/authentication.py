"""How callers of an endpoint show who they are."""

from django.db import transaction

from endpoints.domain.actor import Actor
from endpoints.domain.errors import Conflict, Invalid
from endpoints.enums import AuthMode, ProvisioningState
from endpoints.models import Endpoint
from endpoints.permissions import Action, require
from endpoints.services import events
from endpoints.services.identity import ensure_studio_provider
from endpoints.services.routes import next_revision
from endpoints.services.signing import ensure_key
from endpoints.services.staleness import check_settings_version

# What a change away from the mode takes from its callers.
STOPS = {
    AuthMode.KEY: "Callers that send a key get 401. The keys stay, and work again if you change back.",
    AuthMode.AML_TOKEN: "Callers that send a token of this endpoint get 401, though it has not expired.",
    AuthMode.AAD_TOKEN: "Callers that send a token of an identity provider get 401, whatever their role.",
}
# What callers need in the mode.
NEEDS = {
    AuthMode.KEY: "Callers send one of two keys, which work until they are regenerated.",
    AuthMode.AML_TOKEN: "Callers get a token of this endpoint from the studio and renew it within the hour.",
    AuthMode.AAD_TOKEN: "Callers send a token of an identity provider that IT trusts; a role decides who may score.",
}


def checked_mode(auth_mode: str) -> AuthMode:
    if auth_mode not in AuthMode.values:
        raise Invalid({"auth_mode": f"“{auth_mode}” is not a way to sign in. Use {', '.join(AuthMode.values)}."})
    return AuthMode(auth_mode)


def ready_for(mode: AuthMode) -> None:
    """What the mode leans on is there before anybody needs it."""
    if mode != AuthMode.KEY:
        ensure_key()
        ensure_studio_provider()


def set_auth_mode(*, actor: Actor, endpoint: Endpoint, auth_mode: str, expected_version: int | None = None) -> Endpoint:
    """From when the gateway has it: callers with what was good before get 401."""
    require(actor.user, Action.REGENERATE_KEYS, endpoint)
    mode = checked_mode(auth_mode)
    ready_for(mode)
    with transaction.atomic():
        locked = Endpoint.objects.select_for_update(no_key=True).get(pk=endpoint.pk)
        if locked.state == ProvisioningState.DELETING or locked.deleted_at:
            raise Conflict(f"“{locked.name}” is being deleted.")
        check_settings_version(locked, expected_version)
        before = locked.auth_mode
        if before != mode:
            events.record(
                actor=actor,
                verb="endpoint.auth_mode_set",
                endpoint=locked,
                before={"auth_mode": before},
                after={"auth_mode": mode.value},
            )
            locked.auth_mode = mode
            locked.route_revision = next_revision()
            locked.settings_version += 1
            locked.save(update_fields=["auth_mode", "settings_version", "route_revision", "updated_at"])
    endpoint.refresh_from_db()
    return endpoint
