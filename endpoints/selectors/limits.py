"""What an endpoint lets through, with the site's defaults where it has none of its own."""

from typing import Any

from django.conf import settings

from endpoints.domain.limits import Cors, Limits
from endpoints.models import Endpoint


def limits_in_force(endpoint: Endpoint) -> Limits:
    default = site_limits()
    return Limits(
        requests_per_second=endpoint.requests_per_second or default.requests_per_second,
        kilobytes_per_second=endpoint.kilobytes_per_second or default.kilobytes_per_second,
    )


def site_limits() -> Limits:
    """For endpoints without limits of their own; None: no limit."""
    return Limits(
        requests_per_second=settings.STUDIO_ENDPOINT_REQUESTS_PER_SECOND or None,
        kilobytes_per_second=settings.STUDIO_ENDPOINT_KILOBYTES_PER_SECOND or None,
    )


def cors_of(endpoint: Endpoint) -> Cors:
    """Off, without origins, where nothing was set."""
    stored: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in endpoint.cors.items()
    }
    return Cors(**stored)
