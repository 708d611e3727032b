"""What everyone who needs an environment may rely on, asked of each builder."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uv

from endpoints.domain.environments import EnvironmentSpec, parse_requirements
from endpoints.enums import BuildState
from endpoints.environments.builder import UvEnvironmentBuilder
from endpoints.environments.port import BuildObservation, EnvironmentBuilder
from tests.compute.running import RunningSupervisor, eventually
from tests.fakes import FakeBuilder

GOOD = parse_requirements("six==1.16.0")
BAD = parse_requirements("es-no-such-package-at-all")


@dataclass
class Subject:
    builder: EnvironmentBuilder
    advance: Callable[[EnvironmentSpec], None]

    def build(self, spec: EnvironmentSpec) -> BuildObservation:
        self.builder.start(spec)
        assert self.builder.observe(spec.hash).state != BuildState.PENDING
        self.advance(spec)
        over = (BuildState.SUCCEEDED, BuildState.FAILED)
        eventually(lambda: self.builder.observe(spec.hash).state in over)
        return self.builder.observe(spec.hash)


@pytest.fixture(params=["fake", "uv"])
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    folder = Path(tempfile.mkdtemp(prefix="es-"))
    running = RunningSupervisor(folder)
    try:
        yield fake() if request.param == "fake" else real(running)
    finally:
        running.stop()
        shutil.rmtree(folder, ignore_errors=True)


def fake() -> Subject:
    builder = FakeBuilder()

    def advance(spec: EnvironmentSpec) -> None:
        builder.error = "not found" if spec == BAD else ""
        builder.advance()

    return Subject(builder, advance)


def real(running: RunningSupervisor) -> Subject:
    running.start()
    root, uv_bin = running.folder / "environments", Path(uv.find_uv_bin())
    return Subject(UvEnvironmentBuilder(programs=running.programs, root=root, uv=uv_bin), lambda spec: None)


def test_what_nobody_built_is_pending(subject: Subject) -> None:
    assert subject.builder.observe(GOOD.hash) == BuildObservation(hash=GOOD.hash, state=BuildState.PENDING)
    assert subject.builder.read_log(GOOD.hash).text == ""
    subject.builder.cancel(GOOD.hash)


def test_built_once_and_for_ever(subject: Subject) -> None:
    built = subject.build(GOOD)
    assert built.state == BuildState.SUCCEEDED, built.error
    assert built.python is not None
    assert built.started_at is not None
    assert built.finished_at is not None
    assert built.size_bytes
    subject.builder.start(GOOD)
    assert subject.builder.observe(GOOD.hash) == built


def test_a_failed_build_says_why_and_is_built_again(subject: Subject) -> None:
    failed = subject.build(BAD)
    assert failed.state == BuildState.FAILED
    assert failed.python is None
    assert "not found" in failed.error
    again = subject.build(BAD)
    assert again.state == BuildState.FAILED
    assert again.started_at != failed.started_at or again.finished_at != failed.finished_at


def test_a_cancelled_build_does_not_succeed(subject: Subject) -> None:
    subject.builder.start(GOOD)
    # A process that is only just forked may miss the signal; it is then ended by force, or done before.
    eventually(lambda: subject.builder.observe(GOOD.hash).started_at is not None)
    subject.builder.cancel(GOOD.hash)
    subject.builder.cancel(GOOD.hash)
    quiet = (BuildState.PENDING, BuildState.FAILED)
    eventually(lambda: subject.builder.observe(GOOD.hash).state in quiet)
