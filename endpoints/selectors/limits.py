"""What an endpoint lets through, with the site's defaults where it has none of its own."""

from typing import Any

from django.conf import settings

from endpoints.domain.limits import Cors, Limits
from endpoints.models import Endpoint, SiteLimits


def limits_in_force(endpoint: Endpoint, default: Limits | None = None) -> Limits:
    """`default`: the site's, where somebody has read them already."""
    default = default or site_limits()
    return Limits(
        requests_per_second=endpoint.requests_per_second or default.requests_per_second,
        kilobytes_per_second=endpoint.kilobytes_per_second or default.kilobytes_per_second,
    )


def site_limits() -> Limits:
    """For endpoints without limits of their own, as IT set them, or as the studio was started with; None: no limit."""
    row = SiteLimits.objects.filter(pk=1).first() or SiteLimits()
    requests, kilobytes = row.requests_per_second, row.kilobytes_per_second
    return Limits(
        requests_per_second=(settings.STUDIO_ENDPOINT_REQUESTS_PER_SECOND if requests is None else requests) or None,
        kilobytes_per_second=(settings.STUDIO_ENDPOINT_KILOBYTES_PER_SECOND if kilobytes is None else kilobytes)
        or None,
    )


def cors_of(endpoint: Endpoint) -> Cors:
    """Off, without origins, where nothing was set."""
    stored: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in endpoint.cors.items()
    }
    return Cors(**stored)
