"""The collector's studio, with a clock of its own."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine

from endpoints import wiring
from endpoints.telemetry.fake import FakeGatewayStatistics, FakeProcesses
from tests.reconcile.measuring import START, Studio


@pytest.fixture
def studio(db: None, adapters: wiring.Adapters) -> Iterator[Studio]:
    gateway, processes = adapters.gateway_statistics, adapters.process_statistics
    assert isinstance(gateway, FakeGatewayStatistics)
    assert isinstance(processes, FakeProcesses)
    processes.age = timedelta()
    with time_machine.travel(START, tick=False) as clock:
        gateway.started_at = START
        yield Studio(gateway, processes, clock)
