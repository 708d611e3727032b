"""IT's statement of the whole site: every workspace's, and their sum."""

from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils import timezone

from endpoints.models import Usage
from endpoints.selectors.statements import months_with_usage, site_statement
from studio.pages.identity import it_page
from studio.pages.page import show
from studio.pages.statement import SHOWN_GROUPS, asked_month, csv_of, month_choices, statement_context


@it_page
def it_statement(request: HttpRequest) -> HttpResponse:
    """`?month=2026-11`, `?group=` workspace, one of SHOWN_GROUPS or tag:NAME."""
    month = asked_month(request)
    context = statement_context(request, site_statement(month), month, ("workspace", *SHOWN_GROUPS))
    context["months"] = month_choices(request, months_with_usage(Usage.objects.all(), now=timezone.now()), month)
    context["csv_url"] = f"{reverse('it_statement_csv')}?{request.GET.urlencode()}"
    return show(request, "it/statement.html", context)


@it_page
def it_statement_csv(request: HttpRequest) -> HttpResponse:
    month = asked_month(request)
    return csv_of(site_statement(month), month, f"statement-{month}")


urlpatterns = [
    path("it/statement/", it_statement, name="it_statement"),
    path("it/statement/statement.csv", it_statement_csv, name="it_statement_csv"),
]
