"""OTLP over HTTP, by OpenTelemetry's own exporters: metrics, logs, and the spans of run()."""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from opentelemetry._logs import LogRecord as OtlpLogRecord
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExportResult
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.metrics.export import Metric as OtlpMetric
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags
from prometheus_client.core import Metric

from endpoints.domain.exported import LogRecord, RunSpan, Trace

SCOPE = InstrumentationScope("endpoint-studio")
SEVERITIES = {"INFO": SeverityNumber.INFO, "WARN": SeverityNumber.WARN, "ERROR": SeverityNumber.ERROR}
CUMULATIVE = AggregationTemporality.CUMULATIVE
UNITS = {"_seconds": "s", "_bytes": "By", "_percent": "%"}

# A receiver that does not answer is told once, by whoever sends; not at each try.
logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)


class OtlpExport:
    def __init__(
        self, endpoint: str, headers: Mapping[str, str], *, timeout: float = 5, service: str = "endpoint-studio"
    ) -> None:
        """`timeout` in seconds, of one sending with its retries."""
        self._resource = Resource({"service.name": service})
        at = endpoint.rstrip("/")
        common: dict[str, Any] = {"headers": dict(headers), "timeout": timeout}
        self._metrics = OTLPMetricExporter(f"{at}/v1/metrics", **common)
        self._logs = OTLPLogExporter(f"{at}/v1/logs", **common)
        self._spans = OTLPSpanExporter(f"{at}/v1/traces", **common)

    def metrics(self, families: Iterable[Metric], *, since: datetime, at: datetime) -> bool:
        """Whether they were taken. Counters count from `since` on."""
        times = (nanoseconds(since), nanoseconds(at))
        found = [converted(family, *times) for family in families if family.samples]
        scope = ScopeMetrics(SCOPE, found, "")
        data = MetricsData([ResourceMetrics(self._resource, [scope], "")])
        return self._metrics.export(data) is MetricExportResult.SUCCESS

    def logs(self, records: Iterable[LogRecord]) -> bool:
        found = [ReadableLogRecord(told(record), self._resource, SCOPE) for record in records]
        return not found or self._logs.export(found) is LogRecordExportResult.SUCCESS

    def spans(self, spans: Iterable[RunSpan]) -> bool:
        found = [self._span(span) for span in spans]
        return not found or self._spans.export(found) is SpanExportResult.SUCCESS

    def _span(self, span: RunSpan) -> ReadableSpan:
        return ReadableSpan(
            name="run",
            context=context(Trace(trace_id=span.parent.trace_id, span_id=span.span_id), remote=False),
            parent=context(span.parent, remote=True),
            resource=self._resource,
            attributes=dict(span.attributes),
            kind=SpanKind.INTERNAL,
            status=Status(StatusCode.ERROR if span.failed else StatusCode.UNSET),
            start_time=nanoseconds(span.start),
            end_time=nanoseconds(span.end),
            instrumentation_scope=SCOPE,
        )


def context(trace: Trace, *, remote: bool) -> SpanContext:
    return SpanContext(trace.trace_id, trace.span_id, remote, TraceFlags(TraceFlags.SAMPLED))


def told(record: LogRecord) -> OtlpLogRecord:
    at, trace = nanoseconds(record.at), record.trace
    return OtlpLogRecord(
        timestamp=at,
        observed_timestamp=at,
        trace_id=trace.trace_id if trace else 0,
        span_id=trace.span_id if trace else 0,
        trace_flags=TraceFlags(TraceFlags.SAMPLED if trace else TraceFlags.DEFAULT),
        severity_text=record.severity,
        severity_number=SEVERITIES[record.severity],
        body=record.body,
        attributes=dict(record.attributes),
    )


def nanoseconds(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000) * 1000


def converted(family: Metric, since: int, at: int) -> OtlpMetric:
    """One metric family; names and labels are those of Prometheus."""
    unit = next((unit for ending, unit in UNITS.items() if family.name.endswith(ending)), "1")
    data: Sum | Gauge | Histogram
    if family.type == "histogram":
        data = Histogram(histogram_points(family, since, at), CUMULATIVE)
    elif family.type == "counter":
        data = Sum(number_points(family, since, at), CUMULATIVE, is_monotonic=True)
    else:
        data = Gauge(number_points(family, since, at))
    return OtlpMetric(family.name, family.documentation, unit, data)


def number_points(family: Metric, since: int, at: int) -> list[NumberDataPoint]:
    return [NumberDataPoint(dict(sample.labels), since, at, sample.value) for sample in family.samples]


def histogram_points(family: Metric, since: int, at: int) -> list[HistogramDataPoint]:
    """Buckets are cumulative in Prometheus, and apart in OTLP."""
    series: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
    sums: dict[tuple[tuple[str, str], ...], float] = {}
    for sample in family.samples:
        key = tuple(sorted((name, value) for name, value in sample.labels.items() if name != "le"))
        if sample.name.endswith("_bucket"):
            series.setdefault(key, []).append((float(sample.labels["le"]), sample.value))
        elif sample.name.endswith("_sum"):
            sums[key] = sample.value
    return [histogram_point(dict(key), buckets, sums[key], since, at) for key, buckets in series.items()]


def histogram_point(
    labels: Mapping[str, str], buckets: list[tuple[float, float]], total: float, since: int, at: int
) -> HistogramDataPoint:
    counts = [count for _, count in buckets]
    apart = [round(count - before) for before, count in zip([0.0, *counts[:-1]], counts, strict=True)]
    return HistogramDataPoint(
        attributes=labels,
        start_time_unix_nano=since,
        time_unix_nano=at,
        count=round(counts[-1]),
        sum=total,
        bucket_counts=apart,
        explicit_bounds=[bound for bound, _ in buckets[:-1]],
        min=0,
        max=0,
    )
