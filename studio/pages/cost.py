"""What an endpoint costs: per deployment, by hour or day, and by the end of the month."""

from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils import timezone

from endpoints.domain.pricing import Forecast, total
from endpoints.selectors.budgets import budgets_shown
from endpoints.selectors.cost import (
    DEFAULT,
    PRESETS,
    CostWindow,
    DeploymentCost,
    cost_window,
    costs,
    month,
    month_course,
    usage_of,
)
from studio.actors import signed_in
from studio.pages import charts
from studio.pages.budgets import shown_budget
from studio.pages.endpoint_frame import endpoint_frame, readable_endpoint
from studio.pages.figures import changed, csv_answer, figure_answer, figure_page
from studio.pages.month_chart import month_answer
from studio.pages.page import page, show
from studio.pages.plots import Plot


@page
def endpoint_cost(request: HttpRequest, name: str) -> HttpResponse:
    """`?range=` of PRESETS, `?by=hour` cuts finer."""
    context = endpoint_frame(request, name, "endpoint_cost")
    endpoint = context["endpoint"]
    shown = asked_window(request)
    usage = usage_of(endpoint)
    query = request.GET.urlencode()
    spent, forecast = totals(costs(usage, shown)), month(usage, now=shown.end)
    context |= {
        **toolbar(request, shown),
        **spent,
        "month": forecast,
        "budgets": [shown_budget(each) for each in budgets_shown(signed_in(request), endpoint)],
        "tiles": tiles(spent["total"], forecast),
        "chart_url": f"{reverse('endpoint_cost_figure', args=[endpoint.name])}?{query}",
        "csv_url": f"{reverse('endpoint_cost_csv', args=[endpoint.name])}?{query}",
    }
    return show(request, "cost/endpoint.html", context)


@figure_page
def endpoint_cost_figure(request: HttpRequest, name: str) -> HttpResponse:
    return figure_answer(_plot(request, name))


@figure_page
def endpoint_cost_month(request: HttpRequest, name: str) -> HttpResponse:
    """How the endpoint's month goes, with the budgets of its own."""
    endpoint = readable_endpoint(request, name)
    course = month_course(usage_of(endpoint), now=timezone.now())
    return month_answer(course, budgets_shown(signed_in(request), endpoint).filter(endpoint=endpoint))


@page
def endpoint_cost_csv(request: HttpRequest, name: str) -> HttpResponse:
    return csv_answer(_plot(request, name), f"{name}-cost")


def _plot(request: HttpRequest, name: str) -> Plot:
    endpoint = readable_endpoint(request, name)
    shown = asked_window(request)
    found = costs(usage_of(endpoint), shown)
    return charts.cost(charts.by_deployment(found), shown, told(found))


def asked_window(request: HttpRequest) -> CostWindow:
    return cost_window(request.GET.get("range", ""), by=request.GET.get("by", ""), now=timezone.now())


def toolbar(request: HttpRequest, shown: CostWindow) -> dict[str, Any]:
    asked = request.GET.get("range", "")
    current = asked if asked in PRESETS else DEFAULT
    finer = {"by": "" if shown.by == "hour" else "hour"} if current == "7d" else None
    return {
        "ranges": [
            {"label": name, "url": changed(request, range=name, by=""), "current": name == current} for name in PRESETS
        ],
        "by": shown.by,
        "finer_url": changed(request, **finer) if finer else "",
    }


def totals(found: list[DeploymentCost]) -> dict[str, Any]:
    """The table below the chart. Hours of replicas, not of the clock."""
    whole = total(item.total for item in found)
    return {
        "costs": [
            {
                "deployment": item.deployment,
                "hours": item.time.total_seconds() / 3600,
                "amount": item.total,
                "percent": float(item.total * 100 / whole) if whole else 0,
            }
            for item in found
        ],
        "hours": sum(item.time.total_seconds() for item in found) / 3600,
        "total": whole,
    }


def told(found: list[DeploymentCost]) -> str:
    return f"${dollars(total(item.total for item in found))} in all" if found else ""


def dollars(amount: Decimal) -> str:
    """Cents; of less than a dollar, hundredths of them."""
    return f"{amount:,.4f}" if 0 < amount < 1 else f"{amount:,.2f}"


def tiles(whole: Decimal, forecast: Forecast) -> dict[str, str]:
    """What cost/_month.html shows."""
    return {
        "total": dollars(whole),
        **{name: dollars(getattr(forecast, name)) for name in ("to_date", "expected", "low", "high")},
    }


urlpatterns = [
    path("endpoints/<str:name>/cost/", endpoint_cost, name="endpoint_cost"),
    path("endpoints/<str:name>/cost/cost.json", endpoint_cost_figure, name="endpoint_cost_figure"),
    path("endpoints/<str:name>/cost/month.json", endpoint_cost_month, name="endpoint_cost_month"),
    path("endpoints/<str:name>/cost/cost.csv", endpoint_cost_csv, name="endpoint_cost_csv"),
]
