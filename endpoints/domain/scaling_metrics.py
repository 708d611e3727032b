"""Metrics that autoscale can follow, under Azure's names, read from the collector's samples.

What was not measured cannot be read; it is never taken for zero.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from endpoints.domain.buckets import lower_bound, percentile
from endpoints.domain.rollups import CLASSES, Gauge, SampleValues, aligned, merged, together
from endpoints.domain.scaling_rules import (
    MISSING,
    Aggregation,
    Dimension,
    MetricTrigger,
    Reading,
    Scope,
    Statistic,
)

FRESH = timedelta(seconds=90)  # a sample that ended longer ago says nothing of now
LONG_WINDOW = timedelta(minutes=10)  # from here on, minutes are read instead of ten seconds
MIB = 1024**2
PER_MINUTE = "per minute"
BOTH = (Scope.DEPLOYMENT, Scope.ENDPOINT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Of one instance."""

    vcpu: Decimal
    memory_mib: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """`value` is None where it was not measured; `counted` is what can be summed, of which `value` is the rate.

    `averaged`: the number is one instance's, and grows as there are fewer; else it is all instances' together.
    """

    words: str
    unit: str = ""
    value: Callable[[SampleValues, Size], float | None]
    counted: Callable[[SampleValues], int] | None = None
    gauge: str = ""  # the field of SampleValues that keeps its extremes
    averaged: bool = False
    scopes: tuple[Scope, ...] = BOTH
    of_requests: bool = False  # there is none without requests


def _requests(values: SampleValues) -> int:
    return values.requests


def _count(*names: str) -> Callable[[SampleValues], int]:
    return lambda values: sum(values.counts.get(name, 0) for name in names)


def _per_minute(counted: Callable[[SampleValues], int]) -> Callable[[SampleValues, Size], float | None]:
    return lambda values, _: counted(values) * 60_000 / values.covered_ms if values.covered_ms else None


def _rate(words: str, counted: Callable[[SampleValues], int]) -> Metric:
    return Metric(words=words, unit=PER_MINUTE, value=_per_minute(counted), counted=counted)


def _latency(percent: float) -> Metric:
    return Metric(
        words=f"latency p{percent:g}",
        unit="ms",
        value=lambda values, _: percentile(values.latency, percent),
        averaged=True,
        of_requests=True,
    )


def _mean_latency(values: SampleValues, _: Size) -> float | None:
    """From the middles of the buckets."""
    total = sum(values.latency.values())
    middles = sum((lower_bound(bound) + bound) / 2 * count for bound, count in values.latency.items())
    return middles / total if total else None


def _network(values: SampleValues, _: Size) -> float | None:
    return _bytes(values) * 1000 / values.covered_ms if values.covered_ms else None


def _in_flight(values: SampleValues, _: Size) -> float | None:
    return values.active.mean if values.active else None


def _cpu(values: SampleValues, size: Size) -> float | None:
    return values.cpu_ms * 100 / values.cpu_covered_ms / float(size.vcpu) if values.cpu_covered_ms else None


def _memory(values: SampleValues, size: Size) -> float | None:
    return values.memory_bytes.mean * 100 / (size.memory_mib * MIB) if values.memory_bytes else None


def _share(name: str, words: str) -> Metric:
    """Of a gauge that is kept in hundredths of a percent."""

    def value(values: SampleValues, _: Size) -> float | None:
        gauge: Gauge | None = getattr(values, name)
        return gauge.mean / 100 if gauge else None

    return Metric(words=words, unit="%", value=value, averaged=True, scopes=(Scope.DEPLOYMENT,))


def _energy(values: SampleValues, _: Size) -> float | None:
    """Joules per minute, of all instances together. Without a GPU there are none."""
    if values.gpu_memory is None or not values.covered_ms:
        return None
    return values.counts.get("gpu_energy_mj", 0) * 60 / values.covered_ms


def _error_share(values: SampleValues, _: Size) -> float | None:
    return values.errors * 100 / values.requests if values.requests else None


_bytes = _count("bytes_in", "bytes_out")
_tokens = _count("tokens_in", "tokens_out")
METRICS: Mapping[str, Metric] = {
    "CpuUtilizationPercentage": Metric(words="CPU", unit="%", value=_cpu, averaged=True, scopes=(Scope.DEPLOYMENT,)),
    "CpuMemoryUtilizationPercentage": Metric(
        words="memory", unit="%", value=_memory, averaged=True, scopes=(Scope.DEPLOYMENT,)
    ),
    "GpuUtilizationPercentage": _share("gpu", "GPU"),
    "GpuMemoryUtilizationPercentage": _share("gpu_memory", "GPU memory"),
    "GpuEnergyJoules": Metric(words="GPU energy", unit="J per minute", value=_energy, scopes=(Scope.DEPLOYMENT,)),
    "DiskUtilization": _share("disk", "disk"),
    "InFlight": Metric(words="in flight", value=_in_flight, gauge="active"),
    "RequestsPerMinute": _rate("requests", _requests),
    "RequestLatency": Metric(words="mean latency", unit="ms", value=_mean_latency, averaged=True, of_requests=True),
    "RequestLatency_P50": _latency(50),
    "RequestLatency_P90": _latency(90),
    "RequestLatency_P95": _latency(95),
    "RequestLatency_P99": _latency(99),
    "NetworkBytes": Metric(words="network", unit="B/s", value=_network, counted=_bytes),
    "ErrorsPerMinute": _rate("errors", lambda values: values.errors),
    "ErrorPercentage": Metric(words="errors", unit="%", value=_error_share, averaged=True, of_requests=True),
    "TooManyRequestsPerMinute": _rate("refused with 429", _count("overflows")),
    "TimeoutsPerMinute": _rate("time-outs", _count("timeouts")),
    "TokensPerMinute": _rate("tokens", _tokens),
}
# Azure's that nothing here measures, and what to use instead.
NOT_MEASURED = {
    "ConnectionsActive": "Connections are not counted here. InFlight counts the requests that are being answered.",
    "NewConnectionsPerSecond": "Connections are not counted here. Use RequestsPerMinute.",
    "DeploymentCapacity": "A rule on the number of instances would follow itself.",
}
CLASS_DIMENSION, DEPLOYMENT_DIMENSION = "statusCodeClass", "deployment"
DIMENSIONS: Mapping[str, tuple[Scope, ...]] = {CLASS_DIMENSION: BOTH, DEPLOYMENT_DIMENSION: (Scope.ENDPOINT,)}

Samples = Mapping[datetime, SampleValues]  # of one deployment, by the start of their interval


def resolution_of(trigger: MetricTrigger) -> int:
    """Which samples to read, in seconds: the rest of a minute is too much to wait for when the window is short."""
    return 10 if trigger.window < LONG_WINDOW or trigger.grain < timedelta(minutes=1) else 60


def since(trigger: MetricTrigger, now: datetime) -> datetime:
    """The start of the first sample that belongs to the window."""
    return aligned(now, resolution_of(trigger)) - trigger.window


def reading(trigger: MetricTrigger, samples: Mapping[str, Samples], *, size: Size, now: datetime) -> Reading:
    """`samples` of each deployment that counts, by name, in the trigger's resolution; others of the same time are left
    out."""
    rows = _rows(trigger, samples, now)
    resolution = timedelta(seconds=resolution_of(trigger))
    if not rows or max(rows) + resolution < now - FRESH or not _covered(trigger, rows.values()):
        return MISSING
    grains: dict[int, list[SampleValues]] = {}
    start, last = since(trigger, now), max(0, -(-trigger.window // trigger.grain) - 1)
    for at in sorted(rows):
        grains.setdefault(min((at - start) // trigger.grain, last), []).append(rows[at])
    values = [value for grain in grains.values() if (value := _of_grain(trigger, grain, size)) is not None]
    if values:
        return Reading(value=_aggregated(trigger.aggregation, values))
    return Reading(idle=METRICS[trigger.metric].of_requests)


def _rows(trigger: MetricTrigger, samples: Mapping[str, Samples], now: datetime) -> dict[datetime, SampleValues]:
    """What belongs to the window, by time: of several deployments side by side."""
    start, found = since(trigger, now), dict[datetime, list[SampleValues]]()
    for name, points in samples.items():
        if _included(trigger.dimensions, DEPLOYMENT_DIMENSION, name):
            for at, values in points.items():
                if start <= at <= now:
                    found.setdefault(at, []).append(_narrowed(trigger, values))
    return {at: parts[0] if len(parts) == 1 else _side_by_side(parts) for at, parts in found.items()}


def _included(dimensions: Iterable[Dimension], name: str, value: str) -> bool:
    return all((value in item.values) != item.excluded for item in dimensions if item.name == name)


def _narrowed(trigger: MetricTrigger, values: SampleValues) -> SampleValues:
    """With the status classes that are asked for only."""
    left_out = [name for name in CLASSES if not _included(trigger.dimensions, CLASS_DIMENSION, name)]
    return replace(values, counts={**values.counts, **dict.fromkeys(left_out, 0)}) if left_out else values


def _side_by_side(parts: Sequence[SampleValues]) -> SampleValues:
    """Deployments of one endpoint at one time: what is in flight at one is so beside the other's."""
    gauges = [part.active for part in parts if part.active]
    active = None
    if gauges:
        looks = max(gauge.count for gauge in gauges)
        active = Gauge(
            count=looks,
            total=round(sum(gauge.mean for gauge in gauges) * looks),
            low=sum(gauge.low for gauge in gauges),
            high=sum(gauge.high for gauge in gauges),
        )
    return replace(together(parts), active=active)


def _covered(trigger: MetricTrigger, rows: Iterable[SampleValues]) -> bool:
    """What the gateway counts was counted for half of the window at least; of what processes used, a look is enough."""
    if METRICS[trigger.metric].scopes == (Scope.DEPLOYMENT,):
        return True
    return sum(values.covered_ms for values in rows) * 2 >= trigger.window.total_seconds() * 1000


def _of_grain(trigger: MetricTrigger, rows: Sequence[SampleValues], size: Size) -> float | None:
    metric, statistic = METRICS[trigger.metric], trigger.statistic
    if statistic == Statistic.SUM and metric.counted:
        return float(sum(metric.counted(values) for values in rows))
    if statistic in (Statistic.MIN, Statistic.MAX) and metric.gauge:
        gauge: Gauge | None = getattr(merged(rows), metric.gauge)
        return None if gauge is None else float(gauge.low if statistic == Statistic.MIN else gauge.high)
    if statistic in (Statistic.AVERAGE, Statistic.SUM):
        return metric.value(merged(rows), size)
    known = [value for values in rows if (value := metric.value(values, size)) is not None]
    if statistic == Statistic.COUNT:
        return float(len(known)) if known else None
    return (min if statistic == Statistic.MIN else max)(known, default=None)


def _aggregated(aggregation: Aggregation, values: Sequence[float]) -> float:
    """Of the grains that could be read, the oldest first."""
    ways: Mapping[Aggregation, Callable[[], float]] = {
        Aggregation.AVERAGE: lambda: sum(values) / len(values),
        Aggregation.MINIMUM: lambda: min(values),
        Aggregation.MAXIMUM: lambda: max(values),
        Aggregation.TOTAL: lambda: sum(values),
        Aggregation.COUNT: lambda: float(len(values)),
        Aggregation.LAST: lambda: values[-1],
    }
    return ways[aggregation]()
