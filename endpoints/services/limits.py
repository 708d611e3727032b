"""What an endpoint lets through: its limits as a whole, and the web pages that may call it."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from django.db import transaction

from endpoints.domain.actor import Actor
from endpoints.domain.errors import Conflict, Invalid
from endpoints.domain.limits import Cors, cors_faults, limit_faults
from endpoints.enums import ProvisioningState
from endpoints.models import Endpoint
from endpoints.permissions import Action, require
from endpoints.services import events
from endpoints.services.routes import next_revision
from endpoints.services.staleness import check_settings_version


def set_limits(
    *,
    actor: Actor,
    endpoint: Endpoint,
    requests_per_second: int | None,
    kilobytes_per_second: int | None,
    expected_version: int | None = None,
) -> Endpoint:
    """Over all deployments of the endpoint; None is the site's default. In force once the gateway confirms."""
    require(actor.user, Action.WRITE, endpoint)
    wanted = {"requests_per_second": requests_per_second, "kilobytes_per_second": kilobytes_per_second}
    if problems := dict(limit_faults(wanted)):
        raise Invalid(problems)
    return _change(actor, endpoint, wanted, expected_version, verb="endpoint.limits_changed")


def set_cors(
    *,
    actor: Actor,
    endpoint: Endpoint,
    origins: Iterable[str],
    methods: Iterable[str] | None = None,
    headers: Iterable[str] | None = None,
    max_age_seconds: int | None = None,
    expected_version: int | None = None,
) -> Endpoint:
    """Without origins CORS is off. None is the default of `Cors`. In force once the gateway confirms."""
    require(actor.user, Action.WRITE, endpoint)
    default = Cors()
    wanted = Cors(
        origins=_once(origin.lower() for origin in origins),
        methods=default.methods if methods is None else _once(method.upper() for method in methods),
        headers=default.headers if headers is None else _once(header.lower() for header in headers),
        max_age_seconds=default.max_age_seconds if max_age_seconds is None else max_age_seconds,
    )
    if problems := dict(cors_faults(wanted)):
        raise Invalid(problems)
    stored = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(wanted).items()}
    cors = {"cors": stored if wanted.origins else {}}
    return _change(actor, endpoint, cors, expected_version, verb="endpoint.cors_changed")


def _once(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text.strip() for text in texts if text.strip()))


def _change(
    actor: Actor, endpoint: Endpoint, wanted: Mapping[str, Any], expected_version: int | None, *, verb: str
) -> Endpoint:
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
