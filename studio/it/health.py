"""IT's first page: how every part stands, and what to do about those that do not."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone

from endpoints.domain.health import worst
from endpoints.enums import Health
from endpoints.selectors.health import site_parts
from endpoints.selectors.site import stuck_operations
from studio.pages.identity import it_page
from studio.pages.page import show

STUCK_SHOWN = 20
# Of each part: its icon, and where it is mended (a page's name and what it is called), where that is a page.
PLACES = {
    "web": ("globe", "it_versions", "Versions"),
    "workers": ("cpu", "it_operations", "Operations"),
    "broker": ("share-2", "it_versions", "Versions"),
    "database": ("database", "it_retention", "Retention"),
    "gateway": ("waypoints", "it_audit", "Audit"),
    "collector": ("activity", "it_retention", "Retention"),
    "disk": ("hard-drive", "it_retention", "Retention"),
    "certificates": ("lock", "it_versions", "Versions"),
    "sandbox": ("shield", "it_capacity", "Capacity"),
    "traffic-log": ("scroll-text", "it_retention", "Retention"),
    "telemetry": ("send", "it_versions", "Versions"),
    "backups": ("archive", "it_backups", "Backups"),
    "audit": ("history", "it_audit", "Audit"),
}


@it_page
def it_overview(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    parts = site_parts(now=now, interval=settings.STUDIO_COLLECTOR_INTERVAL_SECONDS)
    context = {
        "parts": [(part, *PLACES[part.name]) for part in parts],
        "wrong": [part for part in parts if part.verdict.level in (Health.BAD, Health.WARN)],
        "worst": worst(part.verdict for part in parts),
        "stuck": list(stuck_operations(now=now)[:STUCK_SHOWN]),
    }
    return show(request, "it/overview.html", context, partial="parts")


urlpatterns = [path("it/", it_overview, name="it_overview")]
