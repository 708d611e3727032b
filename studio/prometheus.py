"""`/metrics`: every deployment's figures for Prometheus, and the studio's own.

For the site's IT, and for whoever has the site's token for it."""

import hashlib
import secrets

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client.core import CollectorRegistry, Metric
from prometheus_client.exposition import choose_encoder

from endpoints.selectors.monitoring import metric_families
from endpoints.services.tokens import user_of

KEPT_SECONDS = 5


class _Families(CollectorRegistry):
    """What an encoder takes."""

    def collect(self) -> list[Metric]:
        return metric_families()


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """In Prometheus' text, or in OpenMetrics where that is asked for. Made anew at most every few seconds."""
    if (status := _refusal(request)) is not None:
        return _refused(status)
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    key = f"metrics-{hashlib.sha256(content_type.encode()).hexdigest()}"
    body = cache.get(key)
    if body is None:
        body = encode(_Families())
        cache.set(key, body, KEPT_SECONDS)
    response = HttpResponse(body, content_type=content_type)
    response["Cache-Control"] = "no-store"
    return response


def _refusal(request: HttpRequest) -> int | None:
    """401 or 403; None for who may."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if not secret:
        user = request.user
    elif scheme.lower() != "bearer":
        return 401
    elif _is_the_sites(secret.strip()):
        return None
    else:
        found = user_of(secret.strip())
        if found is None:
            return 401
        user = found[0]
    if not user.is_authenticated:
        return 401
    return None if user.is_staff and user.is_active else 403


def _is_the_sites(secret: str) -> bool:
    known = settings.STUDIO_METRICS_TOKEN
    return bool(known) and secrets.compare_digest(secret.encode(), known.encode())


def _refused(status: int) -> HttpResponse:
    text = {
        401: "Send the site's token for metrics, or a personal token of one of the site's IT.\n",
        403: "Metrics of all workspaces are for the site's IT alone.\n",
    }
    response = HttpResponse(text[status], status=status, content_type="text/plain")
    if status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="Endpoint Studio"'
    return response
