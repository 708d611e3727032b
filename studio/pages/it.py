"""IT's first page: what must be well for everything else."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import path

from endpoints.selectors.site import site_health
from studio.pages.identity import it_page
from studio.pages.page import show


@it_page
def it_overview(request: HttpRequest) -> HttpResponse:
    return show(
        request, "it/overview.html", {"health": site_health(interval=settings.STUDIO_COLLECTOR_INTERVAL_SECONDS)}
    )


urlpatterns = [path("it/", it_overview, name="it_overview")]
