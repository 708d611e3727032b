"""Charts of requests: how many, how they ended, how long they took."""

from collections.abc import Callable, Mapping
from typing import Any

from endpoints.domain.buckets import Latency, lower_bound, percentile
from endpoints.domain.rollups import CLASSES
from endpoints.selectors.telemetry import Series, error_percent, per_minute
from studio.pages.chart_parts import (
    NO_REQUESTS,
    Options,
    known,
    label,
    lines,
    plot_of,
    rate,
    slot,
    values_of,
)
from studio.pages.plots import Column, Level, Plot

PERCENTILES = (50, 95, 99)
FEW = 3  # deployments, up to which each has all percentiles


def requests(series: Series, options: Options) -> Plot:
    form = "line" if options.side_by_side else "area"
    columns = lines(series, per_minute, form=form)
    sums = [sum(found) for each in zip(*(column.values for column in columns), strict=True) if (found := known(each))]
    summary = ""
    if sums:
        average = sum(sums) / len(sums)
        summary = f"{series.total.requests:,} in all; {average:,.1f} per minute on average, {max(sums):,.1f} at most"
    return plot_of(series, options, [*columns, *_copies(series)], "requests per minute", summary, empty=NO_REQUESTS)


def _copies(series: Series) -> list[Column]:
    """Dashed, beside the requests that somebody waits for; those that failed on their own."""
    points = series.window.points()
    kinds = (("copies", "mirror_requests", {"dash": "dash"}), ("failed copies", "mirror_failures", {"dash": "dot"}))
    return [
        Column(
            name=f"{label(item.deployment)} {word}",
            values=values_of(item, points, rate(name)),
            meta=slot(item.deployment) if name == "mirror_requests" else {"tone": "bad"},
            line=line,
            compared=False,
        )
        for item in series.deployments
        for word, name, line in kinds
        if any(values.counts.get(name) for values in item.points.values())
    ]


_TONES = {"2xx": "ok", "3xx": "info", "4xx": "warn", "5xx": "bad"}


def statuses(series: Series, options: Options) -> Plot:
    points, whole, counts = series.window.points(), series.by_point, series.total.counts
    columns = [
        Column(
            name=name,
            values=[rate(name)(whole[point]) if point in whole else None for point in points],
            form="area",
            meta={"tone": _TONES[name]},
        )
        for name in CLASSES
        if counts.get(name) or name == "2xx"
    ]
    requests = series.total.requests
    shares = [f"{name} {counts[name] * 100 / requests:.1f} %" for name in CLASSES if counts.get(name)]
    return plot_of(series, options, columns, "requests per minute", ", ".join(shares), empty=NO_REQUESTS)


def _of_its_own(counts: Mapping[str, int]) -> int:
    return sum(counts.get(name, 0) for name in ("model_errors", "timeouts", "overflows"))


# Disjoint, so that the bars add up: the kinds of errors within a class are taken out of it. Whose status it is comes
# first: what the model answered itself, and what the gateway answered in its place.
_ERRORS: tuple[tuple[str, str, str, Callable[[Mapping[str, int]], int]], ...] = (
    ("model: refused (4xx)", "warn", "", lambda c: max(0, c.get("4xx", 0) - _of_its_own(c))),
    ("model: error (424)", "bad", "", lambda c: c.get("model_errors", 0)),
    ("gateway: time-out (408)", "bad", "/", lambda c: c.get("timeouts", 0)),
    ("gateway: too many at once (429)", "warn", "/", lambda c: c.get("overflows", 0)),
    ("gateway: not reached (5xx)", "bad", "x", lambda c: c.get("5xx", 0)),
)


def errors(series: Series, options: Options) -> Plot:
    points, whole, sums = series.window.points(), series.by_point, series.total
    if options.side_by_side:
        columns = lines(series, error_percent)
    else:
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
            if count(sums.counts)
        ]
        percents = [error_percent(whole[point]) if point in whole else None for point in points]
        look: dict[str, Any] = {"meta": {"tone": "idle"}, "line": {"width": 1.25}, "right": True}
        columns.append(Column(name="error share", values=percents, **look))
    share = error_percent(sums)
    summary = "" if share is None else f"{sums.errors:,} of {sums.requests:,} requests: {share:.2f} %"
    unit = "% of requests" if options.side_by_side else "errors"
    return plot_of(series, options, columns, unit, summary, right_unit="%", empty=NO_REQUESTS)


_WIDTHS: dict[int, dict[str, Any]] = {50: {"width": 1}, 95: {"width": 2}, 99: {"width": 1, "dash": "dot"}}


def latency(series: Series, options: Options) -> Plot:
    """Percentiles of merged buckets: per deployment, in its colour."""
    points = series.window.points()
    shown = (95,) if options.side_by_side or len(series.deployments) > FEW else PERCENTILES
    columns = [
        Column(
            name=f"{label(item.deployment)} p{percent}",
            values=values_of(item, points, lambda values, percent=percent: percentile(values.latency, percent)),  # type: ignore[misc]
            meta=slot(item.deployment),
            line=_WIDTHS[percent],
            compared=percent == 95,
        )
        for item in series.deployments
        for percent in shown
    ]
    whole = series.total.latency
    told = [
        f"p{percent} {value:,.1f} ms" for percent in PERCENTILES if (value := percentile(whole, percent)) is not None
    ]
    levels = []
    if options.target_ms is not None:
        levels = [Level(name=f"target {options.target_ms:g} ms", value=options.target_ms)]
        told += _within(whole, options.target_ms)
    look: dict[str, Any] = {"empty": NO_REQUESTS, "log_scale": options.log_scale, "levels": levels}
    return plot_of(series, options, columns, "milliseconds", ", ".join(told), **look)


def _within(latency: Latency, target: float) -> list[str]:
    """The share that took less; of the bucket that holds the target, as much as lies below it."""
    whole = sum(latency.values())
    below = sum(
        count * min(1.0, max(0.0, (target - lower_bound(bound)) / (bound - lower_bound(bound))))
        for bound, count in latency.items()
    )
    return [f"{below * 100 / whole:.1f} % within {target:g} ms"] if whole else []


def mirror(series: Series, options: Options) -> Plot:
    """Copies, apart from what callers got."""
    points, sums = series.window.points(), series.total
    columns = [
        Column(
            name=f"{label(item.deployment)} {word}",
            values=values_of(item, points, of),
            meta=slot(item.deployment) if tone is None else {"tone": tone},
            line=line,
            right=right,
        )
        for item in series.deployments
        if any(values.mirror_requests for values in item.points.values())
        for word, of, tone, line, right in (
            ("copies", rate("mirror_requests"), None, {}, False),
            ("failed", rate("mirror_failures"), "bad", {"dash": "dot"}, False),
            (
                "p95 in ms",
                lambda values: percentile(values.mirror_latency, 95),
                None,
                {"dash": "dash", "width": 1},
                True,
            ),
        )
    ]
    failed = sums.counts.get("mirror_failures", 0)
    summary = f"{sums.mirror_requests:,} copies, {failed:,} failed" if sums.mirror_requests else ""
    return plot_of(series, options, columns, "copies per minute", summary, right_unit="milliseconds")
