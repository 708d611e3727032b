"""Scale to zero, on a deployment's page."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from endpoints.domain.errors import BudgetExceeded, Conflict, Invalid, OutOfQuota
from endpoints.models import Deployment
from endpoints.services import sleeping
from studio.actors import actor_of
from studio.pages.endpoint_frame import deployment_frame
from studio.pages.forms import whole_number
from studio.pages.page import page, went_to


@page
@require_POST
def deployment_scale_to_zero(request: HttpRequest, name: str, deployment: str) -> HttpResponse:
    found = _found(request, name, deployment)
    given = request.POST.get("after", "").strip()
    after = whole_number(given)
    if given and after is None:
        return _back(request, found, "That is not a number of seconds. Nothing was changed.", level=messages.ERROR)
    try:
        sleeping.set_scale_to_zero(actor=actor_of(request), deployment=found, after=after)
    except Invalid as error:
        return _back(request, found, error.fields["scale_to_zero_after"], level=messages.ERROR)
    words = f"It scales to zero after {after} s without a request." if after else "It never scales to zero by itself."
    return _back(request, found, words)


@page
@require_POST
def deployment_sleep(request: HttpRequest, name: str, deployment: str) -> HttpResponse:
    found = _found(request, name, deployment)
    try:
        sleeping.put_to_sleep(actor=actor_of(request), deployment=found, reason="Asked for.")
    except Conflict as error:
        return _back(request, found, str(error), level=messages.ERROR)
    return _back(request, found, "Its replicas drain and end. The next request starts them again.")


@page
@require_POST
def deployment_wake(request: HttpRequest, name: str, deployment: str) -> HttpResponse:
    found = _found(request, name, deployment)
    try:
        sleeping.wake(actor=actor_of(request), deployment=found, reason="Asked for.")
    except (BudgetExceeded, OutOfQuota) as error:
        return _back(request, found, str(error), level=messages.ERROR)
    return _back(request, found, "Its replicas start.")


def _found(request: HttpRequest, name: str, deployment: str) -> Deployment:
    found: Deployment = deployment_frame(request, name, deployment, "deployment_detail")["deployment"]
    return found


def _back(request: HttpRequest, found: Deployment, words: str, *, level: int = messages.SUCCESS) -> HttpResponse:
    url = reverse("deployment_detail", args=[found.endpoint.name, found.name])
    return went_to(request, f"{url}#scale-to-zero", words, level=level)


_BASE = "endpoints/<str:name>/deployments/<str:deployment>/"
urlpatterns = [
    path(f"{_BASE}scale-to-zero/", deployment_scale_to_zero, name="deployment_scale_to_zero"),
    path(f"{_BASE}sleep/", deployment_sleep, name="deployment_sleep"),
    path(f"{_BASE}wake/", deployment_wake, name="deployment_wake"),
]
