"""Metrics of an endpoint and of a deployment: charts, and their numbers as table and CSV."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse

from endpoints.domain.errors import NotFound
from endpoints.domain.ranges import Window
from endpoints.models import Deployment, Endpoint
from endpoints.selectors import telemetry
from endpoints.selectors.endpoints import deployment_of, endpoint_for
from studio.actors import signed_in
from studio.pages.charts import CHARTS, Options
from studio.pages.endpoint_frame import deployment_frame, endpoint_frame
from studio.pages.figures import (
    asked_window,
    changed,
    csv_answer,
    figure_answer,
    figure_page,
    table_of,
    toolbar,
)
from studio.pages.page import page, show
from studio.pages.plots import Plot


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whose charts: an endpoint's deployments, or one of them."""

    endpoint: Endpoint
    deployment: Deployment | None = None

    def deployments(self, chosen: str) -> list[Deployment]:
        """`chosen` narrows an endpoint's to one name, deleted namesakes included."""
        if self.deployment is not None:
            return [self.deployment]
        found = telemetry.all_deployments(self.endpoint)
        return list(found.filter(name=chosen) if chosen else found)

    @property
    def arguments(self) -> list[str]:
        return [self.endpoint.name, *([self.deployment.name] if self.deployment else [])]

    def url(self, view: str, *more: str) -> str:
        return reverse(f"{'deployment' if self.deployment else 'endpoint'}_{view}", args=[*self.arguments, *more])


@page
def endpoint_metrics(request: HttpRequest, name: str) -> HttpResponse:
    """`?range=`, `?from=&to=`, `?deployment=`, `?scale=log`; `?table=<chart>` shows its numbers without JavaScript."""
    context = endpoint_frame(request, name, "endpoint_metrics")
    scope = Scope(endpoint=context["endpoint"])
    return show(request, "metrics/endpoint.html", context | _charts(request, scope))


@page
def deployment_metrics(request: HttpRequest, name: str, deployment: str) -> HttpResponse:
    context = deployment_frame(request, name, deployment, "deployment_metrics")
    scope = Scope(endpoint=context["endpoint"], deployment=context["deployment"])
    return show(request, "metrics/deployment.html", context | _charts(request, scope))


def _charts(request: HttpRequest, scope: Scope) -> dict[str, Any]:
    shown = asked_window(request)
    query = request.GET.urlencode()
    table = request.GET.get("table", "")
    return {
        **toolbar(request, shown),
        "chosen": request.GET.get("deployment", ""),
        "choices": [item.name for item in scope.endpoint.live_deployments],  # type: ignore[attr-defined]
        "log_scale": request.GET.get("scale") == "log",
        "scale_url": changed(request, scale="" if request.GET.get("scale") == "log" else "log"),
        "charts": [
            {
                "id": f"chart-{name}",
                "title": chart.title,
                "unit": chart.unit,
                "url": f"{scope.url('figure', name)}?{query}",
                "csv_url": f"{scope.url('metrics_csv', name)}?{query}",
                "table_url": changed(request, table=name),
            }
            for name, chart in CHARTS.items()
        ],
        "table": table_of(_plot(request, scope, table, shown), CHARTS[table].title) if table in CHARTS else None,
    }


@figure_page
def endpoint_figure(request: HttpRequest, name: str, chart: str) -> HttpResponse:
    return _figure(request, _endpoint_scope(request, name), chart)


@figure_page
def deployment_figure(request: HttpRequest, name: str, deployment: str, chart: str) -> HttpResponse:
    return _figure(request, _deployment_scope(request, name, deployment), chart)


def _figure(request: HttpRequest, scope: Scope, chart: str) -> HttpResponse:
    shown = asked_window(request)
    plot = _plot(request, scope, chart, shown)
    return figure_answer(plot, telemetry.markers(scope.endpoint, shown, deployment=scope.deployment))


@page
def endpoint_metrics_csv(request: HttpRequest, name: str, chart: str) -> HttpResponse:
    return _csv(request, _endpoint_scope(request, name), chart)


@page
def deployment_metrics_csv(request: HttpRequest, name: str, deployment: str, chart: str) -> HttpResponse:
    return _csv(request, _deployment_scope(request, name, deployment), chart)


def _csv(request: HttpRequest, scope: Scope, chart: str) -> HttpResponse:
    plot = _plot(request, scope, chart, asked_window(request))
    return csv_answer(plot, "-".join([*scope.arguments, chart]))


def _endpoint_scope(request: HttpRequest, name: str) -> Scope:
    return Scope(endpoint=endpoint_for(signed_in(request), name))


def _deployment_scope(request: HttpRequest, name: str, deployment: str) -> Scope:
    endpoint = endpoint_for(signed_in(request), name)
    return Scope(endpoint=endpoint, deployment=deployment_of(endpoint, deployment))


def _plot(request: HttpRequest, scope: Scope, chart: str, shown: Window) -> Plot:
    if chart not in CHARTS:
        raise NotFound(f"There is no chart “{chart}”. There are {', '.join(CHARTS)}.")
    series = telemetry.series(scope.deployments(request.GET.get("deployment", "")), shown)
    options = Options(log_scale=request.GET.get("scale") == "log", alone=len(series.deployments) == 1)
    return CHARTS[chart].plot(series, options)


_ENDPOINT = "endpoints/<str:name>/metrics/"
_DEPLOYMENT = "endpoints/<str:name>/deployments/<str:deployment>/metrics/"
urlpatterns = [
    path(_ENDPOINT, endpoint_metrics, name="endpoint_metrics"),
    path(f"{_ENDPOINT}<slug:chart>.json", endpoint_figure, name="endpoint_figure"),
    path(f"{_ENDPOINT}<slug:chart>.csv", endpoint_metrics_csv, name="endpoint_metrics_csv"),
    path(_DEPLOYMENT, deployment_metrics, name="deployment_metrics"),
    path(f"{_DEPLOYMENT}<slug:chart>.json", deployment_figure, name="deployment_figure"),
    path(f"{_DEPLOYMENT}<slug:chart>.csv", deployment_metrics_csv, name="deployment_metrics_csv"),
]
