"""IT's page of the history: the whole site's, with how far it is known to be whole."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from endpoints.selectors.audit import audit_status
from endpoints.selectors.events import site_events_for
from endpoints.services.audit import ask_for_check
from studio.actors import actor_of, signed_in
from studio.pages.activity import shown
from studio.pages.identity import it_page
from studio.pages.page import show, went_to


@it_page
def it_audit(request: HttpRequest) -> HttpResponseBase:
    status = audit_status(now=timezone.now())
    context = {"status": status, "state": status.state, "site_wide": True}
    return shown(request, site_events_for(signed_in(request)), "it/audit.html", context, filename="audit.csv")


@it_page
def it_audit_status(request: HttpRequest) -> HttpResponse:
    """The page's first part alone, for while a check goes on."""
    status = audit_status(now=timezone.now())
    return show(request, "it/_audit_status.html", {"status": status, "state": status.state})


@it_page
@require_POST
def it_audit_check(request: HttpRequest) -> HttpResponse:
    ask_for_check(actor=actor_of(request))
    return went_to(request, reverse("it_audit"), "The whole chain is being checked.")


urlpatterns = [
    path("it/audit/", it_audit, name="it_audit"),
    path("it/audit/status/", it_audit_status, name="it_audit_status"),
    path("it/audit/check/", it_audit_check, name="it_audit_check"),
]
