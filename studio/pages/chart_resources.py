"""Charts of what replicas use and do: requests in flight, CPU, memory, disk, GPU, network, tokens."""

from collections.abc import Callable
from typing import Any

from endpoints.domain.rollups import Gauge, SampleValues
from endpoints.models import Deployment
from endpoints.selectors.telemetry import Series, gpu_watts
from studio.pages.chart_parts import Options, label, limit, lines, mean, plot_of, rate, slot, values_of
from studio.pages.plots import Column, Plot

MIB = 1024**2
PERCENT = 100  # shares are kept in hundredths of a percent


def active(series: Series, options: Options) -> Plot:
    def at_once(deployment: Deployment, values: SampleValues) -> float:
        ready = values.ready.mean if values.ready else 0
        return deployment.max_concurrent_requests_per_instance * ready

    columns = [*lines(series, mean("active")), *limit(series, options, "limit of the replicas", at_once)]
    gauge = series.total.active
    return plot_of(series, options, columns, "requests in flight", f"{gauge.high} at most" if gauge else "")


def connections(series: Series, options: Options) -> Plot:
    gauge = series.total.open_connections
    summary = f"{gauge.high} at most" if gauge else ""
    return plot_of(series, options, lines(series, mean("open_connections")), "open connections", summary)


def network(series: Series, options: Options) -> Plot:
    """What callers sent and what they got, the gateway's own headers to replicas included."""
    return _both_ways(series, options, "bytes", seconds=1, unit="bytes per second", told=size)


def tokens(series: Series, options: Options) -> Plot:
    """What servers read and what they wrote, where they tell."""
    return _both_ways(series, options, "tokens", seconds=60, unit="tokens per minute", told="{:,}".format)


def _both_ways(
    series: Series, options: Options, what: str, *, seconds: int, unit: str, told: Callable[[int], str]
) -> Plot:
    points, counts = series.window.points(), series.total.counts
    ways: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("in", f"{what}_in", {"width": 1, "dash": "dot"}),
        ("out", f"{what}_out", {}),
    )
    columns = [
        Column(
            name=f"{label(item.deployment)} {word}",
            values=values_of(item, points, rate(name, seconds=seconds)),
            meta=slot(item.deployment),
            line=line,
        )
        for item in series.deployments
        for word, name, line in ways
    ]
    sums = [f"{told(counts[name])} {word}" for word, name, _ in ways if name in counts]
    return plot_of(series, options, columns, unit, ", ".join(sums))


def size(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:,.0f} {unit}" if unit == "B" else f"{count:,.1f} {unit}"
        count /= 1024
    return f"{count:,.1f} TiB"


def cpu(series: Series, options: Options) -> Plot:
    def cores(values: SampleValues) -> float | None:
        return values.cpu_ms / values.cpu_covered_ms if values.cpu_covered_ms else None

    bound = limit(series, options, "instance type", lambda deployment, _: float(deployment.instance_type.vcpu))
    average = cores(series.total)
    summary = "" if average is None else f"{average:.2f} cores per replica on average"
    return plot_of(series, options, [*lines(series, cores), *bound], "cores per replica", summary)


def memory(series: Series, options: Options) -> Plot:
    bound = limit(series, options, "instance type", lambda deployment, _: deployment.instance_type.memory_mib)
    gauge = series.total.memory_bytes
    summary = f"{gauge.high / MIB:,.0f} MiB at most in one replica" if gauge else ""
    columns = [*lines(series, mean("memory_bytes", MIB)), *bound]
    return plot_of(series, options, columns, "MiB per replica", summary)


def _share(series: Series, options: Options, name: str, of_what: str) -> Plot:
    gauge: Gauge | None = getattr(series.total, name)
    summary = f"{gauge.mean / PERCENT:.1f} % on average, {gauge.high / PERCENT:.1f} % at most" if gauge else ""
    return plot_of(series, options, lines(series, mean(name, PERCENT)), of_what, summary)


def disk(series: Series, options: Options) -> Plot:
    return _share(series, options, "disk", "% of the disk")


def gpu(series: Series, options: Options) -> Plot:
    return _share(series, options, "gpu", "% of the time")


def gpu_memory(series: Series, options: Options) -> Plot:
    return _share(series, options, "gpu_memory", "% of the memory")


def gpu_power(series: Series, options: Options) -> Plot:
    joules = series.total.counts.get("gpu_energy_mj", 0) / 1000
    return plot_of(series, options, lines(series, gpu_watts), "W per replica", f"{joules / 3600:,.1f} Wh in all")


def replicas(series: Series, options: Options) -> Plot:
    points, sums = series.window.points(), series.total
    columns = [
        Column(
            name=f"{label(item.deployment)} {name}",
            values=values_of(item, points, mean(name)),
            form="step",
            meta=slot(item.deployment),
            line=line,
            compared=name == "ready",
        )
        for item in series.deployments
        for name, line in (("ready", {"width": 2}), ("wanted", {"width": 1, "dash": "dot"}))
    ]
    summary = f"{sums.ready.low} to {sums.ready.high} ready in one deployment" if sums.ready else ""
    return plot_of(series, options, columns, "replicas", summary)
