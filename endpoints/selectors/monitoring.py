"""Everything that a monitoring system is told, as metric families: of all deployments, and of the studio itself.

One list of families serves Prometheus and OpenTelemetry. Labels are names that the studio has checked, and there are
no more of them than deployments.
"""

from collections.abc import Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from endpoints.domain.rollups import CLASSES
from endpoints.domain.totals import Totals, from_json
from endpoints.models import CounterCursor, DeploymentTotals
from endpoints.selectors.traffic_log import state as traffic_log_state

LABELS = ("workspace", "endpoint", "deployment")
COUNTERS = {
    "model_errors": ("studio_model_errors", "Requests that the model failed (424)."),
    "timeouts": ("studio_request_timeouts", "Requests that took longer than request_timeout_ms (408)."),
    "overflows": ("studio_requests_rejected", "Requests beyond what may be in flight (429)."),
    "retries": ("studio_request_retries", "Requests that went to a second replica."),
    "connect_failures": ("studio_connect_failures", "Connections to a replica that failed."),
    "bytes_in": ("studio_request_bytes", "Bytes from callers to replicas."),
    "bytes_out": ("studio_response_bytes", "Bytes from replicas to callers."),
    "tokens_in": ("studio_prompt_tokens", "Tokens that servers read, where they tell."),
    "tokens_out": ("studio_completion_tokens", "Tokens that servers wrote, where they tell."),
    "mirror_requests": ("studio_mirror_requests", "Copies of requests, for a mirror."),
    "mirror_failures": ("studio_mirror_failures", "Copies of requests that failed."),
}
GAUGES = {
    "active": ("studio_requests_in_flight", "Requests that are worked on or wait."),
    "memory_bytes": ("studio_memory_bytes", "Resident memory of all replicas together."),
    "ready": ("studio_replicas_ready", "Replicas that are ready."),
    "wanted": ("studio_replicas_wanted", "Replicas that are wanted."),
}
SHARES = {
    "disk": ("studio_disk_used_ratio", "How full the disk is that replicas write to, 0 to 1."),
    "gpu": ("studio_gpu_busy_ratio", "How busy the GPUs are that replicas work on, 0 to 1."),
    "gpu_memory": ("studio_gpu_memory_used_ratio", "How full the memory of these GPUs is, 0 to 1."),
}
Row = tuple[tuple[str, str, str], Totals]


def metric_families() -> list[Metric]:
    """Three queries, however many deployments."""
    rows, traffic = _rows()
    return [
        _requests(rows),
        *(_counter(rows, key, *about) for key, about in COUNTERS.items()),
        _cpu(rows),
        _durations(rows),
        _energy(rows),
        *(_gauge(rows, key, *about) for key, about in GAUGES.items()),
        *(_share(rows, key, *about) for key, about in SHARES.items()),
        _traffic(traffic),
        *_own(),
    ]


def _rows() -> tuple[list[Row], dict[tuple[str, str, str], int]]:
    """Totals, and the share of the traffic, by labels."""
    found = DeploymentTotals.objects.filter(deployment__deleted_at=None).values_list(
        "deployment__endpoint__workspace__name",
        "deployment__endpoint__name",
        "deployment__name",
        "values",
        "deployment__endpoint__live_traffic",
    )
    rows, traffic = [], {}
    for workspace, endpoint, deployment, values, live in found.order_by("deployment"):
        labels = (workspace, endpoint, deployment)
        rows.append((labels, from_json(values)))
        traffic[labels] = live.get(deployment, 0)
    return rows, traffic


def _requests(rows: Iterable[Row]) -> Metric:
    family = CounterMetricFamily("studio_requests", "Requests by the class of their status.", labels=(*LABELS, "class"))
    for labels, totals in rows:
        for each in CLASSES:
            family.add_metric((*labels, each), totals.counts.get(each, 0))
    return family


def _counter(rows: Iterable[Row], key: str, name: str, about: str) -> Metric:
    family = CounterMetricFamily(name, about, labels=LABELS)
    for labels, totals in rows:
        family.add_metric(labels, totals.counts.get(key, 0))
    return family


def _cpu(rows: Iterable[Row]) -> Metric:
    family = CounterMetricFamily("studio_cpu_seconds", "CPU time of all replicas together.", labels=LABELS)
    for labels, totals in rows:
        family.add_metric(labels, totals.cpu_ms / 1000)
    return family


def _energy(rows: Iterable[Row]) -> Metric:
    family = CounterMetricFamily("studio_gpu_energy_joules", "What the GPUs used that replicas work on.", labels=LABELS)
    for labels, totals in rows:
        if "gpu_energy_mj" in totals.counts:
            family.add_metric(labels, totals.counts["gpu_energy_mj"] / 1000)
    return family


def _durations(rows: Iterable[Row]) -> Metric:
    name, about = "studio_request_duration_seconds", "How long replicas took to answer; the sum is of whole buckets."
    family = HistogramMetricFamily(name, about, labels=LABELS)
    for labels, totals in rows:
        buckets = [("+Inf" if le == float("inf") else str(le), count) for le, count in totals.cumulative()]
        family.add_metric(labels, buckets=buckets, sum_value=totals.seconds)
    return family


def _gauge(rows: Iterable[Row], key: str, name: str, about: str) -> Metric:
    family = GaugeMetricFamily(name, about, labels=LABELS)
    for labels, totals in rows:
        family.add_metric(labels, totals.gauges.get(key, 0))
    return family


def _share(rows: Iterable[Row], key: str, name: str, about: str) -> Metric:
    """What was not measured has none."""
    family = GaugeMetricFamily(name, about, labels=LABELS)
    for labels, totals in rows:
        if key in totals.gauges:
            family.add_metric(labels, totals.gauges[key] / 10_000)
    return family


def _traffic(shares: dict[tuple[str, str, str], int]) -> Metric:
    about = "Share of the endpoint's traffic, as the gateway confirmed it."
    family = GaugeMetricFamily("studio_traffic_percent", about, labels=LABELS)
    for labels, percent in shares.items():
        family.add_metric(labels, percent)
    return family


def _own() -> Iterator[Metric]:
    """Of the studio itself."""
    passed = CounterCursor.objects.filter(name="processes").values_list("scraped_at", flat=True).first()
    about = "When the collector last measured; what is older stands still."
    family = GaugeMetricFamily("studio_collector_last_pass_timestamp_seconds", about)
    if passed is not None:
        family.add_metric((), passed.timestamp())
    yield family
    log = traffic_log_state()
    counted = {
        "studio_traffic_log_entries": ("Requests that were written to the traffic log.", log.kept),
        "studio_traffic_log_dropped": ("Requests that the traffic log could not keep up with.", log.dropped),
        "studio_traffic_log_unreadable": ("Lines of the gateway's log that were torn off.", log.unreadable),
    }
    for name, (told, value) in counted.items():
        yield CounterMetricFamily(name, told, value=value)
    yield GaugeMetricFamily(
        "studio_traffic_log_backlog_bytes", "What is still to be read of the gateway's log.", value=log.behind_bytes
    )
