"""What everyone who runs replicas may rely on, asked of each adapter."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from endpoints.compute.port import Compute, ComputeError
from endpoints.domain.replicas import ReplicaObservation, ReplicaSpec
from tests.compute.running import RunningSupervisor, eventually
from tests.fakes import FakeCompute


@dataclass
class Subject:
    compute: Compute
    spec: Callable[[str], ReplicaSpec]
    advance: Callable[[], None]
    go_down: Callable[[], None]

    def seen(self, replica_id: str) -> ReplicaObservation | None:
        return next((each for each in self.compute.observe() if each.id == replica_id), None)

    def becomes(self, replica_id: str, state: str | None) -> ReplicaObservation | None:
        """None: is there no more."""

        def did() -> bool:
            self.advance()
            seen = self.seen(replica_id)
            return (seen.state if seen else None) == state

        eventually(did)
        return self.seen(replica_id)


@pytest.fixture(params=["fake", "local"])
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    folder = Path(tempfile.mkdtemp(prefix="es-"))
    running = RunningSupervisor(folder)
    try:
        yield fake(running) if request.param == "fake" else real(running)
    finally:
        running.stop()
        shutil.rmtree(folder, ignore_errors=True)


def fake(running: RunningSupervisor) -> Subject:
    compute = FakeCompute()

    def go_down() -> None:
        compute.refusal = "gone"

    return Subject(compute, running.spec, compute.advance, go_down)


def real(running: RunningSupervisor) -> Subject:
    running.start()
    return Subject(running.compute, running.spec, lambda: None, running.kill)


def unconditional(seen: ReplicaObservation | None) -> ReplicaObservation | None:
    """Its first liveness probe may pass at any time after it is ready."""
    return replace(seen, conditions=()) if seen else None


def test_a_replicas_life(subject: Subject) -> None:
    assert subject.compute.observe() == []
    spec = subject.spec("r-1")
    subject.compute.start(spec)
    assert subject.seen("r-1") is not None
    ready = subject.becomes("r-1", "Ready")
    assert ready is not None
    assert (ready.deployment_id, ready.generation, ready.ordinal) == (spec.deployment_id, 1, 0)
    assert ready.pid is not None
    assert ready.started_at is not None
    assert ready.ready_at is not None
    assert ready.restarts == 0
    subject.compute.start(spec)
    assert unconditional(subject.seen("r-1")) == unconditional(ready)
    subject.compute.restart("r-1")
    subject.becomes("r-1", "Ready")
    subject.compute.stop("r-1")
    subject.becomes("r-1", None)
    subject.compute.start(spec)
    assert subject.becomes("r-1", "Ready")


def test_replicas_do_not_disturb_each_other(subject: Subject) -> None:
    for name in ("r-1", "r-2"):
        subject.compute.start(subject.spec(name))
    before = subject.becomes("r-2", "Ready")
    subject.becomes("r-1", "Ready")
    subject.compute.stop("r-1")
    subject.becomes("r-1", None)
    assert unconditional(subject.seen("r-2")) == unconditional(before)


def test_what_is_not_there(subject: Subject) -> None:
    subject.compute.stop("r-9")
    subject.compute.restart("r-9")
    subject.compute.purge("nobody")
    for start in (None, 0, 99):
        assert subject.compute.read_log("r-9", start=start).text == ""
    assert subject.compute.observe() == []


def test_a_target_that_cannot_be_reached_says_so(subject: Subject) -> None:
    subject.go_down()
    calls: list[Callable[[], object]] = [
        subject.compute.observe,
        lambda: subject.compute.stop("r-1"),
        lambda: subject.compute.restart("r-1"),
        lambda: subject.compute.start(subject.spec("r-1")),
    ]
    for call in calls:
        with pytest.raises(ComputeError):
            call()
    assert subject.compute.read_log("r-1").text == ""
