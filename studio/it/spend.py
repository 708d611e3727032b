"""IT's page of money: the month by workspace, the dearest endpoints, and those that nobody calls."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from endpoints.domain.errors import Conflict, Unavailable
from endpoints.permissions import Action, endpoints_where
from endpoints.selectors.spend import idle_endpoints, site_spend
from endpoints.services.idle_endpoints import notify_owner, scale_idle_to_zero
from studio.actors import actor_of, signed_in
from studio.pages.identity import it_page
from studio.pages.page import show, went_to


@it_page
def it_spend(request: HttpRequest) -> HttpResponse:
    now, user = timezone.now(), signed_in(request)
    spend, idle = site_spend(now=now), idle_endpoints(now=now)
    writable = endpoints_where(user, Action.WRITE, [row.endpoint for row in idle.dearest])
    most = max((row.amount for row in spend.workspaces), default=0)
    context = {
        "spend": spend,
        "workspaces_spent": [(row, int(row.amount * 100 / most) if most else 0) for row in spend.workspaces],
        "idle": [(row, row.endpoint.pk in writable) for row in idle.dearest],
        "idle_count": idle.count,
        "mail": bool(settings.STUDIO_MAIL),
    }
    return show(request, "it/spend.html", context)


@it_page
@require_POST
def it_idle_notify(request: HttpRequest, name: str) -> HttpResponse:
    try:
        owner = notify_owner(actor=actor_of(request), name=name, now=timezone.now())
    except (Conflict, Unavailable) as error:
        return _back(request, str(error), level=messages.ERROR)
    return _back(request, f"A mail to {owner} is on its way.")


@it_page
@require_POST
def it_idle_sleep(request: HttpRequest, name: str) -> HttpResponse:
    try:
        slept = scale_idle_to_zero(actor=actor_of(request), name=name, now=timezone.now())
    except Conflict as error:
        return _back(request, str(error), level=messages.ERROR)
    return _back(request, f"{name}: {', '.join(slept)} drain and end. The next request starts them again.")


def _back(request: HttpRequest, text: str, *, level: int = messages.SUCCESS) -> HttpResponse:
    return went_to(request, f"{reverse('it_spend')}#idle", text, level=level)


urlpatterns = [
    path("it/spend/", it_spend, name="it_spend"),
    path("it/spend/idle/<str:name>/notify/", it_idle_notify, name="it_idle_notify"),
    path("it/spend/idle/<str:name>/sleep/", it_idle_sleep, name="it_idle_sleep"),
]
