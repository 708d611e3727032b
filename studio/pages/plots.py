"""A plot: columns of numbers over points in time. From it come the Plotly figure, the table and the CSV."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from typing import Any, Literal
from zoneinfo import ZoneInfo

from endpoints.domain.ranges import has_one_offset
from endpoints.selectors.telemetry import Marker

FAINT = 0.45
Values = Sequence[float | None]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """`values` has one for each point of the plot; None is a gap, and stays one. `compared`: when the period before is
    shown too, this column's is."""

    name: str
    values: Values
    form: Literal["line", "area", "step", "bar"] = "line"
    meta: Json = field(default_factory=dict)  # {"slot": n} or {"tone": "bad"}: the theme makes a colour of it
    line: Json = field(default_factory=dict)
    pattern: str = ""  # of bars: tells two of one tone apart
    right: bool = False  # on the second axis
    compared: bool = True
    faint: bool = False  # of the period before: beside what the plot is about


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A line over the whole width, which nobody measured."""

    name: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """`partial`: the last point's time is not over. `unit` is the axis' title. `zone`: whose clock tells the times."""

    points: Sequence[datetime]
    partial: bool
    columns: Sequence[Column]
    unit: str
    summary: str
    empty: str = "Nothing was measured in this range."
    span: tuple[datetime, datetime] | None = None
    right_unit: str = ""
    log_scale: bool = False
    levels: Sequence[Level] = ()
    zone: tzinfo = UTC


def figure(plot: Plot, markers: Iterable[Marker] = (), *, table: bool = True) -> Json:
    """A Plotly figure with what the page's script needs beside it (docs/design-system.md, Charts). Its numbers as text
    are as long again: `table` is whether they are wanted.

    Plotly knows no time zones: it is given what the zone's clock shows, or UTC where that clock jumps meanwhile."""
    axis = plot.zone if has_one_offset((*plot.points, *(plot.span or ())), plot.zone) else UTC
    shown = replace(
        plot,
        points=[point.astimezone(axis) for point in plot.points],
        span=plot.span and (plot.span[0].astimezone(axis), plot.span[1].astimezone(axis)),
    )
    return {
        "data": list(_traces(shown)),
        "layout": _layout(shown),
        "summary": plot.summary,
        "empty": plot.empty,
        "zone": zone_name(axis),
        "markers": [
            {"at": _clock(item.at.astimezone(axis)), "label": item.label, "kind": item.kind} for item in markers
        ],
        "known": any(value is not None for column in plot.columns for value in column.values),
        "table": {"header": header(plot), "rows": rows(plot)} if table else None,
    }


def zone_name(zone: tzinfo) -> str:
    return zone.key if isinstance(zone, ZoneInfo) else "UTC"


def _layout(plot: Plot) -> Json:
    layout: Json = {"xaxis": {"type": "date"}, "yaxis": {"title": {"text": plot.unit}}}
    if plot.span:
        layout["xaxis"]["range"] = [_clock(each) for each in plot.span]
    if plot.log_scale:
        layout["yaxis"] |= {"type": "log", "rangemode": "normal"}
    if any(column.right for column in plot.columns):
        layout["yaxis2"] = {"title": {"text": plot.right_unit}, "overlaying": "y", "side": "right"}
    if any(column.form == "bar" for column in plot.columns):
        layout["barmode"] = "stack"
    return layout


def _traces(plot: Plot) -> Iterator[Json]:
    yield from _areas(plot, [column for column in plot.columns if column.form == "area"])
    for column in plot.columns:
        if column.form == "bar":
            yield _bar(plot, column)
        elif column.form != "area":
            yield from _lines(plot, column)
    yield from (_level(plot, level) for level in plot.levels)
    if sum(column.faint for column in plot.columns) > 1:
        yield _explained("fainter: the period before")


def _explained(words: str) -> Json:
    """An entry of the legend alone, for all that is faint."""
    nothing: Json = {"type": "scatter", "mode": "lines", "x": [None], "y": [None]}
    return {**nothing, "name": words, "meta": {"tone": "idle"}, "opacity": FAINT, "hoverinfo": "skip"}


def _level(plot: Plot, level: Level) -> Json:
    return {
        "name": level.name,
        "meta": {"tone": "warn"},
        "type": "scatter",
        "mode": "lines",
        "x": _x(plot.span or plot.points),
        "y": [level.value] * (2 if plot.span else len(plot.points)),
        "line": {"dash": "longdash", "width": 1.5},
        "hoverinfo": "skip",
    }


def _common(column: Column) -> Json:
    return {"name": column.name, "meta": column.meta, "legendgroup": column.name}


def _bar(plot: Plot, column: Column) -> Json:
    """A bar of time that is not over is paler."""
    marker: Json = {}
    if plot.partial:
        marker["opacity"] = [1.0] * (len(plot.points) - 1) + [0.5]
    if column.pattern:
        marker["pattern"] = {"shape": column.pattern, "fillmode": "overlay", "size": 6}
    return {**_common(column), "type": "bar", "x": _x(plot.points), "y": _y(column.values), "marker": marker}


def _lines(plot: Plot, column: Column) -> Iterator[Json]:
    if column.faint:
        shown = sum(each.faint for each in plot.columns) == 1
        yield {**_line(plot.points, column.values, column), "opacity": FAINT, "showlegend": shown}
        return
    whole = len(plot.points) - 1 if plot.partial else len(plot.points)
    yield _line(plot.points[:whole], column.values[:whole], column)
    if plot.partial and column.values and column.values[-1] is not None:
        dashed = _line(plot.points[-2:], column.values[-2:], column, dash="dot")
        yield {**dashed, "name": f"{column.name}, so far", "showlegend": False}


def _line(points: Sequence[datetime], values: Values, column: Column, **line: Any) -> Json:
    shape = {"shape": "hv"} if column.form == "step" else {}
    trace = {
        **_common(column),
        "type": "scatter",
        "mode": "lines+markers" if _has_lone_point(values) else "lines",
        "x": _x(points),
        "y": _y(values),
        "connectgaps": False,
        "line": {**shape, **column.line, **line},
    }
    return trace | ({"yaxis": "y2"} if column.right else {})


def _areas(plot: Plot, columns: Sequence[Column]) -> Iterator[Json]:
    """Stacked. Plotly joins what lies beside a gap of a stack, so each stretch without one is a stack of its own."""
    if not columns:
        return
    shown: set[str] = set()
    for number, stretch in enumerate(_stretches(plot, columns)):
        for column in columns:
            trace = _area(plot, column, stretch, f"stretch-{number}")
            yield {**trace, "showlegend": column.name not in shown}
            shown.add(column.name)
    if plot.partial and len(plot.points) > 1 and any(column.values[-1] is not None for column in columns):
        for column in columns:
            trace = _area(plot, column, range(len(plot.points) - 2, len(plot.points)), "partial")
            yield {
                **trace,
                "name": f"{column.name}, so far",
                "line": {"dash": "dot"},
                "showlegend": column.name not in shown,
            }


def _area(plot: Plot, column: Column, stretch: range, stack: str) -> Json:
    """Within a stretch, a deployment without a number had no part in the sum: zero."""
    values = [column.values[index] or 0 for index in stretch]
    return {
        **_common(column),
        "type": "scatter",
        "mode": "lines+markers" if len(stretch) == 1 else "lines",
        "stackgroup": stack,
        "x": _x([plot.points[index] for index in stretch]),
        "y": _y(values),
    }


def _stretches(plot: Plot, columns: Sequence[Column]) -> Iterator[range]:
    """Runs of points in which at least one column has a number; without the partial one."""
    start = None
    for index in range(len(plot.points) - plot.partial):
        known = any(column.values[index] is not None for column in columns)
        if known and start is None:
            start = index
        elif not known and start is not None:
            yield range(start, index)
            start = None
    if start is not None:
        yield range(start, len(plot.points) - plot.partial)


def _has_lone_point(values: Values) -> bool:
    """A number between two gaps is no line: it needs a dot."""
    known = [value is not None for value in (None, *values, None)]
    return any(
        here and not before and not after for before, here, after in zip(known, known[1:], known[2:], strict=False)
    )


def _x(points: Iterable[datetime]) -> list[str]:
    return [_clock(point) for point in points]


def _clock(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}{'' if at.utcoffset() else 'Z'}"


def _y(values: Values) -> list[float | None]:
    return [None if value is None else round(float(value), 6) for value in values]


def header(plot: Plot) -> list[str]:
    return [f"time ({zone_name(plot.zone)})", *(column.name for column in plot.columns)]


def rows(plot: Plot) -> list[list[str]]:
    """Points at which something is known; a number that is not known is empty."""
    numbers = [_y(column.values) for column in plot.columns]
    return [
        [_told(point.astimezone(plot.zone)), *map(number, line)]
        for point, *line in zip(plot.points, *numbers, strict=True)
        if any(value is not None for value in line)
    ]


def _told(at: datetime) -> str:
    """With its offset: of an hour that the clock shows twice there are two."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def number(value: float | None) -> str:
    """As the figure has it, to the last digit."""
    return "" if value is None else f"{value:.6f}".rstrip("0").rstrip(".")
