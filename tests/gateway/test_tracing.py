"""A trace from the gateway to the replica: what a receiver of OTLP gets of a real Envoy."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from endpoints.domain.exported import trace_of
from endpoints.domain.traffic_log import TrafficLogging, entry_of
from endpoints.enums import TrafficLogMode
from endpoints.gateway.envoy import Tracing
from tests.gateway.replica import Replicas
from tests.gateway.running import AUTHORIZED, RunningGateway, deployment, endpoint, eventually
from tests.otlp import Receiver, attributes, receiving

SECRET = "their-secret"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@contextmanager
def traced_gateway(url: str, percent: float = 100) -> Iterator[RunningGateway]:
    folder = Path(tempfile.mkdtemp(prefix="es-"))
    tracing = Tracing(endpoint=url, headers=(("x-api-key", SECRET),), percent=percent)
    running = RunningGateway(folder, tracing=tracing)
    running.start()
    try:
        yield running
    finally:
        running.stop()
        shutil.rmtree(folder)


@pytest.fixture
def traced(receiver: Receiver) -> Iterator[RunningGateway]:
    with traced_gateway(receiver.url) as running:
        yield running


def test_a_request_and_its_call_of_a_replica(traced: RunningGateway, receiver: Receiver, servers: Replicas) -> None:
    blue = servers.start("blue")
    errors = TrafficLogging(mode=TrafficLogMode.ERRORS)
    traced.put(endpoint("prices", deployment("blue", blue.socket), traffic_log=errors))
    answer = httpx.post(f"{traced.url}/prices/score?secret=1", content=b"body-secret", headers=AUTHORIZED)
    assert answer.status_code == 200
    seen = trace_of(blue.heads[-1]["traceparent"])
    assert seen is not None
    eventually(lambda: len(receiver.spans()) >= 2)
    spans = {span.span_id: span for span in receiver.spans()}
    assert {span.trace_id for span in spans.values()} == {seen.trace_id.to_bytes(16)}
    call = spans[seen.span_id.to_bytes(8)]
    request = spans[call.parent_span_id]
    assert request.parent_span_id == b""
    assert attributes(request)["studio.endpoint"] == "prices"
    assert attributes(request)["studio.deployment"] == "blue"
    assert receiver.requests[-1][1]["x-api-key"] == SECRET
    assert not any(secret in str(spans) for secret in ("body-secret", AUTHORIZED["authorization"]))
    # What is part of a trace is kept although the endpoint keeps failed requests alone.
    eventually(lambda: traced.access_log.exists() and traced.access_log.stat().st_size)
    entry = entry_of(traced.access_log.read_bytes().splitlines()[0])
    assert (entry.x_request_id, trace_of(entry.traceparent)) == (answer.headers["x-request-id"], seen)


def test_a_trace_of_the_caller_goes_on(traced: RunningGateway, receiver: Receiver, servers: Replicas) -> None:
    blue = servers.start("blue")
    traced.put(endpoint("prices", deployment("blue", blue.socket)))
    given = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = AUTHORIZED | {"traceparent": f"00-{given}-00f067aa0ba902b7-01"}
    httpx.post(f"{traced.url}/prices/score", content=b"1", headers=headers)
    eventually(lambda: len(receiver.spans()) >= 2)
    assert {span.trace_id.hex() for span in receiver.spans()} == {given}


def test_nothing_is_sampled_where_nothing_is_wanted(receiver: Receiver, servers: Replicas) -> None:
    with traced_gateway(receiver.url, percent=0) as running:
        blue = servers.start("blue")
        running.put(endpoint("prices", deployment("blue", blue.socket)))
        answer = httpx.post(f"{running.url}/prices/score", content=b"1", headers=AUTHORIZED)
        eventually(lambda: answer.headers["x-request-id"] in running.access_log.read_text())
        assert receiver.spans() == []


def test_a_receiver_that_is_dead_fails_no_request(receiver: Receiver, servers: Replicas) -> None:
    receiver.status = 503
    for url in (receiver.url, "http://127.0.0.1:9"):
        with traced_gateway(url) as running:
            blue = servers.start("blue")
            running.put(endpoint("prices", deployment("blue", blue.socket)))
            with httpx.Client(base_url=running.url, headers=AUTHORIZED) as client:
                answers = [client.post("/prices/score", content=b"1").status_code for _ in range(200)]
            assert set(answers) == {200}
            Path(blue.socket).unlink()
