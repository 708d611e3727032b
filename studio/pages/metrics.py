"""Metrics of an endpoint and of a deployment: charts under one toolbar, and their numbers as table and CSV."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path, reverse
from django.utils import timezone

from endpoints.domain.errors import Invalid, NotFound
from endpoints.domain.ranges import has_one_offset
from endpoints.models import Deployment, Endpoint
from endpoints.selectors import telemetry
from endpoints.selectors.endpoints import deployment_of
from endpoints.selectors.telemetry import Marker, Series
from studio.pages.charts import CHARTS, drawn
from studio.pages.endpoint_frame import deployment_frame, endpoint_frame, readable_endpoint
from studio.pages.figures import changed, csv_answer, figure_answer, figure_page, table_of
from studio.pages.metrics_forms import COMPARED, SIDE_BY_SIDE, Asked, RangeForm, toolbar
from studio.pages.page import is_fragment, page, show
from studio.pages.plots import Plot, figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whose charts: an endpoint's deployments, or one of them."""

    endpoint: Endpoint
    deployment: Deployment | None = None

    def deployments(self) -> list[Deployment]:
        """Those that were deleted too."""
        return [self.deployment] if self.deployment else list(telemetry.all_deployments(self.endpoint))

    @property
    def arguments(self) -> list[str]:
        return [self.endpoint.name, *([self.deployment.name] if self.deployment else [])]

    def url(self, view: str, *more: str) -> str:
        return reverse(f"{'deployment' if self.deployment else 'endpoint'}_{view}", args=[*self.arguments, *more])


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the toolbar asks for. `before`: of the period before."""

    asked: Asked
    series: Series
    before: Series | None

    def plot(self, chart: str) -> Plot:
        """Its own limits are shown of one deployment alone."""
        options = self.asked.options(alone=len(self.series.deployments) == 1)
        return drawn(chart, self.series, options, self.before)


def _form(request: HttpRequest, scope: Scope, deployments: list[Deployment]) -> RangeForm:
    names = [] if scope.deployment else [item.name for item in deployments]
    return RangeForm(request.GET, names=names, now=timezone.now())


def _measured(asked: Asked, deployments: list[Deployment]) -> Measured:
    chosen = [item for item in deployments if not asked.names or item.name in asked.names]
    return Measured(
        asked=asked,
        series=telemetry.series(chosen, asked.shown),
        before=telemetry.series(chosen, asked.before) if asked.before else None,
    )


@page
def endpoint_metrics(request: HttpRequest, name: str) -> HttpResponse:
    """The toolbar's query; `?table=<chart>` shows its numbers without JavaScript."""
    context = endpoint_frame(request, name, "endpoint_metrics")
    return _shown(request, "metrics/endpoint.html", context, Scope(endpoint=context["endpoint"]))


@page
def deployment_metrics(request: HttpRequest, name: str, deployment: str) -> HttpResponse:
    context = deployment_frame(request, name, deployment, "deployment_metrics")
    scope = Scope(endpoint=context["endpoint"], deployment=context["deployment"])
    return _shown(request, "metrics/deployment.html", context, scope)


def _shown(request: HttpRequest, template: str, context: dict[str, Any], scope: Scope) -> HttpResponse:
    deployments = scope.deployments()
    form = _form(request, scope, deployments)
    context |= {**toolbar(request, form), **_choices(request, scope, deployments)}
    if form.is_valid():
        context |= _charts(request, scope, _measured(form.asked(), deployments))
    template = "metrics/_charts.html" if is_fragment(request) else template
    return show(request, template, context, status=200 if form.is_valid() else 422)


def _choices(request: HttpRequest, scope: Scope, deployments: list[Deployment]) -> dict[str, Any]:
    """Those that are there; deleted ones can be asked for by their name. One alone is compared with nobody."""
    there = [] if scope.deployment else [item for item in deployments if item.deleted_at is None]
    names = {item.name for item in there}
    return {
        "choices": there,
        "gone": [name for name in request.GET.getlist("deployment") if name not in names],
        "compared": [each for each in COMPARED if each[0] != SIDE_BY_SIDE or len(deployments) > 1],
    }


def _charts(request: HttpRequest, scope: Scope, measured: Measured) -> dict[str, Any]:
    """What a chart shows is left to its figure; but for the one that is asked for as a table."""
    query, table, asked = request.GET.urlencode(), request.GET.get("table", ""), measured.asked
    points, numbers = asked.shown.points(), measured.plot(table) if table in CHARTS else None
    return {
        "jumps": not has_one_offset((*points, asked.shown.end), asked.zone),
        "events": _markers(scope, measured),
        "figures_url": f"{scope.url('figures')}?{query}",
        "charts": [
            {
                "id": f"chart-{name}",
                "name": name,
                "title": chart.title,
                "unit": chart.unit,
                "metrics": chart.metrics,
                "summary": numbers.summary if numbers and name == table else "",
                "url": f"{scope.url('figure', name)}?{query}",
                "csv_url": f"{scope.url('metrics_csv', name)}?{query}",
                "table_url": changed(request, table=name),
            }
            for name, chart in CHARTS.items()
            if chart.is_shown(measured.series)
        ],
        "table": table_of(numbers, CHARTS[table].title) if numbers else None,
    }


@figure_page
def endpoint_figure(request: HttpRequest, name: str, chart: str) -> HttpResponse:
    return _figure(request, _endpoint_scope(request, name), chart)


@figure_page
def deployment_figure(request: HttpRequest, name: str, deployment: str, chart: str) -> HttpResponse:
    return _figure(request, _deployment_scope(request, name, deployment), chart)


def _figure(request: HttpRequest, scope: Scope, chart: str) -> HttpResponse:
    measured = _asked_of(request, scope, chart)
    return figure_answer(measured.plot(chart), _markers(scope, measured))


@figure_page
def endpoint_figures(request: HttpRequest, name: str) -> HttpResponse:
    """`?charts=` some, by comma, or all: what they have in common is read and put together once. `?tables=` of which
    the numbers are wanted as text too."""
    return _figures(request, _endpoint_scope(request, name))


@figure_page
def deployment_figures(request: HttpRequest, name: str, deployment: str) -> HttpResponse:
    return _figures(request, _deployment_scope(request, name, deployment))


def _figures(request: HttpRequest, scope: Scope) -> HttpResponse:
    charts = request.GET["charts"].split(",") if request.GET.get("charts") else list(CHARTS)
    measured = _asked_of(request, scope, *charts)
    events = _markers(scope, measured)
    tables = request.GET.get("tables", "").split(",")
    response = JsonResponse(
        {chart: figure(measured.plot(chart), events, table=chart in tables) for chart in charts},
        json_dumps_params={"separators": (",", ":")},
    )
    response["Cache-Control"] = "no-store"
    return response


def _markers(scope: Scope, measured: Measured) -> list[Marker]:
    return telemetry.markers(scope.endpoint, measured.asked.shown, deployment=scope.deployment)


@page
def endpoint_metrics_csv(request: HttpRequest, name: str, chart: str) -> HttpResponse:
    return _csv(request, _endpoint_scope(request, name), chart)


@page
def deployment_metrics_csv(request: HttpRequest, name: str, deployment: str, chart: str) -> HttpResponse:
    return _csv(request, _deployment_scope(request, name, deployment), chart)


def _csv(request: HttpRequest, scope: Scope, chart: str) -> HttpResponse:
    return csv_answer(_asked_of(request, scope, chart).plot(chart), "-".join([*scope.arguments, chart]))


def _endpoint_scope(request: HttpRequest, name: str) -> Scope:
    return Scope(endpoint=readable_endpoint(request, name))


def _deployment_scope(request: HttpRequest, name: str, deployment: str) -> Scope:
    endpoint = readable_endpoint(request, name)
    return Scope(endpoint=endpoint, deployment=deployment_of(endpoint, deployment))


def _asked_of(request: HttpRequest, scope: Scope, *charts: str) -> Measured:
    for chart in charts:
        if chart not in CHARTS:
            raise NotFound(f"There is no chart “{chart}”. There are {', '.join(CHARTS)}.")
    deployments = scope.deployments()
    form = _form(request, scope, deployments)
    if not form.is_valid():
        raise Invalid(form.problems)
    return _measured(form.asked(), deployments)


_ENDPOINT = "endpoints/<str:name>/metrics/"
_DEPLOYMENT = "endpoints/<str:name>/deployments/<str:deployment>/metrics/"
urlpatterns = [
    path(_ENDPOINT, endpoint_metrics, name="endpoint_metrics"),
    path(f"{_ENDPOINT}figures.json", endpoint_figures, name="endpoint_figures"),
    path(f"{_ENDPOINT}<slug:chart>.json", endpoint_figure, name="endpoint_figure"),
    path(f"{_ENDPOINT}<slug:chart>.csv", endpoint_metrics_csv, name="endpoint_metrics_csv"),
    path(_DEPLOYMENT, deployment_metrics, name="deployment_metrics"),
    path(f"{_DEPLOYMENT}figures.json", deployment_figures, name="deployment_figures"),
    path(f"{_DEPLOYMENT}<slug:chart>.json", deployment_figure, name="deployment_figure"),
    path(f"{_DEPLOYMENT}<slug:chart>.csv", deployment_metrics_csv, name="deployment_metrics_csv"),
]
