"""IT's page of what is kept, for how long, and how much of it there is."""

from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse

from endpoints.domain.errors import Invalid
from endpoints.selectors.retention import retention
from endpoints.services.site import KEPT, set_kept
from studio.actors import actor_of
from studio.it.day_forms import DaysForm
from studio.pages.forms import add_problems
from studio.pages.identity import it_page
from studio.pages.page import show, went_to


@it_page
def it_retention(request: HttpRequest) -> HttpResponse:
    """A POST sets how long some records are kept; the rest is the environment's."""
    found = retention()
    form = DaysForm(request.POST or None, names=KEPT, state=found.state)
    if request.method == "POST" and form.is_valid():
        try:
            set_kept(actor=actor_of(request), **form.cleaned_data)
        except Invalid as error:
            add_problems(form, error)
        else:
            return went_to(request, reverse("it_retention"), "Saved. What is older goes within the hour.")
    return show(request, "it/retention.html", {"found": found, "form": form}, status=422 if form.errors else 200)


urlpatterns = [path("it/retention/", it_retention, name="it_retention")]
