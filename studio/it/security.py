"""IT's page of what could be misused."""

from django.conf import settings
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils import timezone

from endpoints.domain.errors import Invalid
from endpoints.models import User
from endpoints.selectors.audit import audit_state
from endpoints.selectors.security import ROLES_SHOWN, SHOWN, role_matrix, site_security
from endpoints.services.site import AGES, set_ages
from studio.actors import actor_of
from studio.it.day_forms import DaysForm
from studio.pages.forms import add_problems
from studio.pages.identity import it_page
from studio.pages.page import show, went_to
from studio.second_factor import without_second_factor


@it_page
def it_security(request: HttpRequest) -> HttpResponse:
    """`?q=` narrows the roles. A POST sets after how many days tokens and keys are old."""
    security = site_security(now=timezone.now())
    form = DaysForm(request.POST or None, names=AGES, state=security.limits)
    if request.method == "POST" and form.is_valid():
        try:
            set_ages(actor=actor_of(request), **form.cleaned_data)
        except Invalid as error:
            add_problems(form, error)
        else:
            return went_to(request, reverse("it_security"), "Saved.")
    text, people = request.GET.get("q", "").strip(), without_second_factor()
    held, more_roles = role_matrix(text)
    context = {
        "security": security,
        "form": form,
        "people": list(people[:SHOWN]),
        "people_count": people.count(),
        "required": settings.STUDIO_SECOND_FACTOR_REQUIRED,
        "everywhere": list(_everywhere(text)[:SHOWN]),
        "held": held,
        "roles_shown": ROLES_SHOWN if more_roles else None,
        "q": text,
        "audit": audit_state(),
    }
    return show(request, "it/security.html", context, status=422 if form.errors else 200)


def _everywhere(text: str) -> QuerySet[User]:
    """Who needs no role. `text` is part of the address."""
    found = User.objects.filter(Q(is_staff=True) | Q(is_superuser=True), is_active=True)
    return found.filter(email__icontains=text).order_by("email")


urlpatterns = [path("it/security/", it_security, name="it_security")]
