"""The identity providers whose tokens open endpoints, and by which people sign in. IT's, and nobody else's."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from endpoints.domain.actor import SYSTEM, Actor
from endpoints.domain.errors import Conflict, Invalid, StudioError, Unavailable
from endpoints.domain.jwks import signing_keys
from endpoints.domain.names import checked_name
from endpoints.domain.oidc import PRESETS, checked_audiences, checked_claim, checked_issuer, checked_url
from endpoints.enums import IdentityKind
from endpoints.models import IdentityProvider
from endpoints.permissions import require_staff
from endpoints.services import events
from endpoints.services.discovery import fetch_keys
from endpoints.services.people import forget_everybody, forget_groups, forget_subjects
from endpoints.services.routes import next_revision

STUDIO = "studio"  # the name of the provider that is built in
AUDIENCE = "endpoint-studio"  # of its tokens, until IT sets another
CLIENT = re.compile(r"[!-~]{1,200}")
LONGEST_LABEL = 60
REFRESH_EVERY = timedelta(minutes=5)
SIGN_IN = ("client_id", "label", "creates_accounts", "trusts_email")
SHOWN = ("issuer", "audiences", "jwks_url", "subject_claim", "groups_claim", "enabled", *SIGN_IN)  # in the history
CHANGEABLE = (
    *("audiences", "jwks_url", "pasted_jwks", "subject_claim", "groups_claim", "enabled"),
    *("client_secret", *SIGN_IN),
)


def ensure_studio_provider() -> IdentityProvider:
    """The studio as its own identity provider: there from the first start."""
    found, _ = IdentityProvider.objects.get_or_create(
        kind=IdentityKind.STUDIO, defaults={"name": STUDIO, "audiences": [AUDIENCE], "groups_claim": ""}
    )
    return found


def add_provider(
    *,
    actor: Actor,
    name: str,
    issuer: str,
    audiences: Sequence[str],
    kind: str = IdentityKind.OTHER,
    jwks_url: str = "",
    pasted_jwks: str = "",
    subject_claim: str = "",
    groups_claim: str | None = None,
    **sign_in: Any,
) -> IdentityProvider:
    """Believed from when the gateway has it. Its keys are fetched first: what cannot be reached is not added.

    `sign_in`: `client_secret` and any of SIGN_IN, where people are to sign in through it.
    """
    require_staff(actor.user)
    if kind not in PRESETS:
        raise Invalid({"kind": f"“{kind}” is not a kind. Use {', '.join(PRESETS)}."})
    usual = PRESETS[IdentityKind(kind)]
    provider = IdentityProvider(
        name=checked_name(name).lower(),
        kind=kind,
        issuer=checked_issuer(issuer),
        audiences=list(audiences),
        jwks_url=jwks_url,
        pasted_jwks=pasted_jwks,
        subject_claim=subject_claim or usual.subject_claim,
        groups_claim=usual.groups_claim if groups_claim is None else groups_claim,
        **sign_in,
    )
    _check(provider)
    _read_keys(provider)
    try:
        with transaction.atomic():
            provider.save(force_insert=True)
            events.record(actor=actor, verb="identity_provider.added", subject=provider.name, after=_shown(provider))
            next_revision()
    except IntegrityError:
        raise _taken(provider) from None
    return provider


def _taken(provider: IdentityProvider) -> Invalid:
    if IdentityProvider.objects.filter(name=provider.name).exists():
        return Invalid({"name": f"There is a provider “{provider.name}” already."})
    return Invalid({"issuer": "There is a provider with this issuer already."})


def update_provider(*, actor: Actor, provider: IdentityProvider, **changes: Any) -> IdentityProvider:
    """Any of CHANGEABLE. Who its tokens are issued by stays: that would be another provider."""
    require_staff(actor.user)
    if unknown := sorted(set(changes) - set(CHANGEABLE)):
        raise Invalid(dict.fromkeys(unknown, "This cannot be changed. Add another provider."))
    before = _shown(provider)
    for name, value in changes.items():
        setattr(provider, name, value)
    _check(provider)
    if {"jwks_url", "pasted_jwks"} & set(changes):
        _read_keys(provider)
    with transaction.atomic():
        if not IdentityProvider.objects.filter(pk=provider.pk).exists():
            raise Conflict(f"“{provider.name}” was removed meanwhile.")
        provider.save(force_update=True)
        _forget_outdated(provider, before)
        after = _shown(provider)
        events.record(actor=actor, verb="identity_provider.updated", subject=provider.name, before=before, after=after)
        next_revision()
    return provider


def _forget_outdated(provider: IdentityProvider, before: dict[str, Any]) -> None:
    """What it said of people by claims that are believed no more, or at sign-ins that there are no more."""
    signs_in = provider.enabled and provider.client_id
    if not signs_in or provider.groups_claim != before["groups_claim"]:
        forget_groups(provider)
    if provider.subject_claim != before["subject_claim"]:
        forget_subjects(provider)


def remove_provider(*, actor: Actor, provider: IdentityProvider) -> None:
    """Its tokens open nothing any more, as soon as the gateway has the change; it knows nobody here any more."""
    require_staff(actor.user)
    if provider.kind == IdentityKind.STUDIO:
        raise Conflict("The studio's own provider cannot be removed. Disable it.")
    with transaction.atomic():
        forget_everybody(provider)
        events.record(actor=actor, verb="identity_provider.removed", subject=provider.name, before=_shown(provider))
        provider.delete()
        next_revision()


def refresh_provider(*, actor: Actor, provider: IdentityProvider) -> IdentityProvider:
    """Asks for its keys now. What went wrong is kept in `error`; the keys of before stay."""
    require_staff(actor.user)
    refresh(provider)
    after = {"keys": [key.get("kid", "") for key in provider.keys]}
    events.record(
        actor=actor, verb="identity_provider.refreshed", subject=provider.name, after=after, reason=provider.error[:500]
    )
    return provider


def refresh(provider: IdentityProvider) -> None:
    before, provider.checked_at = provider.keys, timezone.now()
    try:
        _read_keys(provider)
    except StudioError as error:
        provider.error = str(error)
    kept = ("keys", "keys_at", "checked_at", "error")
    with transaction.atomic():
        present = IdentityProvider.objects.filter(pk=provider.pk, updated_at=provider.updated_at)
        changed = present.update(**{name: getattr(provider, name) for name in kept})
        if changed and provider.keys != before:
            ids = [[key.get("kid", "") for key in keys] for keys in (before, provider.keys)]
            events.record(
                actor=SYSTEM,
                verb="identity_provider.keys_changed",
                subject=provider.name,
                before={"keys": ids[0]},
                after={"keys": ids[1]},
            )
            next_revision()


def refresh_due(*, now: datetime) -> None:
    """Those whose keys were not looked at for a while."""
    for provider in IdentityProvider.objects.elsewhere().enabled().filter(pasted_jwks=""):
        if provider.checked_at is None or provider.checked_at <= now - REFRESH_EVERY:
            refresh(provider)


def _check(provider: IdentityProvider) -> None:
    checked_audiences(provider.audiences)
    checked_claim(provider.subject_claim, field="subject_claim")
    if provider.groups_claim:
        checked_claim(provider.groups_claim, field="groups_claim")
    if provider.jwks_url:
        checked_url(provider.jwks_url, field="jwks_url")
    if provider.kind == IdentityKind.STUDIO and (provider.jwks_url or provider.pasted_jwks):
        raise Invalid({"jwks_url": "The studio's keys are its own."})
    _check_client(provider)


def _check_client(provider: IdentityProvider) -> None:
    """A public client (with PKCE, without a secret) is one too; a secret alone is none."""
    if provider.client_id and provider.kind == IdentityKind.STUDIO:
        raise Invalid({"client_id": "People sign in to the studio itself with their password or a passkey."})
    if provider.client_id and not CLIENT.fullmatch(provider.client_id):
        raise Invalid({"client_id": "Use the client id as the provider shows it: no spaces, at most 200 characters."})
    if provider.client_secret and not provider.client_id:
        raise Invalid({"client_id": "Name the client whose secret this is."})
    if len(provider.label) > LONGEST_LABEL:
        raise Invalid({"label": f"At most {LONGEST_LABEL} characters."})


def _read_keys(provider: IdentityProvider) -> None:
    if provider.kind == IdentityKind.STUDIO:
        return
    now = timezone.now()
    try:
        if provider.pasted_jwks:
            provider.keys = signing_keys(provider.pasted_jwks, field="pasted_jwks")
        else:
            provider.keys = fetch_keys(issuer=provider.issuer, jwks_url=provider.jwks_url)
    except Unavailable as error:
        raise Invalid({"issuer": f"{error} Paste its keys where it cannot be reached from here."}) from None
    provider.keys_at = provider.checked_at = now
    provider.error = ""


def _shown(provider: IdentityProvider) -> dict[str, Any]:
    return {name: getattr(provider, name) for name in SHOWN}
