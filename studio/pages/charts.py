"""What each chart of the metrics and cost pages shows, from measured series. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from endpoints.domain.buckets import percentile
from endpoints.domain.rollups import CLASSES, SampleValues, merged, together
from endpoints.models import Deployment
from endpoints.selectors.cost import CostWindow, DeploymentCost
from endpoints.selectors.telemetry import DeploymentSeries, Series, error_percent, per_minute
from studio.pages.plots import Column, Plot

NO_REQUESTS = "No requests in this range: send a test."
PERCENTILES = (50, 95, 99)
FEW = 3  # deployments, up to which each has all percentiles
MIB = 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`alone`: the series is one deployment's, and its limits are shown."""

    log_scale: bool = False
    alone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    title: str
    unit: str
    plot: Callable[[Series, Options], Plot]


def slot(deployment: Deployment) -> dict[str, Any]:
    return {"slot": deployment.color_slot}


def label(deployment: Deployment) -> str:
    return f"{deployment.name} (deleted)" if deployment.deleted_at else deployment.name


def _plot(series: Series, columns: Sequence[Column], unit: str, summary: str, **rest: Any) -> Plot:
    points = series.window.points()
    return Plot(
        points=points,
        partial=bool(points) and series.window.is_partial(points[-1]),
        columns=columns,
        unit=unit,
        summary=summary,
        span=(series.window.start, series.window.end),
        **rest,
    )


def _values(
    item: DeploymentSeries, points: Iterable[datetime], of: Callable[[SampleValues], float | None]
) -> list[float | None]:
    return [of(item.points[point]) if point in item.points else None for point in points]


def _whole(series: Series) -> dict[datetime, SampleValues]:
    """All deployments together, by point."""
    points = {point for item in series.deployments for point in item.points}
    return {
        point: together(item.points[point] for item in series.deployments if point in item.points) for point in points
    }


def _total(series: Series) -> SampleValues:
    return merged(values for item in series.deployments for values in item.points.values())


def requests(series: Series, options: Options) -> Plot:
    points = series.window.points()
    columns = [
        Column(
            name=label(item.deployment),
            values=_values(item, points, per_minute),
            form="area",
            meta=slot(item.deployment),
        )
        for item in series.deployments
    ]
    sums = [sum(known) for each in zip(*(column.values for column in columns), strict=True) if (known := _known(each))]
    total = _total(series).requests
    summary = ""
    if sums:
        mean = sum(sums) / len(sums)
        summary = f"{total:,} in all; {mean:,.1f} per minute on average, {max(sums):,.1f} at most"
    return _plot(series, [*columns, *_copies(series)], "requests per minute", summary, empty=NO_REQUESTS)


def _copies(series: Series) -> list[Column]:
    """Dashed, beside the requests that somebody waits for; those that failed on their own."""
    points = series.window.points()
    kinds = (("copies", "mirror_requests", {"dash": "dash"}), ("failed copies", "mirror_failures", {"dash": "dot"}))
    return [
        Column(
            name=f"{label(item.deployment)} {word}",
            values=_values(item, points, lambda values, name=name: _rate(values, name)),  # type: ignore[misc]
            meta=slot(item.deployment) if name == "mirror_requests" else {"tone": "bad"},
            line=line,
        )
        for item in series.deployments
        for word, name, line in kinds
        if any(values.counts.get(name) for values in item.points.values())
    ]


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


_TONES = {"2xx": "ok", "3xx": "info", "4xx": "warn", "5xx": "bad"}


def statuses(series: Series, options: Options) -> Plot:
    points, whole, total = series.window.points(), _whole(series), _total(series)
    columns = [
        Column(
            name=name,
            values=[_rate(whole[point], name) if point in whole else None for point in points],
            form="area",
            meta={"tone": _TONES[name]},
        )
        for name in CLASSES
        if total.counts.get(name) or name == "2xx"
    ]
    shares = [f"{name} {total.counts[name] * 100 / total.requests:.1f} %" for name in CLASSES if total.counts.get(name)]
    return _plot(series, columns, "requests per minute", ", ".join(shares), empty=NO_REQUESTS)


def _rate(values: SampleValues, name: str) -> float | None:
    return values.counts.get(name, 0) * 60_000 / values.covered_ms if values.covered_ms else None


def _of_its_own(counts: Mapping[str, int]) -> int:
    return sum(counts.get(name, 0) for name in ("model_errors", "timeouts", "overflows"))


# Disjoint, so that the bars add up: the kinds of errors within a class are taken out of it.
_ERRORS: tuple[tuple[str, str, str, Callable[[Mapping[str, int]], int]], ...] = (
    ("client error (4xx)", "warn", "", lambda c: max(0, c.get("4xx", 0) - _of_its_own(c))),
    ("model error (424)", "bad", "", lambda c: c.get("model_errors", 0)),
    ("time-out (408)", "bad", "/", lambda c: c.get("timeouts", 0)),
    ("too many at once (429)", "warn", "/", lambda c: c.get("overflows", 0)),
    ("not reached (5xx)", "bad", "x", lambda c: c.get("5xx", 0)),
)


def errors(series: Series, options: Options) -> Plot:
    points, whole, total = series.window.points(), _whole(series), _total(series)
    columns = [
        Column(
            name=name,
            values=[
                count(whole[point].counts) if point in whole and whole[point].requests else None for point in points
            ],
            form="bar",
            meta={"tone": tone},
            pattern=pattern,
        )
        for name, tone, pattern, count in _ERRORS
        if count(total.counts)
    ]
    percents = [error_percent(whole[point]) if point in whole else None for point in points]
    columns.append(Column(name="error share", values=percents, meta={"tone": "idle"}, line={"width": 1.25}, right=True))
    share = error_percent(total)
    summary = "" if share is None else f"{total.errors:,} of {total.requests:,} requests: {share:.2f} %"
    return _plot(series, columns, "errors", summary, right_unit="%", empty=NO_REQUESTS)


_WIDTHS: dict[int, dict[str, Any]] = {50: {"width": 1}, 95: {"width": 2}, 99: {"width": 1, "dash": "dot"}}


def latency(series: Series, options: Options) -> Plot:
    """Percentiles of merged buckets: per deployment, in its colour."""
    points = series.window.points()
    shown = PERCENTILES if len(series.deployments) <= FEW else (95,)
    columns = [
        Column(
            name=f"{label(item.deployment)} p{percent}",
            values=_values(item, points, lambda values, percent=percent: percentile(values.latency, percent)),  # type: ignore[misc]
            meta=slot(item.deployment),
            line=_WIDTHS[percent],
        )
        for item in series.deployments
        for percent in shown
    ]
    whole = _total(series).latency
    told = [
        f"p{percent} {value:,.1f} ms" for percent in PERCENTILES if (value := percentile(whole, percent)) is not None
    ]
    return _plot(series, columns, "milliseconds", ", ".join(told), empty=NO_REQUESTS, log_scale=options.log_scale)


def _mean(name: str, scale: float = 1) -> Callable[[SampleValues], float | None]:
    def of(values: SampleValues) -> float | None:
        gauge = getattr(values, name)
        return gauge.mean / scale if gauge else None

    return of


def _lines(series: Series, of: Callable[[SampleValues], float | None]) -> list[Column]:
    points = series.window.points()
    return [
        Column(name=label(item.deployment), values=_values(item, points, of), meta=slot(item.deployment))
        for item in series.deployments
    ]


def _limit(
    series: Series, options: Options, name: str, of: Callable[[Deployment, SampleValues], float]
) -> list[Column]:
    """A line of its own for one deployment, where something was measured."""
    if not options.alone:
        return []
    points = series.window.points()
    return [
        Column(
            name=name,
            values=_values(item, points, lambda values, item=item: of(item.deployment, values)),  # type: ignore[misc]
            form="step",
            meta={"tone": "idle"},
            line={"dash": "dash", "width": 1},
        )
        for item in series.deployments
    ]


def active(series: Series, options: Options) -> Plot:
    def at_once(deployment: Deployment, values: SampleValues) -> float:
        ready = values.ready.mean if values.ready else 0
        return deployment.max_concurrent_requests_per_instance * ready

    columns = [*_lines(series, _mean("active")), *_limit(series, options, "limit of the replicas", at_once)]
    gauge = _total(series).active
    summary = f"{gauge.high} at most" if gauge else ""
    return _plot(series, columns, "requests in flight", summary)


def cpu(series: Series, options: Options) -> Plot:
    def cores(values: SampleValues) -> float | None:
        return values.cpu_ms / values.cpu_covered_ms if values.cpu_covered_ms else None

    limit = _limit(series, options, "instance type", lambda deployment, _: float(deployment.instance_type.vcpu))
    mean = cores(_total(series))
    summary = "" if mean is None else f"{mean:.2f} cores per replica on average"
    return _plot(series, [*_lines(series, cores), *limit], "cores per replica", summary)


def memory(series: Series, options: Options) -> Plot:
    limit = _limit(series, options, "instance type", lambda deployment, _: deployment.instance_type.memory_mib)
    gauge = _total(series).memory_bytes
    summary = f"{gauge.high / MIB:,.0f} MiB at most in one replica" if gauge else ""
    return _plot(series, [*_lines(series, _mean("memory_bytes", MIB)), *limit], "MiB per replica", summary)


def replicas(series: Series, options: Options) -> Plot:
    points = series.window.points()
    columns = [
        Column(
            name=f"{label(item.deployment)} {name}",
            values=_values(item, points, _mean(name)),
            form="step",
            meta=slot(item.deployment),
            line=line,
        )
        for item in series.deployments
        for name, line in (("ready", {"width": 2}), ("wanted", {"width": 1, "dash": "dot"}))
    ]
    return _plot(series, columns, "replicas", "")


CHARTS: dict[str, Chart] = {
    "requests": Chart(title="Requests", unit="per minute", plot=requests),
    "latency": Chart(title="Latency", unit="p50, p95, p99 in ms", plot=latency),
    "errors": Chart(title="Errors", unit="count and share", plot=errors),
    "statuses": Chart(title="Status classes", unit="per minute", plot=statuses),
    "active": Chart(title="In flight", unit="requests", plot=active),
    "replicas": Chart(title="Replicas", unit="ready and wanted", plot=replicas),
    "cpu": Chart(title="CPU", unit="cores per replica", plot=cpu),
    "memory": Chart(title="Memory", unit="MiB per replica", plot=memory),
}


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
