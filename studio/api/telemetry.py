"""Metrics and cost: the numbers behind the charts."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from endpoints.domain.buckets import Latency, percentile
from endpoints.domain.errors import Invalid
from endpoints.domain.pricing import total
from endpoints.domain.ranges import Window, window
from endpoints.domain.rollups import CLASSES, MIRROR_COUNTS, Gauge, SampleValues
from endpoints.domain.tokens import TOKENS_IN, TOKENS_OUT
from endpoints.models import Deployment, Endpoint, Workspace
from endpoints.selectors.cost import CostWindow, cost_window, costs, month, usage_of
from endpoints.selectors.endpoints import workspace_for
from endpoints.selectors.telemetry import (
    all_deployments,
    copies_of,
    copies_per_minute,
    error_percent,
    gpu_watts,
    markers,
    per_minute,
    series,
)
from studio.api.serializers.telemetry import (
    CostQuery,
    CostSerializer,
    EndpointRangeQuery,
    MetricsSerializer,
    RangeQuery,
)
from studio.api.view import StudioView

TOLD_APART = (*MIRROR_COUNTS, "gpu_energy_mj")


class MetricsView(StudioView):
    tag = "Metrics and cost"

    def metrics(self, endpoint: Endpoint, deployments: Iterable[Deployment], one: Deployment | None = None) -> Response:
        asked = window_of(self.asked)
        found = series(deployments, asked)
        shown = {
            "start": asked.start,
            "end": asked.end,
            "step_seconds": asked.step,
            "deployments": [
                {
                    "name": item.deployment.name,
                    "deleted": item.deployment.deleted_at is not None,
                    "points": [_point(at, values) for at, values in sorted(item.points.items())],
                }
                for item in found.deployments
            ],
            "events": markers(endpoint, asked, deployment=one),
        }
        return Response(MetricsSerializer(shown).data)


class EndpointMetrics(MetricsView):
    queries = {"get": EndpointRangeQuery}

    @extend_schema(responses=MetricsSerializer)
    def get(self, request: Request, name: str) -> Response:
        """Show the metrics of an endpoint.

        By deployment and interval: requests, errors, latency, CPU, memory, replicas."""
        endpoint = self.endpoint(name)
        deployments = all_deployments(endpoint)
        if "deployment" in self.asked:
            deployments = deployments.filter(name__iexact=self.asked["deployment"])
        return self.metrics(endpoint, deployments)


class DeploymentMetrics(MetricsView):
    queries = {"get": RangeQuery}

    @extend_schema(responses=MetricsSerializer)
    def get(self, request: Request, endpoint: str, name: str) -> Response:
        """Show the metrics of a deployment."""
        deployment = self.deployment(endpoint, name)
        return self.metrics(deployment.endpoint, [deployment], deployment)


def window_of(asked: dict[str, Any]) -> Window:
    return window(
        preset=asked.get("range", ""),
        start=asked.get("from", ""),
        end=asked.get("to", ""),
        now=timezone.now(),
        interval=settings.STUDIO_COLLECTOR_INTERVAL_SECONDS,
        retention=settings.STUDIO_SAMPLE_RETENTION,
    )


def _point(at: datetime, values: SampleValues) -> dict[str, Any]:
    return {
        "at": at,
        "requests": values.requests,
        "requests_per_minute": per_minute(values),
        "error_percent": error_percent(values),
        "status_classes_per_minute": {name: _rate(values, name) for name in CLASSES} if values.covered_ms else None,
        "counts": {name: count for name, count in values.counts.items() if count and name not in TOLD_APART},
        "latency_ms": _percentiles(values.latency),
        "tokens_per_minute": _tokens(values),
        "mirror": _copies(values),
        "in_flight": values.active,
        "cpu_cores": values.cpu_ms / values.cpu_covered_ms if values.cpu_covered_ms else None,
        "memory_bytes": values.memory_bytes,
        "disk_percent": _share(values.disk),
        "gpu_percent": _share(values.gpu),
        "gpu_memory_percent": _share(values.gpu_memory),
        "gpu_watts": gpu_watts(values),
        "open_connections": values.open_connections,
        "bytes_per_second": {"in": _rate(values, "bytes_in") / 60, "out": _rate(values, "bytes_out") / 60}
        if values.covered_ms
        else None,
        "replicas": {
            "ready": values.ready.mean if values.ready else None,
            "wanted": values.wanted.mean if values.wanted else None,
        },
    }


def _rate(values: SampleValues, name: str) -> float:
    """Per minute, of what was counted for some time."""
    return values.counts.get(name, 0) * 60_000 / values.covered_ms


def _tokens(values: SampleValues) -> dict[str, float] | None:
    if not values.covered_ms or not any(values.counts.get(name) for name in (TOKENS_IN, TOKENS_OUT)):
        return None
    return {"in": _rate(values, TOKENS_IN), "out": _rate(values, TOKENS_OUT)}


def _share(gauge: Gauge | None) -> dict[str, float] | None:
    """Kept in hundredths of a percent."""
    return None if gauge is None else {"mean": gauge.mean / 100, "max": gauge.high / 100}


def _percentiles(latency: Latency) -> dict[str, float | None]:
    return {f"p{percent}": percentile(latency, percent) for percent in (50, 95, 99)}


def _copies(values: SampleValues) -> dict[str, Any] | None:
    found = copies_of(values)
    if found is None:
        return None
    return {
        "requests": found.requests,
        "requests_per_minute": copies_per_minute(values),
        "failures": found.failures,
        "timeouts": found.timeouts,
        "dropped": found.dropped,
        "latency_ms": _percentiles(values.mirror_latency),
    }


class CostView(StudioView):
    tag = "Metrics and cost"
    queries = {"get": CostQuery}

    def cost(self, scope: Endpoint | Workspace) -> Response:
        usage, asked = usage_of(scope), _cost_window(self.asked)
        found = costs(usage, asked)
        shown = {
            "currency": "USD",
            "start": asked.start,
            "end": asked.end,
            "by": asked.by,
            "total": total(item.total for item in found),
            "deployments": found,
            "month": month(usage, now=asked.end),
        }
        return Response(CostSerializer(shown).data)


class EndpointCost(CostView):
    @extend_schema(responses=CostSerializer)
    def get(self, request: Request, name: str) -> Response:
        """Show the cost of an endpoint.

        By deployment and hour or day, and what the month should come to."""
        return self.cost(self.endpoint(name))


class WorkspaceCost(CostView):
    @extend_schema(responses=CostSerializer)
    def get(self, request: Request, name: str) -> Response:
        """Show the cost of a workspace.

        Of all its endpoints, those that were deleted too."""
        return self.cost(workspace_for(self.person, name))


def _cost_window(asked: dict[str, Any]) -> CostWindow:
    found = cost_window(asked["range"], by=asked.get("by", ""), now=timezone.now())
    if asked.get("by", found.by) != found.by:
        raise Invalid({"by": f"{asked['range']} is told by {found.by}."})
    return found
