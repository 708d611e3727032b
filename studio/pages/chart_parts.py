"""What all charts of measured series are made of: columns over the window's points, by deployment."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from endpoints.domain.rollups import SampleValues
from endpoints.models import Deployment
from endpoints.selectors.telemetry import DeploymentSeries, Series
from studio.pages.plots import Column, Plot

NO_REQUESTS = "No requests in this range: send a test."
Value = Callable[[SampleValues], float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`alone`: the series is one deployment's, and its limits are shown. `side_by_side`: a line for each deployment,
    instead of all of them together. `target_ms` is a line that latency should stay below."""

    log_scale: bool = False
    alone: bool = False
    side_by_side: bool = False
    target_ms: float | None = None
    zone: tzinfo = UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """`metrics` are Azure's names of what it shows. `only_if`: left out where nothing of it was measured."""

    title: str
    unit: str
    plot: Callable[[Series, Options], Plot]
    metrics: str = ""
    only_if: Callable[[SampleValues], object] | None = None

    def is_shown(self, series: Series) -> bool:
        return self.only_if is None or any(
            self.only_if(values) for item in series.deployments for values in item.points.values()
        )


def slot(deployment: Deployment) -> dict[str, Any]:
    return {"slot": deployment.color_slot}


def label(deployment: Deployment) -> str:
    return f"{deployment.name} (deleted)" if deployment.deleted_at else deployment.name


def plot_of(series: Series, options: Options, columns: Sequence[Column], unit: str, summary: str, **rest: Any) -> Plot:
    points = series.window.points()
    return Plot(
        points=points,
        partial=bool(points) and series.window.is_partial(points[-1]),
        columns=columns,
        unit=unit,
        summary=summary,
        span=(series.window.start, series.window.end),
        zone=options.zone,
        **rest,
    )


def values_of(item: DeploymentSeries, points: Iterable[datetime], of: Value) -> list[float | None]:
    return [of(item.points[point]) if point in item.points else None for point in points]


def known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def lines(series: Series, of: Value, **look: Any) -> list[Column]:
    points = series.window.points()
    return [
        Column(name=label(item.deployment), values=values_of(item, points, of), meta=slot(item.deployment), **look)
        for item in series.deployments
    ]


def limit(series: Series, options: Options, name: str, of: Callable[[Deployment, SampleValues], float]) -> list[Column]:
    """A line of its own for one deployment, where something was measured."""
    if not options.alone:
        return []
    points = series.window.points()
    return [
        Column(
            name=name,
            values=values_of(item, points, lambda values, item=item: of(item.deployment, values)),  # type: ignore[misc]
            form="step",
            meta={"tone": "idle"},
            line={"dash": "dash", "width": 1},
            compared=False,
        )
        for item in series.deployments
    ]


def rate(name: str, *, seconds: int = 60) -> Value:
    """Of a count, per so many seconds."""

    def of(values: SampleValues) -> float | None:
        return values.counts.get(name, 0) * seconds * 1000 / values.covered_ms if values.covered_ms else None

    return of


def mean(name: str, scale: float = 1) -> Value:
    """Of a gauge."""

    def of(values: SampleValues) -> float | None:
        gauge = getattr(values, name)
        return gauge.mean / scale if gauge else None

    return of
