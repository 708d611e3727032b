"""What each chart of the metrics and cost pages shows, from measured series. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from endpoints.selectors.cost import CostWindow, DeploymentCost
from endpoints.selectors.telemetry import Series
from studio.pages import chart_requests, chart_resources
from studio.pages.chart_parts import Chart, Options, known, label, slot
from studio.pages.plots import Column, Plot

BEFORE = "period before"
CHARTS: dict[str, Chart] = {
    "requests": Chart(title="Requests", unit="per minute", plot=chart_requests.requests, metrics="RequestsPerMinute"),
    "latency": Chart(
        title="Latency",
        unit="p50, p95, p99 in ms",
        plot=chart_requests.latency,
        metrics="RequestLatency_P50, RequestLatency_P95, RequestLatency_P99",
    ),
    "errors": Chart(
        title="Errors",
        unit="count and share",
        plot=chart_requests.errors,
        metrics="RequestsPerMinute by statusCode and modelStatusCode",
    ),
    "statuses": Chart(
        title="Status classes",
        unit="per minute",
        plot=chart_requests.statuses,
        metrics="RequestsPerMinute by statusCodeClass",
    ),
    "mirror": Chart(
        title="Mirror",
        unit="copies per minute, p95 in ms",
        plot=chart_requests.mirror,
        only_if=lambda values: values.mirror_requests,
    ),
    "tokens": Chart(
        title="Tokens",
        unit="per minute",
        plot=chart_resources.tokens,
        only_if=lambda values: values.counts.get("tokens_in") or values.counts.get("tokens_out"),
    ),
    "active": Chart(title="In flight", unit="requests", plot=chart_resources.active),
    "replicas": Chart(
        title="Replicas", unit="ready and wanted", plot=chart_resources.replicas, metrics="DeploymentCapacity"
    ),
    "cpu": Chart(title="CPU", unit="cores per replica", plot=chart_resources.cpu, metrics="CpuUtilizationPercentage"),
    "memory": Chart(
        title="Memory", unit="MiB per replica", plot=chart_resources.memory, metrics="CpuMemoryUtilizationPercentage"
    ),
    "gpu": Chart(
        title="GPU",
        unit="% busy per replica",
        plot=chart_resources.gpu,
        metrics="GpuUtilizationPercentage",
        only_if=lambda values: values.gpu,
    ),
    "gpu-memory": Chart(
        title="GPU memory",
        unit="% used per replica",
        plot=chart_resources.gpu_memory,
        metrics="GpuMemoryUtilizationPercentage",
        only_if=lambda values: values.gpu_memory,
    ),
    "gpu-power": Chart(
        title="GPU power",
        unit="W per replica",
        plot=chart_resources.gpu_power,
        metrics="GpuEnergyJoules",
        only_if=lambda values: values.counts.get("gpu_energy_mj"),
    ),
    "network": Chart(title="Network", unit="bytes per second", plot=chart_resources.network, metrics="NetworkBytes"),
    "connections": Chart(
        title="Connections", unit="open from the gateway to replicas", plot=chart_resources.connections
    ),
    "disk": Chart(title="Disk", unit="% full per replica", plot=chart_resources.disk, metrics="DiskUtilization"),
}


def drawn(chart: str, series: Series, options: Options, before: Series | None = None) -> Plot:
    """`before`: the same of the period before, fainter and on the points of this one."""
    plot = CHARTS[chart].plot(series, options)
    if before is None:
        return plot
    past = CHARTS[chart].plot(before, options)
    told = f"{plot.summary}; {BEFORE}: {past.summary}" if plot.summary and past.summary else plot.summary
    return replace(plot, columns=[*plot.columns, *_earlier(past.columns)], summary=told)


def _earlier(columns: Sequence[Column]) -> Iterator[Column]:
    """Bars and stacks would hide each other: of a stack its height is shown, of bars nothing."""
    stack = [column for column in columns if column.form == "area"]
    if stack:
        sums = [sum(found) if (found := known(each)) else None for each in zip(*(c.values for c in stack), strict=True)]
        meta = stack[0].meta if len(stack) == 1 else {"tone": "idle"}
        name = stack[0].name if len(stack) == 1 else "all"
        yield Column(name=f"{name}, {BEFORE}", values=sums, meta=meta, faint=True)
    for column in columns:
        if column.compared and column.form not in ("area", "bar"):
            yield replace(column, name=f"{column.name}, {BEFORE}", faint=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """One bar segment: what goes together, its colour, and its amounts by point."""

    name: str
    meta: Mapping[str, Any]
    amounts: Mapping[datetime, Decimal]


def by_deployment(costs: Iterable[DeploymentCost], *, endpoint_names: bool = False) -> list[Money]:
    return [
        Money(
            name=f"{item.deployment.endpoint.name}/{label(item.deployment)}"
            if endpoint_names
            else label(item.deployment),
            meta=slot(item.deployment),
            amounts=item.amounts,
        )
        for item in costs
    ]


def cost(parts: Iterable[Money], window: CostWindow, summary: str) -> Plot:
    """Stacked bars; the last one's hour or day is not over."""
    points = window.points()
    return Plot(
        points=points,
        partial=bool(points) and window.is_partial(points[-1]),
        columns=[
            Column(
                name=part.name,
                values=[float(part.amounts[point]) if point in part.amounts else None for point in points],
                form="bar",
                meta=dict(part.meta),
            )
            for part in parts
        ],
        unit=f"USD per {window.by}",
        summary=summary,
        empty="Nothing was billed in this range. Replicas cost from the moment they start.",
    )
