"""Figures are what Plotly takes, gaps stay gaps, and what is not over is dashed."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import plotly.graph_objects as go
import pytest

from endpoints.domain.ranges import Window, window
from endpoints.domain.rollups import Gauge, SampleValues
from endpoints.models import Deployment, Endpoint, InstanceType
from endpoints.selectors.cost import cost_window
from endpoints.selectors.telemetry import DeploymentSeries, Marker, Series
from studio.pages.charts import CHARTS, Money, Options, cost
from studio.pages.plots import Column, Plot, figure, header, rows

NOW = datetime(2026, 3, 15, 12, 34, 30, tzinfo=UTC)
SHOWN = window(preset="6h", now=NOW)


def deployment(name: str, slot: int = 0) -> Deployment:
    size = InstanceType(name="small", vcpu=Decimal("0.5"), memory_mib=512)
    return Deployment(
        endpoint=Endpoint(name="prices"),
        name=name,
        color_slot=slot,
        instance_type=size,
        max_concurrent_requests_per_instance=4,
    )


def values(**changes: Any) -> SampleValues:
    usual: dict[str, Any] = {
        "covered_ms": 60_000,
        "counts": {"2xx": 80, "4xx": 19, "5xx": 1, "model_errors": 10, "timeouts": 5, "overflows": 2},
        "latency": {5: 90, 108: 10},
        "cpu_ms": 30_000,
        "cpu_covered_ms": 60_000,
        "active": Gauge.of(3),
        "memory_bytes": Gauge.of(256 * 1024**2),
        "ready": Gauge.of(2),
        "wanted": Gauge.of(2),
    }
    return SampleValues(**{**usual, **changes})


def series(*items: tuple[Deployment, dict[int, SampleValues]], shown: Window = SHOWN) -> Series:
    """Values by the number of the point; -1 is the last, which is not over."""
    points = shown.points()
    return Series(
        window=shown,
        deployments=tuple(
            DeploymentSeries(deployment=item, points={points[index]: found for index, found in by_index.items()})
            for item, by_index in items
        ),
    )


def drawn(chart: str, measured: Series, **options: Any) -> dict[str, Any]:
    found = figure(CHARTS[chart].plot(measured, Options(**options)))
    go.Figure(data=found["data"], layout=found["layout"])  # raises on what is no Plotly
    return found


def named(found: dict[str, Any], name: str) -> dict[str, Any]:
    traces = [trace for trace in found["data"] if trace["name"] == name]
    assert len(traces) == 1, [trace["name"] for trace in found["data"]]
    return traces[0]  # type: ignore[no-any-return]


def known(trace: dict[str, Any]) -> list[float]:
    return [value for value in trace["y"] if value is not None]


WHOLE = dict.fromkeys(range(10, 20), values())


@pytest.mark.parametrize("chart", CHARTS)
@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_every_chart_is_a_figure(chart: str, count: int) -> None:
    measured = series(*((deployment(f"d{number}", number), {**WHOLE, -1: values()}) for number in range(count)))
    for options in ({}, {"alone": True, "log_scale": True}):
        found = drawn(chart, measured, **options)
        for trace in found["data"]:
            assert trace["meta"].keys() <= {"slot", "tone"}
            assert trace["meta"]
            assert len(trace["x"]) == len(trace["y"])
            assert trace.get("connectgaps", False) is False


@pytest.mark.parametrize("chart", CHARTS)
def test_without_samples_there_are_no_numbers(chart: str) -> None:
    assert not [value for trace in drawn(chart, series((deployment("blue"), {})))["data"] for value in known(trace)]


def test_a_gap_of_a_line_stays_a_gap() -> None:
    measured = series((deployment("blue"), {10: values(), 11: values(), 15: values(), 16: values()}))
    trace = named(drawn("cpu", measured), "blue")
    assert trace["y"][10:17] == [0.5, 0.5, None, None, None, 0.5, 0.5]
    assert trace["mode"] == "lines"
    assert len(trace["x"]) == len(SHOWN.points()) - 1


def test_a_lone_point_has_a_dot() -> None:
    trace = named(drawn("cpu", series((deployment("blue"), {10: values()}))), "blue")
    assert trace["mode"] == "lines+markers"


def test_a_gap_of_stacked_areas_parts_the_stack() -> None:
    measured = series(
        (deployment("blue"), {10: values(), 11: values(), 15: values(), 16: values()}),
        (deployment("green", 1), {11: values(), 15: values()}),
    )
    found = drawn("requests", measured)
    stacks = {trace["stackgroup"] for trace in found["data"]}
    assert len(stacks) == 2
    blue = [trace for trace in found["data"] if trace["name"] == "blue"]
    assert [(trace["y"], trace["showlegend"]) for trace in blue] == [([100, 100], True), ([100, 100], False)]
    green = [trace for trace in found["data"] if trace["name"] == "green"]
    assert [trace["y"] for trace in green] == [[0, 100], [100, 0]]


def test_what_is_not_over_is_dashed() -> None:
    last = {**WHOLE, len(SHOWN.points()) - 2: values(), -1: values(covered_ms=30_000)}
    for chart, name in (("requests", "blue, so far"), ("cpu", "blue, so far")):
        trace = named(drawn(chart, series((deployment("blue"), last))), name)
        assert trace["line"]["dash"] == "dot"
        assert trace["showlegend"] is False
        assert len(trace["x"]) == 2
    assert named(drawn("requests", series((deployment("blue"), last))), "blue, so far")["y"] == [100, 200]
    bar = named(drawn("errors", series((deployment("blue"), last))), "model error (424)")
    assert bar["marker"]["opacity"][-2:] == [1.0, 0.5]


def test_errors_add_up() -> None:
    found = drawn("errors", series((deployment("blue"), {10: values()})))
    bars = {trace["name"]: sum(known(trace)) for trace in found["data"] if trace["type"] == "bar"}
    assert bars == {
        "client error (4xx)": 2,
        "model error (424)": 10,
        "time-out (408)": 5,
        "too many at once (429)": 2,
        "not reached (5xx)": 1,
    }
    assert known(named(found, "error share")) == [20]
    assert named(found, "error share")["yaxis"] == "y2"
    assert found["summary"] == "20 of 100 requests: 20.00 %"


def test_percentiles_are_of_merged_buckets() -> None:
    slow = values(latency={1139: 10}, counts={"2xx": 10})
    measured = series((deployment("blue"), {10: values(latency={2: 990}, counts={"2xx": 990}), 11: slow}))
    found = drawn("latency", measured)
    assert known(named(found, "blue p50"))[0] < 2
    assert "p95 2.0 ms" in found["summary"]


def test_more_than_three_deployments_show_p95_alone() -> None:
    names = {
        trace["name"] for trace in drawn("latency", series(*((deployment(f"d{n}"), WHOLE) for n in range(4))))["data"]
    }
    assert names == {f"d{n} p95" for n in range(4)}


def test_limits_are_shown_for_one_deployment() -> None:
    measured = series((deployment("blue"), {10: values()}))
    for chart, name, limit in (
        ("active", "limit of the replicas", 8),
        ("cpu", "instance type", 0.5),
        ("memory", "instance type", 512),
    ):
        assert known(named(drawn(chart, measured, alone=True), name)) == [limit]
        assert name not in {trace["name"] for trace in drawn(chart, measured)["data"]}


def test_the_logarithmic_scale_is_of_latency() -> None:
    measured = series((deployment("blue"), WHOLE))
    assert drawn("latency", measured, log_scale=True)["layout"]["yaxis"]["type"] == "log"
    assert "type" not in drawn("cpu", measured, log_scale=True)["layout"]["yaxis"]


def test_replicas_are_steps() -> None:
    found = drawn("replicas", series((deployment("blue"), WHOLE)))
    assert {trace["line"]["shape"] for trace in found["data"]} == {"hv"}


def test_markers_are_told() -> None:
    plot = CHARTS["cpu"].plot(series((deployment("blue"), WHOLE)), Options())
    found = figure(plot, [Marker(at=NOW, label="Traffic live: blue 100 %", kind="traffic")])
    assert found["markers"] == [{"at": "2026-03-15T12:34:30Z", "label": "Traffic live: blue 100 %", "kind": "traffic"}]


def test_the_table_has_what_is_known() -> None:
    points = [NOW + timedelta(minutes=minute) for minute in range(3)]
    columns = [Column(name="a", values=[1.5, None, None]), Column(name="b", values=[None, None, 2_000_000.25])]
    plot = Plot(points=points, partial=False, columns=columns, unit="u", summary="")
    assert header(plot) == ["time (UTC)", "a", "b"]
    assert rows(plot) == [["2026-03-15T12:34:30Z", "1.5", ""], ["2026-03-15T12:36:30Z", "", "2000000"]]


def test_cost_is_stacked_bars() -> None:
    shown = cost_window("7d", now=NOW)
    part = Money(name="blue", meta={"slot": 0}, amounts={shown.start: Decimal("0.25")})
    found = figure(cost([part], shown, "$0.25 in all"))
    go.Figure(data=found["data"], layout=found["layout"])
    assert found["layout"]["barmode"] == "stack"
    assert found["layout"]["yaxis"]["title"]["text"] == "USD per day"
    assert known(found["data"][0]) == [0.25]


def test_copies_are_a_dashed_line_beside_the_requests() -> None:
    copies = values(counts={"2xx": 1, "mirror_requests": 30, "mirror_failures": 3})
    found = drawn("requests", series((deployment("blue"), {0: values()}), (deployment("green", 1), {0: copies})))
    line = named(found, "green copies")
    assert (line["y"][0], line["line"]["dash"], line["meta"], "stackgroup" in line) == (30, "dash", {"slot": 1}, False)
    assert named(found, "green failed copies")["y"][0] == 3
    assert "blue copies" not in {trace["name"] for trace in found["data"]}
    assert found["summary"].startswith("101 in all")
