"""What an endpoint lets through: its limits as a whole, and the web pages that may call it."""

from collections.abc import Iterable
from dataclasses import asdict

from endpoints.domain.actor import Actor
from endpoints.domain.errors import Invalid
from endpoints.domain.limits import Cors, cors_faults, limit_faults
from endpoints.models import Endpoint
from endpoints.permissions import Action, require
from endpoints.services.settings import change_settings


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
    return change_settings(actor, endpoint, wanted, expected_version, verb="endpoint.limits_changed")


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
    return change_settings(actor, endpoint, cors, expected_version, verb="endpoint.cors_changed")


def _once(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text.strip() for text in texts if text.strip()))
