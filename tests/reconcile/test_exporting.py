"""What is sent by OTLP, as a receiver decodes it; and that one which is dead hurts nothing."""

import logging
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from endpoints import wiring
from endpoints.domain.exported import run_span, severity_of, trace_of
from endpoints.models import Deployment, DeploymentTotals, Endpoint, Replica
from endpoints.reconcile import exporting
from endpoints.reconcile.exporting import Exporting
from endpoints.telemetry.otlp import OtlpExport
from tests.factories import DeploymentFactory, EndpointFactory, TrafficLogEntryFactory
from tests.fakes import FakeCompute
from tests.otlp import Receiver, attributes, receiving

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 5, 4, 10, 0, 0, 250_000, tzinfo=UTC)
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED = f"00-{TRACE}-{SPAN}-01"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def export(receiver: Receiver) -> OtlpExport:
    return OtlpExport(receiver.url, {"x-api-key": "their-secret"}, timeout=2)


@pytest.fixture
def blue(adapters: wiring.Adapters) -> Deployment:
    endpoint: Endpoint = EndpointFactory(name="prices")
    made: Deployment = DeploymentFactory(endpoint=endpoint, name="blue", replicas=1)
    return made


def test_metrics(receiver: Receiver, export: OtlpExport, blue: Deployment) -> None:
    since = NOW - timedelta(hours=1)
    values = {"counts": {"2xx": 5}, "latency": {"3": 4, "999999": 1}, "gauges": {"ready": 2}}
    DeploymentTotals.objects.create(deployment=blue, since=since, values=values)
    assert Exporting(export).step(now=NOW)
    found = receiver.metrics()
    (point,) = [p for p in found["studio_requests"].sum.data_points if attributes(p)["class"] == "2xx"]
    assert (point.as_int or point.as_double) == 5
    assert attributes(point)["deployment"] == "blue"
    assert point.start_time_unix_nano == round(since.timestamp() * 1000) * 10**6
    assert point.time_unix_nano == round(NOW.timestamp() * 1000) * 10**6
    assert found["studio_requests"].sum.is_monotonic
    (histogram,) = found["studio_request_duration_seconds"].histogram.data_points
    assert (histogram.count, sum(histogram.bucket_counts)) == (5, 5)
    assert (histogram.bucket_counts[0], histogram.bucket_counts[-1]) == (4, 1)
    assert len(histogram.bucket_counts) == len(histogram.explicit_bounds) + 1
    (gauge,) = found["studio_replicas_ready"].gauge.data_points
    assert (gauge.as_int or gauge.as_double) == 2
    assert all(headers["x-api-key"] == "their-secret" for _, headers, _ in receiver.requests)


def test_the_traffic_log_and_the_time_in_run(receiver: Receiver, export: OtlpExport, blue: Deployment) -> None:
    TrafficLogEntryFactory(endpoint=blue.endpoint, x_request_id="before")
    sending = Exporting(export)
    row = TrafficLogEntryFactory(
        endpoint=blue.endpoint, at=NOW, status=424, response_ms=20, model_ms=12.5, traceparent=SAMPLED
    )
    TrafficLogEntryFactory(endpoint=blue.endpoint, at=NOW, model_ms=1.0, traceparent=f"00-{TRACE}-{SPAN}-00")
    assert sending.step(now=NOW)
    assert sending.step(now=NOW)
    first, second = receiver.logs()
    assert attributes(first)["studio.request_id"] == row.x_request_id
    assert attributes(first)["http.response.status_code"] == 424
    assert (first.severity_text, first.trace_id.hex(), first.span_id.hex()) == ("ERROR", TRACE, SPAN)
    assert (second.severity_text, second.trace_id) == ("INFO", b"")
    (span,) = receiver.spans()
    assert (span.name, span.trace_id.hex(), span.parent_span_id.hex()) == ("run", TRACE, SPAN)
    assert span.end_time_unix_nano - span.start_time_unix_nano == 12_500_000
    assert span.end_time_unix_nano == round((NOW + timedelta(milliseconds=20)).timestamp() * 1000) * 10**6
    assert attributes(span)["studio.deployment"] == "blue"
    assert span.status.code == 2


def test_what_replicas_write(
    receiver: Receiver, export: OtlpExport, blue: Deployment, adapters: wiring.Adapters
) -> None:
    compute = adapters.compute
    assert isinstance(compute, FakeCompute)
    replica = Replica.objects.get(deployment=blue)
    compute.logs[replica.pk] = "old\n"
    sending = Exporting(export)
    compute.logs[replica.pk] += "2026-05-04T09:00:00.000Z [request abc-1] ValueError: no\nplain\n"
    assert sending.step(now=NOW)
    assert sending.step(now=NOW)
    first, second = receiver.logs()
    assert (first.body.string_value, first.severity_text) == ("[request abc-1] ValueError: no", "ERROR")
    assert first.time_unix_nano == round(datetime(2026, 5, 4, 9, tzinfo=UTC).timestamp()) * 10**9
    assert attributes(first)["studio.request_id"] == "abc-1"
    assert (second.body.string_value, attributes(second)["studio.replica"]) == ("plain", replica.ordinal)


@pytest.mark.parametrize("status", [400, 401, 503])
def test_what_is_not_taken_waits_and_is_told_once(
    receiver: Receiver, export: OtlpExport, blue: Deployment, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    sending = Exporting(OtlpExport(receiver.url, {}, timeout=0.2))
    receiver.status = status
    TrafficLogEntryFactory(endpoint=blue.endpoint)
    with caplog.at_level(logging.WARNING, exporting.logger.name):
        assert not sending.step(now=NOW)
        assert not sending.step(now=NOW)
        receiver.status = 200
        assert sending.step(now=NOW)
    assert [record.getMessage() for record in caplog.records if record.name == exporting.logger.name] == [
        "The receiver of telemetry does not take what is sent.",
        "The receiver of telemetry answers again.",
    ]
    assert len(receiver.logs()) == 1


def test_nobody_there(adapters: wiring.Adapters, blue: Deployment) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert not Exporting(OtlpExport(f"http://127.0.0.1:{port}", {}, timeout=0.2)).step(now=NOW)


def test_what_waits_is_bounded(
    receiver: Receiver, export: OtlpExport, blue: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "MOST_WAITING", 3)
    sending = Exporting(export)
    rows = [TrafficLogEntryFactory(endpoint=blue.endpoint) for _ in range(10)]
    assert sending.step(now=NOW)
    sent = [attributes(record)["studio.request_id"] for record in receiver.logs()]
    assert sent == [row.x_request_id for row in rows[-3:]]


@pytest.mark.parametrize("odd", ["", "x", SAMPLED.upper(), f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01"])
def test_what_is_no_trace(odd: str) -> None:
    assert trace_of(odd) is None
    assert run_span(traceparent=odd, at=NOW, response_ms=1, model_ms=1.0) is None


def test_how_bad_a_line_is() -> None:
    lines = {"KeyError: 'x'": "ERROR", "WARNING: slow": "WARN", "an error of mine": "INFO", "CRITICAL x": "ERROR"}
    assert {line: severity_of(line) for line in lines} == lines
