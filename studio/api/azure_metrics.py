"""Metrics under Azure's names and in the shape of Azure Monitor's answers: by deployment, of RequestsPerMinute also by
statusCodeClass."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from endpoints.domain.documents import plain
from endpoints.domain.durations import iso_duration
from endpoints.domain.errors import Invalid
from endpoints.domain.rollups import CLASSES, SampleValues
from endpoints.domain.scaling_metrics import (
    CLASS_DIMENSION,
    DEPLOYMENT_DIMENSION,
    METRICS,
    NOT_MEASURED,
    Metric,
    Size,
)
from endpoints.models import Deployment
from endpoints.selectors.telemetry import DeploymentSeries, Series, all_deployments, series
from studio.api.serializers.telemetry import AzureMetricsQuery, AzureMetricsSerializer
from studio.api.telemetry import window_of
from studio.api.view import StudioView

REQUESTS = "RequestsPerMinute"
# A rule cannot follow it, but it can be read.
CAPACITY = Metric(words="instances", value=lambda values, _: values.ready.mean if values.ready else None)
SHOWN = {**METRICS, "DeploymentCapacity": CAPACITY}
UNITS = {"%": "Percent", "ms": "MilliSeconds", "B/s": "BytesPerSecond"}


class AzureMetricsView(StudioView):
    tag = "Metrics and cost"
    queries = {"get": AzureMetricsQuery}

    def answer(self, deployments: Iterable[Deployment]) -> Response:
        names = _names(self.asked["metricnames"]) if "metricnames" in self.asked else list(SHOWN)
        by_class = self.asked.get("dimension") == CLASS_DIMENSION
        if by_class and names != [REQUESTS]:
            raise Invalid({"dimension": f"{CLASS_DIMENSION} is a dimension of {REQUESTS} alone."})
        found = series(deployments, window_of(self.asked))
        shown = {
            "timespan": f"{_told(found.window.start)}/{_told(found.window.end)}",
            "interval": iso_duration(timedelta(seconds=found.window.step)),
            "value": [_metric(name, SHOWN[name], found, by_class=by_class) for name in names],
        }
        return Response(AzureMetricsSerializer(shown).data)


class EndpointAzureMetrics(AzureMetricsView):
    @extend_schema(responses=AzureMetricsSerializer)
    def get(self, request: Request, name: str) -> Response:
        """Show an endpoint's metrics as Azure Monitor does.

        By deployment. Of each replica on average where Azure's metric is an instance's."""
        return self.answer(all_deployments(self.endpoint(name)))


class DeploymentAzureMetrics(AzureMetricsView):
    @extend_schema(responses=AzureMetricsSerializer)
    def get(self, request: Request, endpoint: str, name: str) -> Response:
        """Show a deployment's metrics as Azure Monitor does."""
        return self.answer([self.deployment(endpoint, name)])


def _told(at: Any) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _names(text: str) -> list[str]:
    """In the order that is asked for. Raises Invalid."""
    return list(dict.fromkeys(_name(each.strip()) for each in text.split(",")))


def _name(asked: str) -> str:
    found = next((name for name in SHOWN if plain(name) == plain(asked)), "")
    if not found:
        why = next((why for name, why in NOT_MEASURED.items() if plain(name) == plain(asked)), "")
        raise Invalid({"metricnames": why or f"There is no metric “{asked[:60]}”. There are: {', '.join(SHOWN)}."})
    return found


def _metric(name: str, metric: Metric, found: Series, *, by_class: bool) -> dict[str, Any]:
    dimensions: list[str] = list(CLASSES) if by_class else [""]
    return {
        "name": {"value": name, "localizedValue": metric.words},
        "unit": UNITS.get(metric.unit, "Count"),
        "timeseries": [
            {
                "metadatavalues": list(_dimensions(item.deployment, status)),
                "data": list(_data(metric, item, status)),
            }
            for item in found.deployments
            for status in dimensions
        ],
    }


def _dimensions(deployment: Deployment, status: str) -> Iterator[Mapping[str, Any]]:
    yield {"name": {"value": DEPLOYMENT_DIMENSION}, "value": deployment.name}
    if status:
        yield {"name": {"value": CLASS_DIMENSION}, "value": status}


def _data(metric: Metric, item: DeploymentSeries, status: str) -> Iterator[Mapping[str, Any]]:
    """What was not measured is left out."""
    kind = item.deployment.instance_type
    size = Size(vcpu=kind.vcpu, memory_mib=kind.memory_mib)
    for at, values in sorted(item.points.items()):
        value = metric.value(_of_class(values, status), size)
        if value is not None:
            yield {"timeStamp": at, "average": value}


def _of_class(values: SampleValues, status: str) -> SampleValues:
    return replace(values, counts={status: values.counts.get(status, 0)}) if status else values
