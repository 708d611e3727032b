"""Figures are what Plotly takes, gaps stay gaps, and what is not over is dashed."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import plotly.graph_objects as go
import pytest

from endpoints.domain.ranges import Window, window
from endpoints.domain.rollups import Gauge, SampleValues
from endpoints.models import Deployment, Endpoint, InstanceType
from endpoints.selectors.cost import cost_window
from endpoints.selectors.telemetry import DeploymentSeries, Marker, Series
from studio.pages.chart_parts import Options
from studio.pages.charts import CHARTS, Money, cost
from studio.pages.charts import drawn as plot_of
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
        "open_connections": Gauge.of(6),
        "disk": Gauge.of(5210),
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
    before = options.pop("before", None)
    found = figure(plot_of(chart, measured, Options(**options), before))
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
    shapes: tuple[dict[str, Any], ...] = (
        {},
        {"alone": True, "log_scale": True, "target_ms": 200},
        {"side_by_side": True, "before": measured},
    )
    for options in shapes:
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
    bar = named(drawn("errors", series((deployment("blue"), last))), "model: error (424)")
    assert bar["marker"]["opacity"][-2:] == [1.0, 0.5]


def test_errors_add_up() -> None:
    found = drawn("errors", series((deployment("blue"), {10: values()})))
    bars = {trace["name"]: sum(known(trace)) for trace in found["data"] if trace["type"] == "bar"}
    assert bars == {
        "model: refused (4xx)": 2,
        "model: error (424)": 10,
        "gateway: time-out (408)": 5,
        "gateway: too many at once (429)": 2,
        "gateway: not reached (5xx)": 1,
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
    assert rows(plot) == [["2026-03-15T12:34:30Z", "1.5", ""], ["2026-03-15T12:36:30Z", "", "2000000.25"]]


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


def test_deployments_side_by_side_are_lines_in_their_own_colours() -> None:
    measured = series((deployment("blue"), WHOLE), (deployment("green", 1), WHOLE))
    found = drawn("requests", measured, side_by_side=True)
    assert [(trace["name"], trace["meta"]) for trace in found["data"]] == [
        ("blue", {"slot": 0}),
        ("green", {"slot": 1}),
    ]
    assert not any("stackgroup" in trace for trace in found["data"])
    found = drawn("errors", measured, side_by_side=True)
    assert [(trace["name"], set(known(trace))) for trace in found["data"]] == [("blue", {20}), ("green", {20})]
    assert {trace["name"] for trace in drawn("latency", measured, side_by_side=True)["data"]} == {
        "blue p95",
        "green p95",
    }


def earlier(**changes: Any) -> Series:
    return series((deployment("blue"), dict.fromkeys(range(10, 20), values(**changes))), shown=SHOWN.before)


def test_the_period_before_is_fainter_and_on_the_points_of_this_one() -> None:
    measured = series((deployment("blue"), WHOLE))
    found = drawn("cpu", measured, before=earlier(cpu_ms=15_000))
    past = named(found, "blue, period before")
    assert (past["x"], past["meta"]) == ([f"{point:%Y-%m-%dT%H:%M:%SZ}" for point in SHOWN.points()], {"slot": 0})
    assert (set(known(past)), past["y"].index(0.25), past["opacity"] < 1) == ({0.25}, 10, True)
    assert set(known(named(found, "blue"))) == {0.5}
    assert found["summary"].endswith("; period before: 0.25 cores per replica on average")
    assert found["table"]["header"] == ["time (UTC)", "blue", "blue, period before"]
    assert found["table"]["rows"][0][1:] == ["0.5", "0.25"]


def test_of_a_stack_before_its_height_is_shown_and_of_bars_their_share() -> None:
    two = series((deployment("blue"), WHOLE), (deployment("green", 1), WHOLE))
    past = series((deployment("blue"), WHOLE), (deployment("green", 1), {10: values()}), shown=SHOWN.before)
    found = drawn("requests", two, before=past)
    assert known(named(found, "all, period before")) == [200] + [100] * 9
    names = {trace["name"] for trace in drawn("errors", two, before=past)["data"] if ", period before" in trace["name"]}
    assert names == {"error share, period before"}
    names = {
        trace["name"] for trace in drawn("latency", two, before=past)["data"] if ", period before" in trace["name"]
    }
    assert names == {"blue p95, period before", "green p95, period before"}
    legend = [trace["name"] for trace in drawn("latency", two, before=past)["data"] if trace.get("showlegend", True)]
    assert legend[-1] == "fainter: the period before"
    assert not any(", period before" in name for name in legend)


def test_a_target_is_a_line_and_a_share() -> None:
    found = drawn("latency", series((deployment("blue"), {10: values()})), target_ms=100)
    line = named(found, "target 100 ms")
    assert (line["y"], len(line["x"])) == ([100, 100], 2)
    assert found["summary"].endswith("94.3 % within 100 ms")
    assert found["table"]["header"] == ["time (UTC)", "blue p50", "blue p95", "blue p99"]
    assert "target" not in str(drawn("latency", series((deployment("blue"), {10: values()}))))


def test_the_mirror_is_apart_and_only_where_there_is_one() -> None:
    copies = values(counts={"mirror_requests": 30, "mirror_failures": 3}, mirror_latency={5: 30})
    measured = series((deployment("blue"), {10: values()}), (deployment("green", 1), {10: copies}))
    found = drawn("mirror", measured)
    assert [(trace["name"], known(trace)) for trace in found["data"]] == [
        ("green copies", [30]),
        ("green failed", [3]),
        ("green p95 in ms", [4.95]),
    ]
    assert CHARTS["mirror"].is_shown(measured)
    assert not CHARTS["mirror"].is_shown(series((deployment("blue"), {10: values()})))


def test_a_gpu_has_charts_and_no_gpu_has_none() -> None:
    busy = values(
        counts={"gpu_energy_mj": 5_400_000},
        gpu=Gauge(count=2, total=9000, low=3000, high=6000),
        gpu_memory=Gauge.of(2500),
    )
    measured = series((deployment("blue"), {10: busy}))
    assert known(named(drawn("gpu", measured), "blue")) == [45]
    assert drawn("gpu", measured)["summary"] == "45.0 % on average, 60.0 % at most"
    assert known(named(drawn("gpu-memory", measured), "blue")) == [25]
    assert known(named(drawn("gpu-power", measured), "blue")) == [90]
    assert drawn("gpu-power", measured)["summary"] == "1.5 Wh in all"
    without = series((deployment("blue"), {10: values()}))
    left_out = {name for name, chart in CHARTS.items() if not chart.is_shown(without)}
    assert left_out == {"gpu", "gpu-memory", "gpu-power", "mirror", "tokens"}


def test_tokens_both_ways() -> None:
    measured = series((deployment("blue"), {10: values(counts={"tokens_in": 1200, "tokens_out": 30})}))
    assert known(named(drawn("tokens", measured), "blue in")) == [1200]
    assert known(named(drawn("tokens", measured), "blue out")) == [30]
    assert drawn("tokens", measured)["summary"] == "1,200 in, 30 out"


def test_bytes_are_per_second_each_way() -> None:
    found = drawn(
        "network", series((deployment("blue"), {10: values(counts={"bytes_in": 6000, "bytes_out": 1_200_000})}))
    )
    assert (known(named(found, "blue in")), known(named(found, "blue out"))) == ([100], [20_000])
    assert found["summary"] == "5.9 KiB in, 1.1 MiB out"


BERLIN = ZoneInfo("Europe/Berlin")


def test_times_are_told_on_the_clock_of_a_zone() -> None:
    found = drawn("cpu", series((deployment("blue"), {10: values()})), zone=BERLIN)
    assert found["zone"] == "Europe/Berlin"
    assert found["data"][0]["x"][0] == "2026-03-15T07:35:00"
    assert found["table"]["header"][0] == "time (Europe/Berlin)"
    assert found["table"]["rows"][0][0] == "2026-03-15T07:45:00+01:00"


def test_where_the_clock_jumps_the_axis_is_in_utc_and_the_table_names_the_offsets() -> None:
    day = window(
        start="2026-10-25T00:00", end="2026-10-26T00:00", zone="Europe/Berlin", now=datetime(2026, 11, 1, tzinfo=UTC)
    )
    whole = {index: values() for index in range(len(day.points()))}
    found = drawn("cpu", series((deployment("blue"), whole), shown=day), zone=BERLIN)
    assert (found["zone"], found["layout"]["xaxis"]["range"][0]) == ("UTC", "2026-10-24T22:00:00Z")
    times = [row[0] for row in found["table"]["rows"]]
    assert len(set(times)) == len(times) == len(day.points())
    assert {"2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"} <= set(times)
