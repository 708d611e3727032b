"""IT's page of backups: what there is to go back to, and whether that was tried."""

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone

from endpoints.selectors.site import backups
from studio.pages.identity import it_page
from studio.pages.page import show

OLD = timedelta(days=2)
UNTRIED = timedelta(days=90)


@it_page
def it_backups(request: HttpRequest) -> HttpResponse:
    found, now = backups(), timezone.now()
    context = {
        "found": found,
        "old": found.backup is None or found.backup.finished_at < now - OLD,
        "untried": found.trial is None or found.trial.finished_at < now - UNTRIED,
    }
    return show(request, "it/backups.html", context)


urlpatterns = [path("it/backups/", it_backups, name="it_backups")]
